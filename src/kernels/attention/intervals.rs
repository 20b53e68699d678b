//! Which keys each query sees.

use std::fmt;

use crate::{
    gpu::{Gpu, GpuError, Tensor},
    kernels::{expect, u32_of},
};

/// First key that a query sees, and the end of them.
pub type Interval = [u32; 2];

/// Queries that a workgroup may take: for each number the table says which, and sums up what they see.
const BLOCKS: [usize; 2] = [64, 32];
/// Pairs of numbers that say it of a block.
pub(super) const ENTRY: usize = 3;

/// One interval of keys per query, on the device: full, causal, prefix, sliding window, segments.
#[derive(Clone)]
pub struct KeyIntervals {
    table: Tensor,
    /// Where the blocks of each size begin in the table, in pairs of numbers, and how many there are.
    blocks: [[usize; 2]; BLOCKS.len()],
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
        Self::of_parts(gpu, keys, intervals, &[intervals.len()])
    }

    /// As [`KeyIntervals::new`], of queries in parts of so many: no workgroup takes queries of two, so that the bits of
    /// a part's results do not depend on what stands before and behind it.
    ///
    /// # Errors
    /// As [`KeyIntervals::new`]; [`GpuError::Shape`] where the parts are not all queries.
    pub fn of_parts(
        gpu: &Gpu,
        keys: usize,
        intervals: &[Interval],
        parts: &[usize],
    ) -> Result<Self, GpuError> {
        let within = |[begin, end]: &Interval| begin <= end && *end as usize <= keys;
        let outside = intervals.iter().position(|interval| !within(interval));
        expect("attention", outside.is_none(), || {
            let query = outside.unwrap_or(0);
            let [begin, end] = intervals.get(query).copied().unwrap_or_default();
            format!("query {query} sees keys {begin}..{end}, there are {keys}")
        })?;
        let count: usize = parts.iter().sum();
        expect("attention", count == intervals.len(), || {
            format!("{} queries are not parts of {parts:?}", intervals.len())
        })?;
        let mut table: Vec<u32> = intervals.as_flattened().to_vec();
        let blocks = BLOCKS.map(|size| {
            let (begin, mut first) = (table.len() / 2, 0);
            for part in parts {
                let end = first + part;
                for query in (first..end).step_by(size) {
                    let behind = end.min(query + size);
                    let own = intervals.get(query..behind).unwrap_or_default();
                    table.extend(entry(query, own));
                }
                first = end;
            }
            [begin, (table.len() / 2 - begin) / ENTRY]
        });
        let pairs = intervals.iter().map(|[begin, end]| f64::from(end - begin));
        Ok(Self {
            table: gpu.upload_indices(&table)?,
            blocks,
            queries: intervals.len(),
            keys,
            pairs: pairs.sum(),
        })
    }

    /// Where the blocks of so many queries begin in the table, in pairs of numbers, and how many there are; none where
    /// it has no such blocks.
    pub(super) fn blocks(&self, queries: usize) -> Option<[usize; 2]> {
        let sizes = BLOCKS.iter().zip(self.blocks);
        let mut found = sizes.filter(|(size, _)| **size == queries);
        found.next().map(|(_, blocks)| blocks)
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

/// What the table says of a block: the first query and the end of them; the least first key and the greatest end; the
/// greatest first key and the least end.
fn entry(first: usize, own: &[Interval]) -> [u32; 2 * ENTRY] {
    let fold = |pick: fn(u32, u32) -> u32, part: usize| {
        let parts = own.iter().map(|interval| interval[part]);
        parts.reduce(pick).unwrap_or(0)
    };
    [
        u32_of(first),
        u32_of(first + own.len()),
        fold(u32::min, 0),
        fold(u32::max, 1),
        fold(u32::max, 0),
        fold(u32::min, 1),
    ]
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
