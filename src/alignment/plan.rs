//! How much device memory a metric takes, known before anything runs.

use super::{AlignmentError, Modality, covariance::Gram, metric::tensor_bytes as bytes};
use crate::{
    gpu::{AdapterClass, Gpu},
    report::format_bytes,
};

/// Rows of the states that one piece of a Gram matrix covers.
///
/// Twice as many would take a software adapter an eighth less time, but longer sums are no longer exact in f32: the
/// distance of clouds with dimensions 1000 times larger than others is then ten times further off.
pub(super) const PIECE: usize = 256;

/// Widest matrix that has few tiles: three of 64 on and beside the diagonal.
const NARROW: usize = 128;

/// Most pieces that are multiplied side by side, and most bytes that what comes of one product of them may take.
const MOST_PIECES: u64 = 16;
const MOST_BYTES: u64 = 64 << 20;

/// Pieces of a Gram matrix of this width that are multiplied side by side: a GPU has little to do with one, and each
/// call costs it microseconds. A processor has them in its cache one after the other, but a narrow matrix has too few
/// tiles to go round: four pieces of one take llvmpipe 8 to 15 % of the metric's time less, once it has compiled a
/// product more (0.7 to 1.1 s, see `docs/tried.md`). SwiftShader, which compiles for seconds and anew in each page, has no
/// time to gain.
pub(super) fn pieces_at_once(gpu: &Gpu, width: usize) -> usize {
    match gpu.class() {
        AdapterClass::Software if gpu.has_subgroups_of_eight() && width <= NARROW => 4,
        AdapterClass::Software => 1,
        AdapterClass::Integrated | AdapterClass::Discrete => {
            (MOST_BYTES / of_one_piece(width).max(1)).clamp(1, MOST_PIECES) as usize
        }
    }
}

/// Parts into which the inner dimension of such a product is cut, of so many rows. Where pieces go side by side on a
/// software adapter, a single one is cut in two: the product of a whole one would be another to compile. (It still is
/// where there are no more rows than a tile is deep.)
pub(super) fn cut(gpu: &Gpu, width: usize, rows: usize) -> Option<usize> {
    let least = match gpu.class() {
        AdapterClass::Software => pieces_at_once(gpu, width).min(2),
        AdapterClass::Integrated | AdapterClass::Discrete => 1,
    };
    let pieces = rows.div_ceil(PIECE).max(least);
    (pieces > 1).then_some(pieces)
}

/// Bytes of what comes of one product of one piece.
fn of_one_piece(width: usize) -> u64 {
    Gram::bytes(width) / 2
}

/// Device memory of the metric, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Hidden states of all layers, both modalities.
    pub states: u64,
    /// Statistics and matrices of the layers that are worked on together, with their copies on the
    /// way to the CPU and back.
    pub matrices: u64,
    /// Working memory that all layers share.
    pub working: u64,
    /// Layers that are worked on together; each group takes two readbacks.
    pub layers_per_group: usize,
}

impl MemoryPlan {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.states + self.matrices + self.working
    }

    /// Plans the metric for `tokens` (vision, text) per layer.
    pub(super) fn new(
        gpu: &Gpu,
        layers: usize,
        hidden_size: usize,
        tokens: [usize; 2],
        budget: Option<u64>,
    ) -> Result<Self, AlignmentError> {
        for (modality, count) in Modality::ALL.into_iter().zip(tokens) {
            if count < 2 {
                return Err(AlignmentError::TooFewTokens { modality, count });
            }
        }
        let row = bytes(1, hidden_size);
        for (modality, count) in Modality::ALL.into_iter().zip(tokens) {
            let what = format!("storing the {count} {modality} tokens of a layer");
            gpu.check_size(&what, row.saturating_mul(count as u64))?;
        }
        let square = bytes(hidden_size, hidden_size);
        gpu.check_size("a matrix of the hidden size squared", square)?;

        let all = (tokens[0] as u64).saturating_add(tokens[1] as u64);
        let states = row.saturating_mul(all).saturating_mul(layers as u64);
        let grams = tokens.iter().filter(|&&n| n > hidden_size).count() as u64;
        // Norms, three statistics per dimension, the dot products of the rows of one matrix.
        let statistics = 4 * all + 6 * row + 16 * hidden_size as u64;
        let read_back = grams * Gram::bytes(hidden_size) + statistics;
        // On the device and in the readback. In their place come the factors, what undoes them, their product and a
        // copy of it.
        let factors = 2 * grams * square + if grams > 0 { 2 * square } else { 0 };
        let per_layer = (2 * read_back).max(factors + 2 * statistics);
        // Sums of blocks of rows, zeros, the three parts of pieces for a Gram matrix and what comes of them, six
        // matrices of the polar iteration.
        let pieces = pieces_at_once(gpu, hidden_size);
        let side_by_side = match pieces {
            1 => 0,
            pieces => pieces as u64 * of_one_piece(hidden_size),
        };
        let parts = 3 * bytes(hidden_size, pieces * PIECE) + side_by_side;
        let working = row * all.div_ceil(8) + parts + 6 * square + 2 * row;

        let fixed = states.saturating_add(working);
        let allowed = budget.unwrap_or(u64::MAX);
        if fixed.saturating_add(per_layer) > allowed {
            return Err(AlignmentError::OverBudget {
                needed: format_bytes(fixed.saturating_add(per_layer)),
                budget: format_bytes(allowed),
            });
        }
        // The readback is one buffer.
        let in_buffer = gpu.max_buffer() / read_back.max(1);
        let in_budget = (allowed - fixed) / per_layer.max(1);
        let group = in_buffer.min(in_budget).clamp(1, layers.max(1) as u64);
        Ok(Self {
            states,
            matrices: group * per_layer,
            working,
            layers_per_group: group as usize,
        })
    }
}
