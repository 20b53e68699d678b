//! Keys and values of the tokens that a decoder has read.

use super::ModelError;
use crate::{
    families::DecoderSpec,
    gpu::{DType, Gpu, Recording, Tensor},
};

/// Keys, after the rotary embedding, and values of each decoder layer: `[rows, kv_heads * head_dim]` f32 each.
///
/// It has room for a fixed number of tokens, so that each step of an answer binds the same memory; how
/// many of its rows count is for its user to know.
#[derive(Clone, Debug)]
pub struct KvCache {
    layers: Vec<[Tensor; 2]>,
    rows: usize,
}

impl KvCache {
    /// Room for `rows` tokens.
    ///
    /// # Errors
    /// That it does not fit the device.
    pub fn new(gpu: &Gpu, decoder: &DecoderSpec, rows: usize) -> Result<Self, ModelError> {
        let width = decoder.num_key_value_heads * decoder.head_dim;
        let tensor = || gpu.tensor(DType::F32, rows, width);
        let layers = (0..decoder.num_hidden_layers).map(|_| Ok([tensor()?, tensor()?]));
        Ok(Self {
            layers: layers.collect::<Result<_, ModelError>>()?,
            rows,
        })
    }

    /// Tokens that it has room for.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        self.layers.iter().flatten().map(Tensor::byte_len).sum()
    }

    /// Records a copy of the first `kept` rows of all layers into another cache.
    ///
    /// # Errors
    /// One of them has not so many rows.
    pub fn copy_to(
        &self,
        recording: &mut Recording,
        other: &Self,
        kept: usize,
    ) -> Result<(), ModelError> {
        for (own, other) in self
            .layers
            .iter()
            .flatten()
            .zip(other.layers.iter().flatten())
        {
            recording.copy_rows(own, 0, other, 0, kept)?;
        }
        Ok(())
    }

    /// Keys and values of layer `index`, from 0 on.
    pub(super) fn layer(&self, index: usize) -> Result<&[Tensor; 2], ModelError> {
        self.layers.get(index).ok_or(ModelError::Layer {
            layer: index + 1,
            layers: self.layers.len(),
        })
    }
}

/// Where a pass keeps its keys and values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory<'a> {
    /// The cache.
    pub(super) cache: &'a KvCache,
    /// Tokens read before, whose rows count.
    pub(super) past: usize,
}
