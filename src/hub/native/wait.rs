//! Work that blocks, on a thread of its own, so that a wish to stop is heard within a moment.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use crate::{
    hub::Refusal,
    platform::{Cancel, native::spawn_thread},
};

/// How often somebody who may want to stop is heard.
const MOMENT: Duration = Duration::from_millis(50);

/// What `work` gives within `most`, on a thread of its own; a thread that nobody waits for any more ends with its
/// connection's own patience.
///
/// # Errors
/// [`Refusal::Cancelled`], [`Refusal::TimedOut`], and those of `work`.
pub(super) fn aside<T: Send + 'static>(
    cancel: &Cancel,
    most: Duration,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    start(move || {
        // Nobody may be waiting any more.
        sender.send(work()).ok();
    })?;
    let until = Some(Instant::now() + most);
    next(cancel, &receiver, until)?.unwrap_or_else(|| {
        Err(Refusal::TimedOut {
            host: "the hub".to_owned(),
            seconds: most.as_secs(),
        })
    })
}

/// Starts `work` on a thread of its own.
pub(super) fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
    spawn_thread("hub", work)
        .map(drop)
        .map_err(|error| Refusal::Cache {
            place: "a thread for the download".to_owned(),
            reason: error.to_string(),
        })
}

/// The next message; none once the other side has ended, or where none came before `until`.
///
/// # Errors
/// [`Refusal::Cancelled`].
pub(super) fn next<T>(
    cancel: &Cancel,
    receiver: &Receiver<T>,
    until: Option<Instant>,
) -> Result<Option<T>, Refusal> {
    loop {
        if cancel.is_cancelled() {
            return Err(Refusal::Cancelled);
        }
        match receiver.recv_timeout(MOMENT) {
            Ok(message) => return Ok(Some(message)),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout)
                if until.is_some_and(|until| Instant::now() >= until) =>
            {
                return Ok(None);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Waits for so long.
///
/// # Errors
/// [`Refusal::Cancelled`].
pub(super) fn pause(cancel: &Cancel, length: Duration) -> Result<(), Refusal> {
    let end = Instant::now() + length;
    loop {
        if cancel.is_cancelled() {
            return Err(Refusal::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(MOMENT));
    }
}

/// When to try again after something that may pass, and when no more.
pub(super) struct Patience {
    since: Instant,
    tries: u32,
    /// How long one try may take.
    each: Duration,
}

/// Bytes after which a try has brought something.
pub(super) const PROGRESS: u64 = 64 << 10;

/// Tries without progress in a row.
const TRIES: u32 = 4;
/// Time without progress after which no other try is begun that may not end within half a minute, where no single
/// try may take longer.
const LONGEST: Duration = Duration::from_secs(28);

impl Patience {
    pub(super) fn new(each: Duration) -> Self {
        Self {
            since: Instant::now(),
            tries: 0,
            each,
        }
    }

    /// Something came.
    pub(super) fn renew(&mut self) {
        self.since = Instant::now();
        self.tries = 0;
    }

    /// Waits a while longer than the last time; fails with `refusal` where it does not pass, or was tried
    /// often enough.
    pub(super) fn after(&mut self, refusal: Refusal, cancel: &Cancel) -> Result<(), Refusal> {
        self.tries += 1;
        let wait = Duration::from_millis(250) * 2_u32.pow(self.tries.min(6));
        let end = self.since.elapsed() + wait + self.each;
        let longest = match self.each < LONGEST {
            true => LONGEST,
            // Whoever waits so long for one try gets another one after it.
            false => 2 * self.each + LONGEST,
        };
        if !refusal.is_passing() || self.tries >= TRIES || end > longest {
            return Err(match refusal {
                Refusal::Truncated {
                    expected, found, ..
                } => Refusal::Truncated {
                    expected,
                    found,
                    tries: self.tries,
                },
                other => other,
            });
        }
        pause(cancel, wait)
    }
}

/// Fewest bytes a second, over the time that silence may last.
const SLOWEST: u64 = 1 << 10;

/// Whether bytes come fast enough to be waited for.
pub(super) struct Pace {
    since: Instant,
    bytes: u64,
    stall: Duration,
}

impl Pace {
    pub(super) fn new(stall: Duration) -> Self {
        Self {
            since: Instant::now(),
            bytes: 0,
            stall,
        }
    }

    /// Counts bytes that came; whether they were too few since it was looked at last.
    pub(super) fn is_too_slow(&mut self, more: u64) -> bool {
        self.bytes += more;
        if self.since.elapsed() <= self.stall {
            return false;
        }
        let slow = self.bytes < SLOWEST * self.stall.as_secs();
        (self.since, self.bytes) = (Instant::now(), 0);
        slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_patience_still_tries_again() {
        let again = |each: u64, passed: u64| {
            let mut patience = Patience::new(Duration::from_secs(each));
            let before = Instant::now().checked_sub(Duration::from_secs(passed));
            patience.since = before.unwrap();
            let refusal = Refusal::TimedOut {
                host: "hub".to_owned(),
                seconds: each,
            };
            patience.after(refusal, &Cancel::default()).is_ok()
        };
        for (each, passed, expected) in [
            (10, 10, true),
            (10, 20, false),
            (20, 20, false),
            (28, 0, true),
            (60, 61, true),
            (60, 121, false),
        ] {
            assert_eq!(again(each, passed), expected, "{each} s, after {passed} s");
        }
    }
}
