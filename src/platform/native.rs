//! Threads and waiting: the only place outside tests that may block.

use std::{future::Future, io, thread};

/// Runs `future` to its end on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// Starts `work` on a thread called `name`.
///
/// # Errors
/// What the system says where it refuses another thread.
pub fn spawn_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}
