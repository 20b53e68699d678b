//! Looks at single tokens of a captured forward pass: the words that their states are nearest to,
//! and where they look.

use super::{
    Capture, ForwardInput, Hook, KvCache, ModelError, Vlm, capture::lens_hooks,
    language_model::heads,
};
use crate::{
    families::{ConnectorKind, Layout},
    gpu::{DType, Recording, Tensor},
    kernels::{
        attention::Interval,
        attention_row::attention_row,
        gather_rows::gather_rows,
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
        let stacked = self.stream_at(recording, capture, position)?;
        self.top_words(recording, &stacked, count)
    }

    /// Records the token at `position` along the residual stream, `[L + 1, hidden_size]`: what the logit lens
    /// reads.
    ///
    /// # Errors
    /// [`ModelError::NotCaptured`], [`ModelError::Position`].
    pub fn stream_at(
        &self,
        recording: &mut Recording,
        capture: &Capture,
        position: usize,
    ) -> Result<Tensor, ModelError> {
        let c = &self.spec.text;
        let stacked = (self.gpu).tensor(DType::F32, c.num_hidden_layers + 1, c.hidden_size)?;
        for (row, hook) in lens_hooks(c.num_hidden_layers).enumerate() {
            let state = captured(capture, hook, position)?;
            recording.copy_rows(state, position, &stacked, row, 1)?;
        }
        Ok(stacked)
    }

    /// Records the logit lens of many tokens at one state, 0 to L: `[positions, 2 * count + 1]`, a row per
    /// position. `capture` as for [`Vlm::logit_lens`].
    ///
    /// # Errors
    /// As [`Vlm::logit_lens`].
    pub fn lens_at(
        &self,
        recording: &mut Recording,
        capture: &Capture,
        state: usize,
        positions: &[u32],
        count: usize,
    ) -> Result<Tensor, ModelError> {
        let hook = match state {
            0 => Hook::InputsEmbeds,
            layer => Hook::Layer(layer),
        };
        let last = positions.iter().max().copied().unwrap_or(0);
        let state = captured(capture, hook, last as usize)?;
        let rows = (self.gpu).tensor(DType::F32, positions.len(), state.cols())?;
        let indices = self.gpu.upload_indices(positions)?;
        recording.push(gather_rows(&indices, state, 0, &rows, 0)?);
        self.top_words(recording, &rows, count)
    }

    /// Records the likeliest tokens of states `[n, hidden_size]` of the residual stream, `[n, 2 * count + 1]`.
    fn top_words(
        &self,
        recording: &mut Recording,
        states: &Tensor,
        count: usize,
    ) -> Result<Tensor, ModelError> {
        let logits = self.words_of(recording, states)?;
        let out = (self.gpu).tensor(DType::F32, states.rows(), width(count))?;
        recording.extend(top_tokens(&self.gpu, &logits, count, &out)?);
        Ok(out)
    }

    /// The state of the vision tower, and the row of it, of which the connector makes the image token at
    /// `position` of a prompt; none where it makes a token of several patches, or of the whole picture.
    pub fn tower_row(&self, input: &ForwardInput<'_>, position: usize) -> Option<(Hook, usize)> {
        let vision = self.spec.vision.as_ref()?;
        let place = (input.vision.iter()).position(|&at| at as usize == position)?;
        let feature = match input.rows {
            None => place,
            Some(rows) => *rows.single.get(place)? as usize,
        };
        let alone = matches!(vision.connector.kind, ConnectorKind::Mlp { .. });
        let state = *vision.feature_states().last().filter(|_| alone)?;
        let (mut tokens, mut positions) = (0, 0);
        for picture in input.pixel_values {
            let [all, made] = vision.rows_of(picture.height, picture.width)?;
            if (tokens..tokens + made).contains(&feature) {
                // A class token that is left out comes first.
                let row = positions + (all - made) + (feature - tokens);
                return Some((Hook::VisionState(state), row));
            }
            (tokens, positions) = (tokens + made, positions + all);
        }
        None
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
        let seen = self.seen_from(layout, layer, position);
        self.row_of(recording, (queries, position), keys, seen)
    }

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
        // Of layer 0 there are no queries.
        let [keys, _] = cache.layer(layer - 1)?;
        let seen = self.seen_from(layout, layer, position);
        self.row_of(recording, (queries, queries.rows() - 1), keys, seen)
    }

    /// The softmax weights of a row of `queries` over the keys that it sees, `[heads, keys]`.
    fn row_of(
        &self,
        recording: &mut Recording,
        (queries, row): (&Tensor, usize),
        keys: &Tensor,
        seen: Interval,
    ) -> Result<Tensor, ModelError> {
        let with = heads(&self.spec.text);
        let width = (seen[1] - seen[0]) as usize;
        let out = self.gpu.tensor(DType::F32, with.heads, width)?;
        let row = attention_row(&self.gpu, queries, keys, row, &with, seen, &out)?;
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
