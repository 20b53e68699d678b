//! Which states of a forward pass are kept.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{ModelError, ops::Ops};
use crate::gpu::{DType, Tensor};

/// A point of the forward pass whose state can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// `hidden_states[i]` of the vision tower: 0 before its first block, i after block i; before
    /// `post_layernorm`. `[positions, vision hidden]`, the positions of all pictures one after
    /// another.
    VisionState(usize),
    /// What the connector makes of the selected tower states: `[image tokens, hidden]`, those of all
    /// pictures one after another.
    ImageFeatures,
    /// What is added to the image tokens behind decoder block `k` (counted from 1): `[image tokens,
    /// hidden]`, of models that have such features (DeepStack).
    DeepFeatures(usize),
    /// Token embeddings with the image features in their places, `hidden_states[0]`:
    /// `[tokens, hidden]`.
    InputsEmbeds,
    /// The residual stream after decoder block `k` (1 to L), before the final norm: `[tokens,
    /// hidden]`. `hidden_states[k]` for k < L, to which features may be added before the next block,
    /// as in transformers; for L they have been.
    Layer(usize),
    /// The same of k < L with what is added to it, where something is: what block `k + 1` is given.
    Continued(usize),
    /// After the final norm, `hidden_states[L]`: `[tokens, hidden]`.
    FinalNorm,
    /// Queries of decoder block `k` (1 to L) after the rotary embedding: `[tokens, heads *
    /// head_dim]`.
    Queries(usize),
    /// Keys of decoder block `k` (1 to L) after the rotary embedding: `[tokens, kv_heads *
    /// head_dim]`.
    Keys(usize),
}

/// The states to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureRequest(BTreeSet<Hook>);

impl CaptureRequest {
    /// Nothing, to be extended.
    pub fn new() -> Self {
        Self::default()
    }

    /// What [`Vlm::logit_lens`](super::Vlm::logit_lens) takes of a decoder with `layers` layers.
    pub fn with_lens(self, layers: usize) -> Self {
        self.with_all(lens_hooks(layers))
    }

    /// What [`Vlm::attention_row`](super::Vlm::attention_row) takes of decoder layer `layer`.
    pub fn with_attention(self, layer: usize) -> Self {
        self.with(Hook::Queries(layer)).with(Hook::Keys(layer))
    }

    /// Adds a hook.
    pub fn with(mut self, hook: Hook) -> Self {
        self.0.insert(hook);
        self
    }

    /// Adds hooks.
    pub fn with_all(mut self, hooks: impl IntoIterator<Item = Hook>) -> Self {
        self.0.extend(hooks);
        self
    }

    /// Whether the hook is asked for.
    pub fn contains(&self, hook: Hook) -> bool {
        self.0.contains(&hook)
    }

    /// The last tower state asked for.
    pub(super) fn last_vision_state(&self) -> Option<usize> {
        self.0
            .iter()
            .filter_map(|hook| match hook {
                Hook::VisionState(i) => Some(*i),
                _ => None,
            })
            .max()
    }
}

/// The residual stream along a decoder with `layers` layers, before the first and after each.
pub(super) fn lens_hooks(layers: usize) -> impl Iterator<Item = Hook> {
    std::iter::once(Hook::InputsEmbeds).chain((1..=layers).map(Hook::Layer))
}

/// The states kept of one forward pass, on the device.
///
/// A state is not copied: it keeps the memory in which the forward pass left it, so a capture that
/// is dropped after its recording was made costs nothing but a later reuse.
#[derive(Clone, Debug, Default)]
pub struct Capture(BTreeMap<Hook, Tensor>);

impl Capture {
    /// The state at a hook, if it was asked for and the model has it.
    pub fn get(&self, hook: Hook) -> Option<&Tensor> {
        self.0.get(&hook)
    }

    pub(super) fn keep(&mut self, request: &CaptureRequest, hook: Hook, state: &Tensor) {
        if request.contains(hook) {
            self.0.insert(hook, state.clone());
        }
    }

    /// Takes what was kept of the pictures that went through the tower together, which have `shares` of the tower's
    /// positions and of the image tokens of all pictures; their rows stand one after another.
    pub(super) fn stack(
        &mut self,
        ops: &mut Ops<'_>,
        seen: Self,
        shares: &[Share; 2],
    ) -> Result<(), ModelError> {
        for (hook, state) in seen.0 {
            let share = match hook {
                Hook::VisionState(_) => &shares[0],
                _ => &shares[1],
            };
            match self.0.entry(hook) {
                Entry::Occupied(entry) => share.copy(ops, &state, entry.get())?,
                Entry::Vacant(entry) => {
                    entry.insert(share.begun(ops, state)?);
                }
            }
        }
        Ok(())
    }
}

/// The rows of some pictures, which went through the tower together, among those of all pictures.
pub(super) struct Share {
    pub(super) first: usize,
    pub(super) all: usize,
}

impl Share {
    /// A tensor for the rows of all pictures, with those of this one; itself where it is the only one.
    pub(super) fn begun(&self, ops: &mut Ops<'_>, rows: Tensor) -> Result<Tensor, ModelError> {
        if rows.rows() == self.all {
            return Ok(rows);
        }
        let all = ops.gpu.tensor(DType::F32, self.all, rows.cols())?;
        self.copy(ops, &rows, &all)?;
        Ok(all)
    }

    /// Puts the picture's rows among those of all.
    pub(super) fn copy(
        &self,
        ops: &mut Ops<'_>,
        rows: &Tensor,
        all: &Tensor,
    ) -> Result<(), ModelError> {
        ops.recording
            .copy_rows(rows, 0, all, self.first, rows.rows())?;
        Ok(())
    }
}
