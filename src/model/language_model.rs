//! The decoder: Llama (arXiv 2302.13971 and 2307.09288; `LlamaModel`) and its relatives, which differ
//! by what the [`DecoderSpec`] says.

use std::sync::{Mutex, PoisonError};

use super::{
    Capture, CaptureRequest, Hook, ModelError,
    decoder_block::Block,
    kv_cache::Memory,
    masks::Mask,
    ops::Ops,
    parameters::{Need, Parameters, Part},
    seen::Seen,
    tickets::{Affine, RmsNorm, WeightId},
};
use crate::{
    families::{DecoderSpec, Layout},
    gpu::{DType, Gpu, Tensor},
    kernels::{
        attention::{Attention, Interval, KeyIntervals},
        matmul::Matmul,
    },
};

/// The head's canonical name.
pub(super) const LM_HEAD: &str = "lm_head.weight";
pub(super) const EMBED_TOKENS: &str = "language_model.embed_tokens.weight";

/// Rotary tables kept at most: those of both kinds of layers.
const MOST_TABLES: usize = 2;

pub(super) struct LanguageModel {
    spec: DecoderSpec,
    embed_tokens: WeightId,
    embed_scale: Option<Affine>,
    layers: Vec<Block>,
    norm: RmsNorm,
    /// What makes logits of states: the embedding, transposed, or a matrix of its own, which the
    /// checkpoint may lack.
    head: WeightId,
    /// Cosines and sines for as many positions as have been needed.
    rotary_tables: Mutex<Vec<Table>>,
}

/// Where the tokens of a pass stand for a layer, and what they see.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) rotary: Tensor,
    /// The table's row for the first of them.
    pub(super) first: usize,
    pub(super) sight: Sight,
}

/// The keys that the tokens of a pass see.
#[derive(Clone)]
pub(super) enum Sight {
    /// Of several tokens.
    Each(KeyIntervals),
    /// Of one alone, over a cache in which it is the last that it sees.
    One(Interval),
}

/// Cosines and sines on the device.
#[derive(Clone)]
struct Table {
    /// Whether it is that of layers with a window.
    windowed: bool,
    /// The prompt that it was made for, where it depends on it.
    tokens: Option<usize>,
    values: Tensor,
}

impl LanguageModel {
    pub(super) fn new(p: &mut Parameters, spec: &DecoderSpec) -> Self {
        p.begin(Part::Decoder, spec.section);
        let width = (spec.hidden_size, "hidden_size");
        let table = [(spec.vocab_size, "vocab_size"), width];
        let embed_tokens = p.weight(EMBED_TOKENS, &table);
        let layers = spec.num_hidden_layers;
        let blocks = (0..layers).map(|i| Block::new(p, i, spec)).collect();
        let beyond = format!("language_model.layers.{layers}.");
        p.rule_out(beyond, "num_hidden_layers", layers);
        Self {
            norm: p.rms_norm(
                "language_model.norm",
                width,
                spec.rms_norm_eps,
                spec.norm_offset,
            ),
            head: match spec.tie_word_embeddings {
                true => embed_tokens,
                false => p.needed_for(Need::Words, |p| p.weight(LM_HEAD, &table)),
            },
            embed_tokens,
            embed_scale: spec.embed_scale.map(|factor| Affine {
                factors: p.constant(spec.hidden_size, factor),
                shifts: p.zeros(spec.hidden_size),
            }),
            layers: blocks,
            rotary_tables: Mutex::new(Vec::new()),
            spec: spec.clone(),
        }
    }

    /// Token embeddings `[tokens, hidden]`; `ids` is `[1, tokens]`.
    pub(super) fn embed(&self, ops: &mut Ops<'_>, ids: &Tensor) -> Result<Tensor, ModelError> {
        let embeds = ops.embedding(ids, self.embed_tokens, self.spec.hidden_size)?;
        if let Some(scale) = self.embed_scale {
            ops.scale(&embeds, scale)?;
        }
        Ok(embeds)
    }

