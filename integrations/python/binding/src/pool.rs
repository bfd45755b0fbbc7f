//! Pools of threads for batches, one for each number of threads.
//!
//! A process that was made by `fork` has none of its parent's threads. A pool of the parent would wait for them forever, so pools
//! belong to the process that made them. Those of a parent are never dropped, because that would wait for their threads, too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::Python;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Failure;

/// The pools of a process, by their number of threads.
struct Pools {
    process: u32,
    pools: BTreeMap<usize, Arc<ThreadPool>>,
}

static POOLS: Mutex<Pools> = Mutex::new(Pools { process: 0, pools: BTreeMap::new() });

/// The pool with this number of threads; `None` for one each core.
///
/// The lock is held only by threads that hold the interpreter, as the caller does. So it is free whenever Python forks.
///
/// # Errors
/// For a number of zero, and where the system gives no more threads.
pub(crate) fn pool(_python: Python<'_>, threads: Option<usize>) -> Result<Arc<ThreadPool>, Failure> {
    if threads == Some(0) {
        return Err(Failure::Argument("threads is 0, expected at least 1, or None for one each core".into()));
    }
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut all = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if all.process != process {
        std::mem::forget(std::mem::take(&mut all.pools));
        all.process = process;
    }
    if let Some(pool) = all.pools.get(&threads) {
        return Ok(pool.clone());
    }
    let made = ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("dilqr-{i}")).build();
    let made = made.map_err(|error| Failure::Argument(format!("threads is {threads}: {error}")))?;
    Ok(all.pools.entry(threads).or_insert(Arc::new(made)).clone())
}
