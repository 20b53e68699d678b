//! What a browser keeps of fetched files.

use std::task::Poll;

use web_time::{Duration, Instant};

use crate::platform::{self, FileError, Later};

/// How long a size is believed: files are fetched while nobody looks.
const BELIEVED: Duration = Duration::from_secs(3);

/// The cache of fetched files, as far as it is known; natively there is none.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Bytes in it; none where nothing is kept.
    pub bytes: Option<u64>,
    /// Why it could not be emptied.
    pub refusal: Option<String>,
    counting: Option<Later<Option<u64>>>,
    clearing: Option<Later<Result<(), FileError>>>,
    counted: Option<Instant>,
}

impl Fetched {
    /// Keeps the size up to date; called in every frame that shows it. `wake` is called when there
    /// is something new.
    pub fn poll(&mut self, wake: impl FnOnce() + Send + 'static) {
        if let Some(clearing) = &mut self.clearing
            && let Poll::Ready(outcome) = clearing.poll()
        {
            self.clearing = None;
            self.counted = None;
            self.refusal = outcome.and_then(Result::err).map(|error| error.to_string());
        }
        if let Some(counting) = &mut self.counting {
            if let Poll::Ready(bytes) = counting.poll() {
                self.counting = None;
                self.bytes = bytes.flatten();
            }
            return;
        }
        let believed = (self.counted).is_some_and(|counted| counted.elapsed() < BELIEVED);
        if !believed && self.clearing.is_none() {
            self.counted = Some(Instant::now());
            self.counting = Some(platform::cache_size(wake));
        }
    }

    /// Empties the cache.
    pub fn clear(&mut self, wake: impl FnOnce() + Send + 'static) {
        self.refusal = None;
        self.clearing = Some(platform::clear_cache(wake));
    }

    /// Whether it is being emptied.
    pub fn is_clearing(&self) -> bool {
        self.clearing.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natively_nothing_is_kept_and_clearing_ends() {
        let mut fetched = Fetched::default();
        fetched.poll(|| {});
        fetched.poll(|| {});
        assert_eq!(fetched.bytes, None);
        fetched.clear(|| {});
        assert!(fetched.is_clearing());
        fetched.poll(|| {});
        assert!(!fetched.is_clearing());
        assert_eq!(fetched.refusal, None);
    }
}
