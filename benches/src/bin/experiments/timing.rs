//! Wall times of short operations.

use core::time::Duration;
use std::time::Instant;

use crate::table::median;

/// Seconds of each of several operations, as medians over blocks. Operations run in turn, block by block, so that slow
/// phases of the machine affect all of them. A block repeats its operation for about `block`.
pub(crate) fn medians(blocks: usize, block: Duration, operations: &mut [Box<dyn FnMut() + '_>]) -> Vec<f64> {
    times(blocks, block, operations).into_iter().map(median).collect()
}

/// The same, as the least over blocks. Short blocks often end before another program gets the core, so this is the
/// measure for a busy machine.
pub(crate) fn least(blocks: usize, block: Duration, operations: &mut [Box<dyn FnMut() + '_>]) -> Vec<f64> {
    let least = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
    times(blocks, block, operations).into_iter().map(least).collect()
}

/// Seconds of each operation in each block.
fn times(blocks: usize, block: Duration, operations: &mut [Box<dyn FnMut() + '_>]) -> Vec<Vec<f64>> {
    // The first run also fills the caches.
    let repeats: Vec<u32> = operations
        .iter_mut()
        .map(|operation| {
            let one = seconds(1, operation).min(seconds(1, operation)).max(1e-9);
            (block.as_secs_f64() / one).clamp(1.0, 1e6) as u32
        })
        .collect();
    let mut times = vec![Vec::with_capacity(blocks); operations.len()];
    for _ in 0..blocks {
        for ((operation, times), &repeats) in operations.iter_mut().zip(&mut times).zip(&repeats) {
            times.push(seconds(repeats, operation));
        }
    }
    times
}

/// Mean seconds of an operation over some repeats.
fn seconds(repeats: u32, operation: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    for _ in 0..repeats {
        operation();
    }
    begin.elapsed().as_secs_f64() / f64::from(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation of a millisecond beside one of nothing.
    #[test]
    fn sleeping_takes_longer_than_nothing() {
        let sleep = || std::thread::sleep(Duration::from_millis(1));
        let nothing = || {};
        for measure in [medians, least] {
            let times = measure(3, Duration::from_millis(2), &mut [Box::new(sleep), Box::new(nothing)]);
            assert!(times[0] >= 1e-3 && times[1] < 1e-4, "{times:?}");
        }
    }
}
