//! Work on all threads. Functions come by reference, so that rustc compiles rayon's part once for all models of one size.

use alloc::vec::Vec;

use rayon::prelude::*;

/// The results of `work` for the indices below `count`, in order. Each thread works with memory of its own, from `memory`.
pub(crate) fn map_indices<W, T: Send>(
    count: usize,
    memory: &(dyn Fn() -> W + Sync),
    work: &(dyn Fn(&mut W, usize) -> T + Sync),
) -> Vec<T> {
    (0..count).into_par_iter().map_init(memory, work).collect()
}

/// Sorts results by their indices; each index occurs once.
pub(crate) fn in_order<T>(count: usize, results: impl IntoIterator<Item = (usize, T)>) -> Vec<T> {
    let mut ordered: Vec<Option<T>> = (0..count).map(|_| None).collect();
    for (index, result) in results {
        ordered[index] = Some(result);
    }
    ordered.into_iter().flatten().collect()
}
