//! Several prompts in one forward pass.
//!
//! A call costs a GPU microseconds whatever it does, and a short prompt's calls do little: so the rows of several prompts
//! stand one below the other. The states of a prompt have the same bits whoever stands beside it: products are planned for a
//! number of rows that depends on the class of the adapter alone, no workgroup of attention takes the queries of two
//! prompts, and all other kernels go row by row. So a measurement does not depend on how its pairs are grouped, on
//! where a shard of it begins or an interrupted run goes on.

use super::{Capture, CaptureRequest, ForwardInput, ModelError, Vlm, ops::Ops};
use crate::{
    families::{DecoderSpec, TowerMlp, TowerSpec},
    gpu::{AdapterClass, Gpu, Recording},
    kernels::matmul::plan,
};

/// Rows that products are planned for, and the most that prompts have together. Software adapters gain nothing: their
/// calls take as long as their rows.
fn rows(class: AdapterClass) -> Option<usize> {
    match class {
        AdapterClass::Software => None,
        AdapterClass::Integrated => Some(1024),
        AdapterClass::Discrete => Some(2048),
    }
}

impl Vlm {
    /// Records one forward pass over several prompts and returns the states asked for: those of all prompts one below the
    /// other, in their order. See [`Vlm::forward`] for how long they hold.
    ///
    /// # Errors
    /// As [`Vlm::forward`].
    pub fn forward_all(
        &self,
        recording: &mut Recording,
        inputs: &[ForwardInput<'_>],
        request: &CaptureRequest,
    ) -> Result<Capture, ModelError> {
        self.forward_with(self.ops_of_many(recording), inputs, request)
    }

    /// What records kernels whose rows have the same bits whatever stands beside them.
    pub(super) fn ops_of_many<'a>(&'a self, recording: &'a mut Recording) -> Ops<'a> {
        Ops {
            planned_rows: rows(self.gpu.class()),
            ..self.ops(recording)
        }
    }

    /// Tokens that the prompts of one forward pass should have together at most; a prompt that has more runs alone, as
    /// all do where this is 0.
    pub fn rows_at_once(&self) -> usize {
        rows_within(&self.gpu, &of_decoder(&self.spec.text))
    }

    /// Positions of the pictures that go through the tower together.
    pub(super) fn tower_rows(&self) -> usize {
        let vision = self.spec.vision.as_ref();
        vision.map_or(0, |vision| rows_within(&self.gpu, &of_tower(&vision.tower)))
    }

    /// Bytes of working memory that a token takes in a forward pass of which so many states are kept.
    pub fn bytes_per_row(&self, states: usize) -> u64 {
        let spec = &self.spec.text;
        let widest = of_decoder(spec).iter().map(|[n, _]| *n).max().unwrap_or(0);
        // Beside the states: what a layer is given, and what it makes of it.
        let values = (states + 4) * spec.hidden_size + 3 * widest;
        4 * values as u64
    }
}

/// Columns and inner dimensions of the products of a decoder layer.
fn of_decoder(spec: &DecoderSpec) -> [[usize; 2]; 4] {
    let (width, inner) = (spec.hidden_size, spec.intermediate_size);
    let queries = spec.num_attention_heads * spec.head_dim;
    let all = queries + 2 * spec.num_key_value_heads * spec.head_dim;
    [
        [all, width],
        [width, queries],
        [2 * inner, width],
        [width, inner],
    ]
}

/// Those of a layer of a tower, and of its patches.
fn of_tower(spec: &TowerSpec) -> [[usize; 2]; 4] {
    let (width, inner) = (spec.hidden_size, spec.intermediate_size);
    let patch = spec.num_channels * spec.patch_size * spec.patch_size;
    let gates = if spec.mlp == TowerMlp::Plain { 1 } else { 2 };
    [
        [width.max(patch), patch],
        [width, width],
        [gates * inner, width],
        [width, inner],
    ]
}

/// The rows of the class, or as many as leave the results of all `products` within a binding, those of pieces included.
fn rows_within(gpu: &Gpu, products: &[[usize; 2]]) -> usize {
    let Some(most) = rows(gpu.class()) else {
        return 0;
    };
    let fitting = products.iter().map(|&[n, k]| {
        let row = 4 * (plan(gpu, most, n, k).pieces * n.next_multiple_of(4)) as u64;
        usize::try_from(gpu.max_binding() / row.max(1)).unwrap_or(usize::MAX)
    });
    fitting.fold(most, usize::min)
}
