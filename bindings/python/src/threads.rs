//! How many threads run a pass, and whether Python may run meanwhile.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Elements from which on a pass lets other Python threads run: some five microseconds of work. Below, handing the
/// interpreter's lock over and back would cost more than it gives.
const LARGE: usize = 1 << 16;

/// Elements below which the library gives no thread a part of the work.
const GRAIN: usize = 1 << 17;

/// More threads than any memory keeps busy, and few enough to be started at once.
const MOST: usize = 256;

/// The pool of the last parallel pass, with the process that its threads are in.
static POOL: Mutex<Option<(u32, Arc<ThreadPool>)>> = Mutex::new(None);

/// Runs a pass over so many elements: small ones at once, large ones without the interpreter's lock and on a pool of
/// `threads` threads, but no more than there are parts of the work.
pub fn run<T: Send>(py: Python<'_>, elements: usize, threads: usize, pass: impl FnOnce() -> T + Send) -> PyResult<T> {
    if elements < LARGE {
        return Ok(pass());
    }
    let threads = threads.min(MOST);
    let needed = threads.min(elements / GRAIN);
    if needed < 2 {
        return Ok(py.detach(pass));
    }
    let pool = pool(needed, threads)?;
    Ok(py.detach(|| pool.install(pass)))
}

/// A pool of at least `needed` and at most `most` threads. The last one is kept if it has so many, and was not inherited
/// by a fork, which copies no threads.
fn pool(needed: usize, most: usize) -> PyResult<Arc<ThreadPool>> {
    let process = process::id();
    let mut last = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((owner, pool)) = &*last
        && *owner == process
        && (needed..=most).contains(&pool.current_num_threads())
    {
        return Ok(Arc::clone(pool));
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(needed)
        .thread_name(|i| format!("dropout-kernels-{i}"))
        .build()
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let pool = Arc::new(pool);
    *last = Some((process, Arc::clone(&pool)));
    Ok(pool)
}