    /// Records all blocks over `inputs_embeds` `[tokens, hidden]`, whose image tokens are `seen`; the
    /// final norm only where it is asked for. The tokens are those of `prompts`, each with its layout and so many, one
    /// prompt below the other. With a memory there is one prompt: its tokens stand behind those that the memory holds, see
    /// them, too, and leave their own keys and values there. Returns the last block's state.
    pub(super) fn forward(
        &self,
        ops: &mut Ops<'_>,
        inputs_embeds: &Tensor,
        seen: Option<&Seen>,
        (prompts, memory): (&[(&Layout, usize)], Option<Memory<'_>>),
        request: &CaptureRequest,
        capture: &mut Capture,
    ) -> Result<Tensor, ModelError> {
        let place = |ops: &mut Ops<'_>, windowed| match prompts {
            [(layout, count)] => self.place(ops, windowed, *count, layout, memory),
            prompts => self.places(ops, windowed, prompts),
        };
        let full = place(ops, false)?;
        let local = match self.spec.sliding_window {
            Some(_) => place(ops, true)?,
            None => full.clone(),
        };
        let mut x = inputs_embeds.clone();
        // Each layer ends with the norm that the next begins with, unless something comes between.
        let mut normed = None;
        if let Some(block) = self.layers.first() {
            normed = Some(ops.rms_norm(&x, &block.input_layernorm)?);
        }
        let layers = self.layers.len();
        for block in &self.layers {
            let layer = block.index + 1;
            ops.recording.mark(format!("layer {layer} of {layers}"));
            let place = if block.windowed { &local } else { &full };
            let moca = block.modality_layernorm.as_ref().zip(seen);
            let added = seen.and_then(|seen| Some((&seen.at, seen.deep.get(block.index)?)));
            let next = self.layers.get(layer).map(|next| &next.input_layernorm);
            let at_once = next.filter(|_| moca.is_none() && added.is_none());
            let own = match normed.take() {
                Some(normed) => normed,
                None => ops.rms_norm(&x, &block.input_layernorm)?,
            };
            let kept = (request, &mut *capture);
            (x, normed) = block.forward(ops, (&x, &own), (place, memory), at_once, kept)?;
            if let Some((moca, seen)) = moca {
                moca.forward(ops, &x, &seen.at)?;
            }
            if let Some((at, features)) = added {
                let own = x;
                x = ops.added_at(&own, at, features)?;
                if layer < layers {
                    capture.keep(request, Hook::Layer(layer), &own);
                    capture.keep(request, Hook::Continued(layer), &x);
                    continue;
                }
            }
            capture.keep(request, Hook::Layer(layer), &x);
        }
        if request.contains(Hook::FinalNorm) {
            let normed = self.norm(ops, &x)?;
            capture.keep(request, Hook::FinalNorm, &normed);
        }
        Ok(x)
    }

    /// The final norm, row by row.
    pub(super) fn norm(&self, ops: &mut Ops<'_>, states: &Tensor) -> Result<Tensor, ModelError> {
        ops.rms_norm(states, &self.norm)
    }

    /// Logits `[1, vocab]` of the last of some states before the final norm.
    ///
    /// # Errors
    /// As [`LanguageModel::logits`].
    pub(super) fn next(&self, ops: &mut Ops<'_>, states: &Tensor) -> Result<Tensor, ModelError> {
        let last = match states.rows() {
            1 => states.clone(),
            rows => {
                let last = ops.gpu.tensor(DType::F32, 1, states.cols())?;
                ops.recording.copy_rows(states, rows - 1, &last, 0, 1)?;
                last
            }
        };
        let normed = self.norm(ops, &last)?;
        self.logits(ops, &normed)
    }

    /// Logits `[n, vocab]` of states after the final norm, `[n, hidden]`.
    ///
    /// # Errors
    /// [`ModelError::NoHead`], and what the device reports.
    pub(super) fn logits(&self, ops: &mut Ops<'_>, normed: &Tensor) -> Result<Tensor, ModelError> {
        let out = ops
            .gpu
            .tensor(DType::F32, normed.rows(), self.spec.vocab_size)?;
        ops.linear_into(normed, self.head, &Matmul::default(), &out)?;
        Ok(out)
    }

    /// Where so many tokens stand in layers with or without a window, and what they see.
    fn place(
        &self,
        ops: &Ops<'_>,
        windowed: bool,
        count: usize,
        layout: &Layout,
        memory: Option<Memory<'_>>,
    ) -> Result<Place, ModelError> {
        let past = memory.map_or(0, |memory| memory.past);
        let tokens = past + count;
        let alone = memory.is_some() && count == 1;
        let position = layout.position(past);
        let by_length = self.spec.rope_scaling.by_length(tokens);
        let (rotary, first) = if alone && !by_length && position == [position[0]; 3] {
            // The table of all steps.
            let most = memory.map_or(tokens, |memory| memory.cache.rows());
            let first = position[0] as usize;
            (
                self.rotary_table(ops.gpu, windowed, most.max(first + 1))?,
                first,
            )
        } else if alone || layout.positions.is_some() {
            let positions = (past..tokens).map(|token| layout.position(token));
            let values = self.rotary_values(windowed, tokens, positions);
            (ops.gpu.upload(count, self.spec.head_dim, &values)?, 0)
        } else {
            (self.rotary_table(ops.gpu, windowed, tokens)?, past)
        };
        let window = self.spec.sliding_window.filter(|_| windowed);
        let seen = |token| layout.seen_from(token, window);
        let sight = if alone && seen(past)[1] as usize == tokens {
            Sight::One(seen(past))
        } else if past == 0 && layout.keys.is_none() && window.is_none() {
            Sight::Each(ops.mask(Mask::Causal { tokens })?)
        } else {
            let seen: Vec<Interval> = (past..tokens).map(seen).collect();
            Sight::Each(KeyIntervals::new(ops.gpu, tokens, &seen)?)
        };
        Ok(Place {
            rotary,
            first,
            sight,
        })
    }

