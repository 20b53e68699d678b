//! Looks at single tokens: the words that their states are nearest to, and where they look.

use std::{borrow::Cow, cell::Cell};

use super::loaded::Loaded;
use crate::{
    engine::EngineError,
    gpu::{DType, Gpu, Readback, Recording, Tensor},
    input::PixelValues,
    kernels::top_tokens::{TopTokens, width},
    model::{Capture, CaptureRequest, ForwardInput, Hook, Vlm},
    platform::Cancel,
    report::{AttentionRow, LensState, LensToken, LogitLens, PatchWords, Strip},
};

/// Words shown of each state.
const WORDS: usize = 5;

/// Most that the logits of some image tokens may take at a time.
const LOGITS_BYTES: usize = 64 << 20;

/// Most that the queries and keys of all layers of one pair may take to be kept together.
const ATTENTION_BYTES: u64 = 256 << 20;

/// What is kept of the pair that was looked at last, so that the next token of it needs no forward
/// pass.
pub(in crate::engine) struct Looked {
    pair: usize,
    /// Its residual stream.
    stream: Option<Capture>,
    /// Queries and keys, of all layers where there is room, else of the layer asked for last.
    attention: Option<Capture>,
}

/// Tokens that can be looked at: those of a pair or of a conversation.
pub(in crate::engine) struct Look<'a> {
    /// The device.
    pub(in crate::engine) gpu: &'a Gpu,
    /// The model on it.
    pub(in crate::engine) loaded: &'a Loaded,
    /// The number of the pair, for the answers.
    pub(in crate::engine) pair: usize,
    /// What the model takes, but for the pixel values.
    pub(in crate::engine) input: ForwardInput<'a>,
    /// Those, once they are needed.
    pub(in crate::engine) pixel_values: Pixels<'a>,
    /// What was looked at last.
    pub(in crate::engine) looked: &'a Cell<Option<Looked>>,
}

/// Gives the tower's input.
pub(in crate::engine) type Pixels<'a> =
    Box<dyn Fn() -> Result<Cow<'a, [PixelValues]>, EngineError> + 'a>;

