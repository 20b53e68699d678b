//! Work on all processors.

use std::{
    num::NonZero,
    panic,
    sync::{Mutex, PoisonError, mpsc::sync_channel},
    thread,
};

/// Does `work` on every item, on as many threads as there are processors, `at_most` so many; `heard` gets what
/// comes of them on this thread, in the order in which it is ready. The threads wait where `heard` is slow.
///
/// Where the system refuses threads, this one does the work. A panic goes on here.
#[allow(clippy::unused_async)]
pub async fn in_parallel<T: Send, R: Send>(
    items: impl Iterator<Item = T> + Send,
    at_most: usize,
    work: impl Fn(T) -> R + Sync,
    mut heard: impl FnMut(R),
) {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let wanted = items.size_hint().1.unwrap_or(usize::MAX);
    let threads = processors.min(at_most).min(wanted);
    if threads <= 1 {
        items.for_each(|item| heard(work(item)));
        return;
    }
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(0);
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (sender, work, next) = (sender.clone(), &work, &next);
            let worker = thread::Builder::new()
                .name("working".to_owned())
                .spawn_scoped(scope, move || {
                    while let Some(item) = next() {
                        if sender.send(work(item)).is_err() {
                            return;
                        }
                    }
                });
            match worker {
                Ok(worker) => workers.push(worker),
                Err(_) => break,
            }
        }
        drop(sender);
        receiver.iter().for_each(&mut heard);
        for worker in workers {
            if let Err(reason) = worker.join() {
                panic::resume_unwind(reason);
            }
        }
        // Without a single thread everything is still to be done.
        while let Some(item) = next() {
            heard(work(item));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_whatever_the_number_of_threads() {
        for at_most in [0, 1, 2, 100] {
            let mut found = Vec::new();
            let squares = in_parallel(0..50, at_most, |x| x * x, |square| found.push(square));
            pollster::block_on(squares);
            found.sort_unstable();
            assert_eq!(found, (0..50).map(|x| x * x).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_is_heard() {
        let heard = panic::catch_unwind(|| {
            pollster::block_on(in_parallel([1, 0].into_iter(), 2, |x| 1 / x, drop));
        });
        assert!(heard.is_err());
    }
}
