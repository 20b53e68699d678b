//! Which keys each query sees, on the device, kept from one forward pass to the next.

use std::sync::{Mutex, PoisonError};

use crate::{
    gpu::{Gpu, GpuError},
    kernels::attention::{Interval, KeyIntervals, causal, full},
};

/// What the queries of a layer see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    /// All keys.
    Full {
        /// Number of queries.
        queries: usize,
        /// Number of keys.
        keys: usize,
    },
    /// All tokens of their own part, of parts of so many that stand one below the other.
    Each(Vec<usize>),
    /// Themselves and what comes before them.
    Causal {
        /// Number of tokens.
        tokens: usize,
    },
}

/// Masks kept at most: a tower's, a connector's, and those of the prompts' lengths.
const MOST: usize = 32;

/// The masks of a model.
#[derive(Debug, Default)]
pub(super) struct Masks(Mutex<Vec<(Mask, KeyIntervals)>>);

impl Masks {
    /// The intervals of a mask, uploaded the first time.
    pub(super) fn get(&self, gpu: &Gpu, mask: Mask) -> Result<KeyIntervals, GpuError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, intervals)) = kept.iter().find(|(other, _)| *other == mask) {
            return Ok(intervals.clone());
        }
        let intervals = match &mask {
            Mask::Full { queries, keys } => KeyIntervals::new(gpu, *keys, &full(*queries, *keys))?,
            Mask::Each(parts) => {
                let mut seen: Vec<Interval> = Vec::new();
                for part in parts {
                    let first = seen.len() as u32;
                    seen.resize(seen.len() + part, [first, first + *part as u32]);
                }
                KeyIntervals::of_parts(gpu, seen.len(), &seen, parts)?
            }
            Mask::Causal { tokens } => KeyIntervals::new(gpu, *tokens, &causal(*tokens))?,
        };
        if kept.len() >= MOST {
            kept.remove(0);
        }
        kept.push((mask, intervals.clone()));
        Ok(intervals)
    }
}
