//! Doing the next thing while the last one is used.

use std::{
    panic,
    sync::mpsc::{Receiver, channel, sync_channel},
    thread::JoinHandle,
};

use super::spawn_thread;

/// The same items, each made while the one before it is used: one is ready, and no more than that.
///
/// What is made last may still be under way after the iterator is dropped.
pub fn ahead<I>(items: I) -> impl Iterator<Item = I::Item>
where
    I: Iterator<Item: Send> + Send + 'static,
{
    // The items follow their thread, so that they are still here where the system refuses one.
    let (hand_over, handed_over) = channel::<I>();
    let (sender, receiver) = sync_channel(0);
    let thread = spawn_thread("reading ahead", move || {
        for item in handed_over.recv().into_iter().flatten() {
            // Nobody wants more.
            if sender.send(item).is_err() {
                return;
            }
        }
    });
    match thread {
        Ok(thread) => match hand_over.send(items) {
            Ok(()) => Ahead::Thread(receiver, Some(thread)),
            Err(items) => Ahead::Here(items.0),
        },
        Err(_) => Ahead::Here(items),
    }
}

enum Ahead<I: Iterator> {
    Thread(Receiver<I::Item>, Option<JoinHandle<()>>),
    Here(I),
}

impl<I: Iterator> Iterator for Ahead<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        match self {
            Self::Here(items) => items.next(),
            Self::Thread(receiver, thread) => receiver.recv().ok().or_else(|| {
                // A panic goes on where the items are used.
                if let Some(Err(reason)) = thread.take().map(JoinHandle::join) {
                    panic::resume_unwind(reason);
                }
                None
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn items_come_in_order_and_only_one_is_ahead() {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = made.clone();
        let mut items = ahead((0..100).inspect(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        for expected in 0..50 {
            assert_eq!(items.next(), Some(expected));
            let made = made.load(Ordering::SeqCst);
            assert!(
                (expected + 1..=expected + 2).contains(&made),
                "{made} at {expected}"
            );
        }
        assert_eq!(items.collect::<Vec<_>>(), (50..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_is_heard() {
        let mut items = ahead([1, 0].into_iter().map(|number| 1 / number));
        assert_eq!(items.next(), Some(1));
        let heard = panic::catch_unwind(panic::AssertUnwindSafe(|| items.next()));
        assert!(heard.is_err());
    }
}
