//! What is done to queries, keys and values.

use super::{ModelError, masks::Mask, ops::Ops, tickets::RmsNorm};
use crate::{
    gpu::Tensor,
    kernels::{
        attention::{Attention, Interval, KeyIntervals, attention},
        attention_decode::attention_decode,
        head_norm::head_norm,
        rotary::rotary,
        rotate_heads::{HeadNorms, Product, Turn, rotate_heads},
    },
};

impl<'a> Ops<'a> {
    /// Normalizes each head by itself, in place; `x` is `[tokens, heads * width of the norm]`.
    pub(super) fn head_norm(&mut self, x: &Tensor, norm: &RmsNorm) -> Result<(), ModelError> {
        let weight = self.values(norm.weight)?;
        let call = head_norm(self.gpu, x, weight, norm.eps)?;
        self.recording.push(call);
        Ok(())
    }

    pub(super) fn rotary(
        &mut self,
        x: &Tensor,
        table: &Tensor,
        head_dim: usize,
    ) -> Result<(), ModelError> {
        self.recording.push(rotary(x, table, head_dim)?);
        Ok(())
    }

    /// What is done to queries and keys: norms, where there are any, and the angles from row `first` of the table on.
    pub(super) fn turn<'b>(
        &self,
        table: &'b Tensor,
        first: usize,
        norms: Option<&[RmsNorm; 2]>,
    ) -> Result<Turn<'b>, ModelError>
    where
        'a: 'b,
    {
        let norms = norms.map(|[q, k]| {
            Ok::<_, ModelError>(HeadNorms {
                q: self.values(q.weight)?,
                k: self.values(k.weight)?,
                eps: q.eps,
            })
        });
        Ok(Turn {
            table,
            first,
            norms: norms.transpose()?,
        })
    }

    /// Takes queries, keys and values of one product apart; queries go to rows from the first one of `first_rows` on,
    /// keys and values to those from the second one on.
    pub(super) fn rotate_heads(
        &mut self,
        qkv: Product<'_>,
        with: &Attention,
        turn: &Turn<'_>,
        q: &Tensor,
        kv: [&Tensor; 2],
        first_rows: [usize; 2],
    ) -> Result<(), ModelError> {
        let call = rotate_heads(self.gpu, qkv, with, turn, q, kv, first_rows)?;
        self.recording.push(call);
        Ok(())
    }

    pub(super) fn attention(
        &mut self,
        q: &Tensor,
        k: &Tensor,
        v: &Tensor,
        with: &Attention,
        seen: &KeyIntervals,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(q, q.cols())?;
        self.recording
            .extend(attention(self.gpu, q, k, v, with, seen, &out)?);
        Ok(out)
    }

    /// Attention of a single query over the keys `seen` of a cache, of which its own is the last: query, key and
    /// value as one product gives them.
    pub(super) fn attention_decode(
        &mut self,
        qkv: &Tensor,
        kv: [&Tensor; 2],
        with: &Attention,
        turn: &Turn<'_>,
        seen: Interval,
    ) -> Result<Tensor, ModelError> {
        let out = self.like(qkv, with.heads * with.head_dim)?;
        let calls = attention_decode(self.gpu, qkv, kv, with, turn, seen, &out)?;
        self.recording.extend(calls);
        Ok(out)
    }

    /// What the queries of a layer see.
    pub(super) fn mask(&self, mask: Mask) -> Result<KeyIntervals, ModelError> {
        Ok(self.masks.get(self.gpu, mask)?)
    }
}
