//! A stopwatch without statistics, for programs that compare many times.

use std::time::Instant;

/// Microseconds of one call: the median of many loops of some milliseconds, most of which are not interrupted.
pub fn microseconds(mut run: impl FnMut()) -> f64 {
    let mut seconds = |times: u32| {
        let start = Instant::now();
        for _ in 0..times {
            run();
        }
        start.elapsed().as_secs_f64()
    };
    let mut times = 1;
    while seconds(times) < 2e-3 {
        times *= 2;
    }
    // Long calls are repeated less.
    let loops = (0.3 / seconds(times)).clamp(9.0, 61.0) as usize;
    median((0..loops).map(|_| 1e6 * seconds(times) / f64::from(times)).collect())
}

/// The median; for an even number of values the lower of the middle two.
///
/// # Panics
/// If there are no values.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
