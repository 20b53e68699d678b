//! How much device memory a streamed metric takes, whatever the number of pairs.

use super::{BINS, FIRST_PAIRS};
use crate::{
    alignment::{AlignmentError, MirSettings, Modality, covariance::Gram, plan::PIECE},
    gpu::{DType, Gpu},
};

/// Rows that are at hand at a time, where no pair has more.
const ROWS: usize = 512;
/// Rows a layer that may wait for a decision.
const WAITING: usize = 512;
/// Rows of the first pairs; more tell nothing more, and a software adapter would stop a kernel that goes through them.
const MOST_FIRST: usize = 1 << 15;
/// Counts are exact up to here.
const MOST_TOKENS: usize = 1 << 24;
/// What layers that are factored together take beside what they took before.
const MOST_TOGETHER: u64 = 1 << 30;

/// Device memory of a streamed metric, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPlan {
    /// Of each layer that is worked on.
    pub per_layer: u64,
    /// Working memory that all layers share.
    pub working: u64,
    /// Of each layer that is factored together with others, beside the rest.
    factoring: u64,
    /// Of each layer in the second run, with what effective ranks move by.
    second_run: u64,
    /// Layers that are factored together.
    pub(super) together: usize,
    /// Rows at hand: of the first pairs, and later; vision, text.
    pub(super) rows: [[usize; 2]; 2],
    /// Rows that wait: vision, text.
    pub(super) waiting: [usize; 2],
    /// Tokens in all: vision, text.
    pub(super) tokens: [usize; 2],
    /// Tokens of the pair that has most: vision, text.
    pub(super) largest: [usize; 2],
}

impl StreamPlan {
    /// For states of width `width` and pairs with so many tokens (vision, text).
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`], [`AlignmentError::TooManyTokens`]; where a matrix does not fit a binding.
    pub fn new(gpu: &Gpu, width: usize, pairs: &[[usize; 2]]) -> Result<Self, AlignmentError> {
        let row = DType::F32.row_bytes(width);
        gpu.check_size("a matrix of the hidden size squared", row * width as u64)?;
        let mut plan = Self {
            per_layer: 0,
            working: 0,
            factoring: 0,
            second_run: 0,
            together: 1,
            rows: [[0; 2]; 2],
            waiting: [0; 2],
            tokens: [0; 2],
            largest: [0; 2],
        };
        for (side, modality) in Modality::ALL.into_iter().enumerate() {
            let of = |pair: &[usize; 2]| pair[side];
            let count = pairs.iter().map(of).sum();
            if count < 2 {
                return Err(AlignmentError::TooFewTokens { modality, count });
            }
            if count > MOST_TOKENS {
                return Err(AlignmentError::TooManyTokens {
                    modality,
                    count,
                    most: MOST_TOKENS,
                });
            }
            let largest = pairs.iter().map(of).max().unwrap_or(0);
            let first: usize = pairs.iter().take(FIRST_PAIRS).map(of).sum();
            let later = largest.max(ROWS).min(count);
            plan.tokens[side] = count;
            plan.largest[side] = largest;
            plan.rows[side] = [first.min(MOST_FIRST).max(later), later];
            plan.waiting[side] = WAITING.min(count);
            // What is left of the first rows goes layer by layer as the sums begin.
            let [first, later] = plan.rows[side];
            let sums = row * (later + plan.waiting[side] + BINS) as u64 + Gram::bytes(width);
            plan.per_layer += sums.max(row * first as u64);
            // The rows at hand, both matrices, and six vectors.
            plan.second_run += row * (later + 2 * width + 6) as u64;
        }
        let square = row * width as u64;
        let largest = plan.rows[0][0].max(plan.rows[1][0]) as u64;
        // Zeros, the parts of a piece and the sums of its halves, a copy of the rows at hand; at the end what the polar
        // iteration works in, and what makes transport maps of its result.
        let sums = square + row * (BINS + 5 * PIECE) as u64 + row * largest;
        plan.working = sums.max(10 * square);
        // Factors come in the place of the Gram matrices, beside them either their product and a copy of it or what
        // undoes them and the transport maps.
        plan.factoring = 4 * square;
        plan.together =
            usize::try_from(MOST_TOGETHER / plan.factoring).map_or(1, |most| most.max(1));
        Ok(plan)
    }

    /// Where effective ranks get intervals: what these move by stands beside the transport maps in the second run, when
    /// bins and rows that wait are gone.
    pub fn with(mut self, settings: MirSettings) -> Self {
        if settings.ranks && settings.intervals {
            self.per_layer = self.per_layer.max(self.second_run);
        }
        self
    }

    /// For so many layers at a time.
    pub fn total(&self, layers: usize) -> u64 {
        let together = layers.min(self.together) as u64;
        self.per_layer
            .saturating_mul(layers as u64)
            .saturating_add(self.factoring * together)
            .saturating_add(self.working)
    }

    /// The most layers that can be worked on together within `budget`, at least one.
    ///
    /// # Errors
    /// The bytes that one layer takes, where that is more.
    pub fn layers_within(&self, budget: u64) -> Result<usize, u64> {
        if self.total(1) > budget {
            return Err(self.total(1));
        }
        let alone = self.per_layer + self.factoring;
        let rest = budget - self.working;
        let layers = match rest / alone.max(1) {
            few if few < self.together as u64 => few,
            _ => (rest - self.factoring * self.together as u64) / self.per_layer.max(1),
        };
        Ok(usize::try_from(layers).unwrap_or(usize::MAX))
    }
}
