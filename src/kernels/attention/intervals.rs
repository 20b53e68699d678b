//! Which keys each query sees.

use std::fmt;

use crate::{
    gpu::{Gpu, GpuError, Tensor},
    kernels::{expect, u32_of},
};

/// First key that a query sees, and the end of them.
pub type Interval = [u32; 2];

/// Queries whose intervals are summed up for the kernel.
const BLOCK: usize = 32;

/// One interval of keys per query, on the device: full, causal, prefix, sliding window, segments.
#[derive(Clone)]
pub struct KeyIntervals {
    table: Tensor,
    queries: usize,
    keys: usize,
    pairs: f64,
}

/// Intervals of queries that see all keys.
pub fn full(queries: usize, keys: usize) -> Vec<Interval> {
    vec![[0, u32_of(keys)]; queries]
}

/// Intervals of tokens that see themselves and those before them.
pub fn causal(tokens: usize) -> Vec<Interval> {
    (0..tokens).map(causal_at).collect()
}

/// That of one token.
pub fn causal_at(token: usize) -> Interval {
    [0, u32_of(token + 1)]
}

impl KeyIntervals {
    /// Uploads the intervals of all queries within `0..keys`; an empty one gives a row of zeros.
    ///
    /// # Errors
    /// [`GpuError::Shape`] for an interval that is not within the keys; [`GpuError::TooLarge`].
    pub fn new(gpu: &Gpu, keys: usize, intervals: &[Interval]) -> Result<Self, GpuError> {
        let within = |[begin, end]: &Interval| begin <= end && *end as usize <= keys;
        let outside = intervals.iter().position(|interval| !within(interval));
        expect("attention", outside.is_none(), || {
            let query = outside.unwrap_or(0);
            let [begin, end] = intervals.get(query).copied().unwrap_or_default();
            format!("query {query} sees keys {begin}..{end}, there are {keys}")
        })?;
        let mut table: Vec<u32> = intervals.as_flattened().to_vec();
        for block in intervals.chunks(BLOCK) {
            // The least first and the greatest end, then the greatest first and the least end.
            let fold = |pick: fn(u32, u32) -> u32, part: usize| {
                let parts = block.iter().map(|interval| interval[part]);
                parts.reduce(pick).unwrap_or(0)
            };
            table.extend([fold(u32::min, 0), fold(u32::max, 1)]);
            table.extend([fold(u32::max, 0), fold(u32::min, 1)]);
        }
        let pairs = intervals.iter().map(|[begin, end]| f64::from(end - begin));
        Ok(Self {
            table: gpu.upload_indices(&table)?,
            queries: intervals.len(),
            keys,
            pairs: pairs.sum(),
        })
    }

    /// Number of queries.
    pub fn queries(&self) -> usize {
        self.queries
    }

    /// Number of keys.
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Pairs of a query and a key that it sees.
    pub(super) fn pairs(&self) -> f64 {
        self.pairs
    }

    pub(in crate::kernels) fn table(&self) -> &Tensor {
        &self.table
    }
}

impl fmt::Debug for KeyIntervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "intervals of {} queries in {} keys",
            self.queries, self.keys
        )
    }
}