    /// The same of several prompts, whose tokens stand one below the other: each counts its own positions, and sees its
    /// own tokens.
    fn places(
        &self,
        ops: &mut Ops<'_>,
        windowed: bool,
        prompts: &[(&Layout, usize)],
    ) -> Result<Place, ModelError> {
        let counts: Vec<usize> = prompts.iter().map(|(_, count)| *count).collect();
        let (all, longest) = (counts.iter().sum(), counts.iter().max().copied());
        let of_table = |(layout, count): &(&Layout, usize)| {
            layout.positions.is_none() && !self.spec.rope_scaling.by_length(*count)
        };
        let rotary = if prompts.iter().all(of_table) {
            let table = self.rotary_table(ops.gpu, windowed, longest.unwrap_or(0))?;
            let rows: Vec<u32> = (counts.iter()).flat_map(|count| 0..*count as u32).collect();
            let rows = ops.gpu.upload_indices(&rows)?;
            ops.gathered(&table, &rows)?
        } else {
            let mut values = Vec::new();
            for &(layout, count) in prompts {
                let positions = (0..count).map(|token| layout.position(token));
                values.extend(self.rotary_values(windowed, count, positions));
            }
            ops.gpu.upload(all, self.spec.head_dim, &values)?
        };
        let window = self.spec.sliding_window.filter(|_| windowed);
        let mut seen: Vec<Interval> = Vec::with_capacity(all);
        for &(layout, count) in prompts {
            let first = seen.len() as u32;
            let own = (0..count).map(|token| layout.seen_from(token, window));
            seen.extend(own.map(|[begin, end]| [first + begin, first + end]));
        }
        let seen = KeyIntervals::of_parts(ops.gpu, all, &seen, &counts)?;
        Ok(Place {
            rotary,
            first: 0,
            sight: Sight::Each(seen),
        })
    }

    /// Cosines of `position * inv_freq`, then sines, for each of `positions`, in a prompt of `tokens`
    /// tokens. The product is rounded to f32, as in transformers; the functions are not.
    fn rotary_values(
        &self,
        windowed: bool,
        tokens: usize,
        positions: impl Iterator<Item = [u32; 3]>,
    ) -> Vec<f32> {
        let (inv_freq, factor) = self.spec.rope(windowed, tokens);
        let mut values = Vec::new();
        for position in positions {
            let angles = inv_freq.iter().enumerate().map(|(i, frequency)| {
                let sections = self.spec.rope_sections;
                let component = sections.map_or(0, |sections| sections.component(i));
                f64::from(frequency * position[component] as f32)
            });
            values.extend(angles.clone().map(|angle| angle.cos() as f32 * factor));
            values.extend(angles.map(|angle| angle.sin() as f32 * factor));
        }
        values
    }

    /// `[>= tokens, head_dim]`: cosines and sines for tokens that are counted from 0.
    fn rotary_table(&self, gpu: &Gpu, windowed: bool, tokens: usize) -> Result<Tensor, ModelError> {
        let mut cached = self
            .rotary_tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let exact = self.spec.rope_scaling.by_length(tokens).then_some(tokens);
        let fits = |table: &&Table| {
            let same = (table.windowed, table.tokens) == (windowed, exact);
            same && table.values.rows() >= tokens
        };
        if let Some(table) = cached.iter().find(fits) {
            return Ok(table.values.clone());
        }
        let rows = match exact {
            Some(tokens) => tokens,
            None => tokens
                .next_power_of_two()
                .min(self.spec.max_position_embeddings.max(tokens)),
        };
        let positions = (0..rows as u32).map(|position| [position; 3]);
        let values = self.rotary_values(windowed, tokens, positions);
        let values = gpu.upload(rows, self.spec.head_dim, &values)?;
        if cached.len() >= MOST_TABLES {
            // The other kind of layers keeps its own.
            cached.retain(|table| table.windowed != windowed);
        }
        cached.push(Table {
            windowed,
            tokens: exact,
            values: values.clone(),
        });
        Ok(values)
    }
}

/// Heads and scale of every block.
pub(super) fn heads(c: &DecoderSpec) -> Attention {
    Attention {
        heads: c.num_attention_heads,
        kv_heads: c.num_key_value_heads,
        head_dim: c.head_dim,
        scale: c.attention_scale,
    }
}
