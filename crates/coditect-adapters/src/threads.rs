//! Threads of an adapter's own, for what is asynchronous behind a port that is not.

use std::future::Future;
use std::sync::mpsc::sync_channel;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use tokio::runtime::Runtime;

/// Threads of a runtime that may block, if nothing else is said.
const USUAL: usize = 512;

/// As many threads as what only waits for a server needs: where there are few cores, waking a second one costs more than it does.
pub(crate) fn few() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, 2))
}

/// So many threads of a name.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn start(name: &str, count: usize) -> Result<Runtime, PortError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| PortError::from_io(&format!("starting threads (`{name}`)"), &error))
}

/// The same where so many may block at the same time besides the usual ones, all with a stack of so many bytes.
///
/// # Errors
/// Where the system gives none.
pub(crate) fn start_deep(
    name: &str,
    count: usize,
    (blocking, stack): (usize, usize),
) -> Result<Runtime, PortError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(count)
        .max_blocking_threads(USUAL + blocking)
        .thread_stack_size(stack)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| PortError::from_io(&format!("starting threads (`{name}`)"), &error))
}

/// Blocks until `work` is done there. Not by `block_on`, which may not be called on threads of another runtime.
///
/// # Errors
/// Those of the work, and `Bug` where it broke or the threads are gone.
pub(crate) fn wait<T: Send + 'static>(
    runtime: Option<&Runtime>,
    work: impl Future<Output = Result<T, PortError>> + Send + 'static,
) -> Result<T, PortError> {
    let gone = || PortError::new(ErrorKind::Bug, "work on threads of our own broke off, or they are gone");
    let (tell, told) = sync_channel(1);
    drop(runtime.ok_or_else(gone)?.spawn(async move { drop(tell.send(work.await)) }));
    told.recv().unwrap_or_else(|_| Err(gone()))
}
