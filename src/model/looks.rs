//! Looks at single tokens of a captured forward pass: the words that their states are nearest to,
//! and where they look.

use super::{Capture, Hook, KvCache, ModelError, Vlm, capture::lens_hooks, language_model::heads};
use crate::{
    families::Layout,
    gpu::{DType, Recording, Tensor},
    kernels::{
        attention::Interval,
        attention_row::attention_row,
        top_tokens::{top_tokens, width},
    },
};

impl Vlm {
    /// Records the logit lens: the likeliest tokens by `softmax(W_U norm(h))` of the token at
    /// `position` along the residual stream (nostalgebraist, "interpreting GPT: the logit lens",
    /// 2020).
    ///
    /// `capture` holds [`CaptureRequest::with_lens`](super::CaptureRequest::with_lens). State L is
    /// the residual stream before the final norm like all others, so that each state goes through
    /// this norm exactly once, and the last one gives the model's own logits.
    ///
    /// Returns `[L + 1, 2 * count + 1]`, a row per state 0 to L for
    /// [`TopTokens::from_row`](crate::kernels::top_tokens::TopTokens::from_row).
    ///
    /// # Errors
    /// [`ModelError::NotCaptured`], [`ModelError::Position`], or that the logits of all states do
    /// not fit the device.
    pub fn logit_lens(
        &self,
        recording: &mut Recording,
        capture: &Capture,
        position: usize,
        count: usize,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec.text;
        let rows = c.num_hidden_layers + 1;
        let stacked = self.gpu.tensor(DType::F32, rows, c.hidden_size)?;
        for (row, hook) in lens_hooks(c.num_hidden_layers).enumerate() {
            let state = captured(capture, hook, position)?;
            recording.copy_rows(state, position, &stacked, row, 1)?;
        }
        let logits = self.words_of(recording, &stacked)?;
        let out = self.gpu.tensor(DType::F32, rows, width(count))?;
        recording.extend(top_tokens(&self.gpu, &logits, count, &out)?);
        Ok(out)
    }

    /// Records the logits `[n, vocab_size]` of states `[n, hidden_size]` of the residual stream: the final norm, then
    /// the head.
    ///
    /// # Errors
    /// [`ModelError::NoHead`], or that the logits do not fit the device.
    pub fn words_of(
        &self,
        recording: &mut Recording,
        states: &Tensor,
    ) -> Result<Tensor, ModelError> {
        let mut ops = self.ops(recording);
        let language_model = &self.parts.language_model;
        let normed = language_model.norm(&mut ops, states)?;
        language_model.logits(&mut ops, &normed)
    }

    /// The tokens that the one at `position` of a prompt sees at decoder layer `layer` (1 to L).
    pub fn seen_from(&self, layout: &Layout, layer: usize, position: usize) -> Interval {
        let text = &self.spec.text;
        let windowed = text.windowed.get(layer.saturating_sub(1)).copied();
        let window = text.sliding_window.filter(|_| windowed == Some(true));
        layout.seen_from(position, window)
    }

    /// Records where the token at `position` looks at decoder layer `layer` (1 to L): the softmax
    /// weights of each head over [`Vlm::seen_from`]. `capture` holds
    /// [`CaptureRequest::with_attention`](super::CaptureRequest::with_attention).
    ///
    /// # Errors
    /// [`ModelError::NotCaptured`], [`ModelError::Position`], or what the device reports.
    pub fn attention_row(
        &self,
        recording: &mut Recording,
        capture: &Capture,
        layout: &Layout,
        layer: usize,
        position: usize,
    ) -> Result<Tensor, ModelError> {
        let queries = captured(capture, Hook::Queries(layer), position)?;
        let keys = captured(capture, Hook::Keys(layer), position)?;
        let with = heads(&self.spec.text);
        let seen = self.seen_from(layout, layer, position);
        let width = (seen[1] - seen[0]) as usize;
        let out = self.gpu.tensor(DType::F32, with.heads, width)?;
        recording.extend(attention_row(
            &self.gpu, queries, keys, position, &with, seen, &out,
        )?);
        Ok(out)
    }
}

impl Vlm {
    /// As [`Vlm::attention_row`], of the token that was read last, at `position`: `capture` holds the queries of
    /// what was read with it, `cache` the keys of all.
    ///
    /// # Errors
    /// As [`Vlm::attention_row`].
    pub fn attention_of_last(
        &self,
        recording: &mut Recording,
        (capture, cache): (&Capture, &KvCache),
        layout: &Layout,
        layer: usize,
        position: usize,
    ) -> Result<Tensor, ModelError> {
        let queries = captured(capture, Hook::Queries(layer), 0)?;
        let [keys, _] = cache.layer(layer - 1)?;
        let with = heads(&self.spec.text);
        let seen = self.seen_from(layout, layer, position);
        let width = (seen[1] - seen[0]) as usize;
        let out = self.gpu.tensor(DType::F32, with.heads, width)?;
        let last = queries.rows() - 1;
        let row = attention_row(&self.gpu, queries, keys, last, &with, seen, &out)?;
        recording.extend(row);
        Ok(out)
    }
}

/// The state at a hook, which has a row `position`.
fn captured(capture: &Capture, hook: Hook, position: usize) -> Result<&Tensor, ModelError> {
    let state = capture.get(hook).ok_or(ModelError::NotCaptured { hook })?;
    if position >= state.rows() {
        return Err(ModelError::Position {
            position,
            tokens: state.rows(),
        });
    }
    Ok(state)
}