impl Look<'_> {
    /// The words nearest to the token at `position`, state by state.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`] position, and what the device reports.
    pub(in crate::engine) async fn logit_lens(
        &self,
        position: usize,
        cancel: &Cancel,
    ) -> Result<LogitLens, EngineError> {
        self.check_position(position)?;
        let mut looked = self.looked();
        let capture = self.stream(&mut looked, cancel).await?;
        let lens = self.lens_of(&capture, position, cancel).await?;
        looked.stream = Some(capture);
        self.looked.set(Some(looked));
        Ok(lens)
    }

    /// The residual stream: kept, or of a forward pass now.
    async fn stream(&self, looked: &mut Looked, cancel: &Cancel) -> Result<Capture, EngineError> {
        match looked.stream.take() {
            Some(capture) => Ok(capture),
            None => self.forward(looked, None, cancel).await,
        }
    }

    /// The likeliest word of each image token at `state`.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`] state, and what the device reports.
    pub(in crate::engine) async fn patch_words(
        &self,
        state: usize,
        cancel: &Cancel,
    ) -> Result<PatchWords, EngineError> {
        let vlm = &self.loaded.vlm;
        let text = &vlm.spec().text;
        EngineError::check_choice("state", state, 0..=text.num_hidden_layers)?;
        let mut looked = self.looked();
        let capture = self.stream(&mut looked, cancel).await?;
        let at_once = (LOGITS_BYTES / 4 / text.vocab_size.max(1)).max(1);
        let mut words = Vec::with_capacity(self.input.vision.len());
        for positions in self.input.vision.chunks(at_once) {
            let record =
                |recording: &mut Recording| vlm.lens_at(recording, &capture, state, positions, 1);
            let rows = self.read(record, cancel).await?;
            for (&position, row) in positions.iter().zip(rows.chunks_exact(width(1))) {
                let found = self.lens_state(state, &TopTokens::from_row(row));
                words.extend(
                    found
                        .tokens
                        .into_iter()
                        .map(|token| (position as usize, token)),
                );
            }
        }
        looked.stream = Some(capture);
        self.looked.set(Some(looked));
        Ok(PatchWords {
            pair: self.pair,
            state,
            words,
        })
    }

    /// The vectors of the token at `position`: in the tower, where a single patch becomes this token, and along
    /// the residual stream.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`] position, and what the device reports.
    pub(in crate::engine) async fn strips(
        &self,
        position: usize,
        cancel: &Cancel,
    ) -> Result<(Option<Strip>, Vec<Strip>), EngineError> {
        self.check_position(position)?;
        let vlm = &self.loaded.vlm;
        let pixel_values = (self.pixel_values)()?;
        let input = ForwardInput {
            pixel_values: &pixel_values,
            ..self.input
        };
        let tower = vlm.tower_row(&input, position);
        let layers = vlm.spec().text.num_hidden_layers;
        let hooks = tower.iter().map(|(hook, _)| *hook);
        let request = CaptureRequest::new().with_lens(layers).with_all(hooks);
        let mut recording = Recording::new();
        let capture = vlm.forward(&mut recording, &input, &request)?;
        let stream = vlm.stream_at(&mut recording, &capture, position)?;
        let mut seen = None;
        if let Some((hook, row)) = tower
            && let Some(state) = capture.get(hook)
        {
            let own = self.gpu.tensor(DType::F32, 1, state.cols())?;
            recording.copy_rows(state, row, &own, 0, 1)?;
            seen = Some(own);
        }
        let wanted: Vec<&Tensor> = std::iter::once(&stream).chain(&seen).collect();
        (self.gpu)
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        let read = self.gpu.read(&wanted).await?;
        let rows = |read: &Readback| -> Vec<Strip> {
            (read.values.chunks_exact(read.cols.max(1)))
                .map(Strip::of)
                .collect()
        };
        let states = read.first().map(rows).unwrap_or_default();
        let tower = read.get(1).map(|read| Strip::of(&read.values));
        Ok((tower, states))
    }

    /// The words nearest to the token at `position` in a residual stream.
    ///
    /// # Errors
    /// What the device reports.
    pub(in crate::engine) async fn lens_of(
        &self,
        capture: &Capture,
        position: usize,
        cancel: &Cancel,
    ) -> Result<LogitLens, EngineError> {
        let vlm = &self.loaded.vlm;
        let words = vlm.spec().text.vocab_size.min(WORDS);
        let record =
            |recording: &mut Recording| vlm.logit_lens(recording, capture, position, words);
        let rows = self.read(record, cancel).await?;
        let states = (rows.chunks_exact(width(words)).enumerate())
            .map(|(state, row)| self.lens_state(state, &TopTokens::from_row(row)))
            .collect();
        Ok(LogitLens {
            pair: self.pair,
            position,
            states,
        })
    }

    fn lens_state(&self, state: usize, top: &TopTokens) -> LensState {
        let token = |&(id, logit): &(u32, f32)| LensToken {
            id,
            text: self.loaded.processor.token_text(id),
            probability: top.probability(logit),
        };
        LensState {
            state,
            tokens: top.tokens.iter().map(token).collect(),
        }
    }

    /// Where the token at `position` looks at decoder layer `layer`.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`] position or layer, and what the device reports.
    pub(in crate::engine) async fn attention(
        &self,
        position: usize,
        layer: usize,
        cancel: &Cancel,
    ) -> Result<AttentionRow, EngineError> {
        self.check_position(position)?;
        let vlm = &self.loaded.vlm;
        let layers = vlm.spec().text.num_hidden_layers;
        EngineError::check_choice("decoder layer", layer, 1..=layers)?;
        let layout = self.input.layout;
        let mut looked = self.looked();
        let has_layer = |capture: &Capture| capture.get(Hook::Queries(layer)).is_some();
        let capture = match looked.attention.take().filter(has_layer) {
            Some(capture) => capture,
            None => self.forward(&mut looked, Some(layer), cancel).await?,
        };
        let record = |recording: &mut Recording| {
            vlm.attention_row(recording, &capture, layout, layer, position)
        };
        let weights = self.read(record, cancel).await?;
        looked.attention = Some(capture);
        self.looked.set(Some(looked));
        let seen = vlm.seen_from(layout, layer, position);
        Ok(attention_row(self.pair, position, layer, (&weights, seen)))
    }

    fn check_position(&self, position: usize) -> Result<(), EngineError> {
        let tokens = self.input.input_ids.len();
        EngineError::check_choice(
            "position in the prompt",
            position,
            0..=tokens.saturating_sub(1),
        )
    }

    /// What is kept of the tokens; of another pair's nothing stays. It is taken out, so that nothing is left
    /// of a look that fails.
    fn looked(&self) -> Looked {
        (self.looked.take())
            .filter(|looked| looked.pair == self.pair)
            .unwrap_or(Looked {
                pair: self.pair,
                stream: None,
                attention: None,
            })
    }

    /// Runs the model over the tokens and returns its residual stream, or queries and keys of `layer`.
    /// Where there is room for all of them, one pass keeps both.
    async fn forward(
        &self,
        looked: &mut Looked,
        layer: Option<usize>,
        cancel: &Cancel,
    ) -> Result<Capture, EngineError> {
        let vlm = &self.loaded.vlm;
        let layers = vlm.spec().text.num_hidden_layers;
        let together = attention_bytes(vlm, self.input.input_ids.len()) <= ATTENTION_BYTES;
        let mut request = CaptureRequest::new();
        if together || layer.is_none() {
            request = request.with_lens(layers);
        }
        if together {
            request = (1..=layers).fold(request, CaptureRequest::with_attention);
        } else if let Some(layer) = layer {
            request = request.with_attention(layer);
        }
        let pixel_values = (self.pixel_values)()?;
        let mut recording = Recording::new();
        let input = ForwardInput {
            pixel_values: &pixel_values,
            ..self.input
        };
        let capture = vlm.forward(&mut recording, &input, &request)?;
        (self.gpu)
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        if together {
            looked.stream = Some(capture.clone());
            looked.attention = Some(capture.clone());
        }
        Ok(capture)
    }

    /// Runs what `record` records and reads its result.
    async fn read<E: Into<EngineError>>(
        &self,
        record: impl FnOnce(&mut Recording) -> Result<Tensor, E>,
        cancel: &Cancel,
    ) -> Result<Vec<f32>, EngineError> {
        let mut recording = Recording::new();
        let out = record(&mut recording).map_err(Into::into)?;
        (self.gpu)
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        let read = self.gpu.read(&[&out]).await?;
        Ok(read.into_iter().flat_map(|read| read.values).collect())
    }
}

/// A row of attention, from the weights of each head over the keys of an interval.
pub(in crate::engine) fn attention_row(
    pair: usize,
    position: usize,
    layer: usize,
    (weights, [first, end]): (&[f32], [u32; 2]),
) -> AttentionRow {
    // What lies before a window is not looked at.
    let heads = weights
        .chunks_exact((end - first).max(1) as usize)
        .map(|seen| {
            let mut row = vec![0.0; first as usize];
            row.extend_from_slice(seen);
            row
        });
    AttentionRow {
        pair,
        position,
        layer,
        heads: heads.collect(),
    }
}

/// Device memory of the queries and keys of all layers over `tokens` tokens.
fn attention_bytes(vlm: &Vlm, tokens: usize) -> u64 {
    let c = &vlm.spec().text;
    let width = (c.num_attention_heads + c.num_key_value_heads) * c.head_dim;
    4 * (tokens as u64) * (width as u64) * (c.num_hidden_layers as u64)
}
