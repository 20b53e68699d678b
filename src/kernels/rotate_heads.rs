//! Queries, keys and values of one product.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{attention::Attention, call, expect, shared_rows, traffic, u32_of};

/// A product of queries, keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// `[tokens, (heads + 2 kv_heads) * head_dim]`, or the sums of each piece of its inner dimension, one below the
    /// other.
    pub sums: &'a Tensor,
    /// Its rows.
    pub tokens: usize,
    /// Added to each row of the sum, where that is not done yet.
    pub bias: Option<&'a Tensor>,
}

/// What is done to queries and keys before attention compares them.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Cosines of the `head_dim / 2` angles of the rotary embedding, then their sines: `[.., head_dim]`, a row
    /// for each position (RoFormer, arXiv 2104.09864, with the half-split pairs of `rotate_half`).
    pub table: &'a Tensor,
    /// The table's row for the first token.
    pub first: usize,
    /// Norms before that, of each head by itself.
    pub norms: Option<HeadNorms<'a>>,
}

/// Root-mean-square norms of queries and keys, head by head (arXiv 2010.04245; `Qwen3Attention`).
#[derive(Clone, Copy, Debug)]
pub struct HeadNorms<'a> {
    /// Factors of the queries, `[1, head_dim]`.
    pub q: &'a Tensor,
    /// Factors of the keys, `[1, head_dim]`.
    pub k: &'a Tensor,
    /// Added to the mean square.
    pub eps: f32,
}

impl Turn<'_> {
    /// Whether it fits so many tokens with heads of this width.
    pub(super) fn fits(&self, tokens: usize, head_dim: usize) -> bool {
        let is = |tensor: &Tensor| tensor.dtype() == DType::F32 && tensor.cols() == head_dim;
        head_dim > 0
            && head_dim.is_multiple_of(2)
            && is(self.table)
            && self.table.rows() >= self.first + tokens
            && self
                .norms
                .is_none_or(|norms| is(norms.q) && is(norms.k) && norms.eps.is_finite())
    }

    /// Table and norms; a missing one is bound to the table, which nothing reads through that name.
    pub(super) fn bindings(&self) -> [Binding; 3] {
        let [q, k] = match &self.norms {
            Some(norms) => [norms.q, norms.k],
            None => [self.table; 2],
        };
        [self.table, q, k].map(Binding::read)
    }

    pub(super) fn eps(&self) -> f32 {
        self.norms.map_or(0.0, |norms| norms.eps)
    }

    pub(super) fn constant(&self) -> (&'static str, f64) {
        ("NORMED", f64::from(u8::from(self.norms.is_some())))
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    tokens: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    stride: u32,
    table_stride: u32,
    q_stride: u32,
    kv_stride: u32,
    first_query: u32,
    first_row: u32,
    first_angle: u32,
    eps: f32,
    pieces: u32,
}

/// Takes queries, keys and values, which stand side by side in the rows of a product, apart: queries and keys normed and
/// turned as `turn` says, values as they are. Queries go to the rows of `q` from the first one of `first_rows` on, keys and values to those
/// of `k` and `v` from the second one on.
///
/// # Shapes
/// `x` as [`Product`] says, `q [>= first row + tokens, heads * head_dim]`, `k` and `v` `[>= first row + tokens,
/// kv_heads * head_dim]`, all f32; `head_dim` even. The factor of the scores does not count.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn rotate_heads(
    gpu: &Gpu,
    x: Product<'_>,
    with: &Attention,
    turn: &Turn<'_>,
    q: &Tensor,
    [k, v]: [&Tensor; 2],
    first_rows: [usize; 2],
) -> Result<Dispatch, GpuError> {
    let variant = gpu.kernels();
    let Attention {
        heads,
        kv_heads,
        head_dim,
        ..
    } = *with;
    let Product { sums, tokens, bias } = x;
    let [first_query, first_row] = first_rows;
    let all = heads + 2 * kv_heads;
    let shape = |tensor: &Tensor| [tensor.rows(), tensor.cols()];
    let fits = turn.fits(tokens, head_dim)
        && tokens > 0
        && sums.rows().is_multiple_of(tokens)
        && sums.cols() == all * head_dim
        && bias.is_none_or(|bias| bias.dtype() == DType::F32 && bias.cols() == sums.cols())
        && q.cols() == heads * head_dim
        && first_query + tokens <= q.rows()
        && k.cols() == kv_heads * head_dim
        && shape(k) == shape(v)
        && first_row + tokens <= k.rows()
        && [sums, q, k, v].iter().all(|t| t.dtype() == DType::F32);
    expect("rotate_heads", fits, || {
        format!(
            "x {x:?}, q {q:?}, k {k:?} and v {v:?} from rows {first_rows:?} on do not fit {with:?} with {turn:?}"
        )
    })?;
    let (workgroups, mut constants) = shared_rows(variant, [tokens * all, head_dim]);
    let pieces = sums.rows() / tokens;
    let flag = |flag: bool| f64::from(u8::from(flag));
    constants.extend([
        turn.constant(),
        ("HAS_BIAS", flag(bias.is_some())),
        ("CUT", flag(pieces > 1)),
    ]);
    let [table, q_norm, k_norm] = turn.bindings();
    let dispatch = call(
        "rotate_heads",
        variant.name(),
        &Params {
            tokens: u32_of(tokens),
            heads: u32_of(heads),
            kv_heads: u32_of(kv_heads),
            head_dim: u32_of(head_dim),
            stride: u32_of(sums.stride()),
            table_stride: u32_of(turn.table.stride()),
            q_stride: u32_of(q.stride()),
            kv_stride: u32_of(k.stride()),
            first_query: u32_of(first_query),
            first_row: u32_of(first_row),
            first_angle: u32_of(turn.first),
            eps: turn.eps(),
            pieces: u32_of(pieces),
        },
        vec![
            Binding::read(sums),
            table,
            q_norm,
            k_norm,
            Binding::read(bias.unwrap_or(sums)),
            Binding::write(q),
            Binding::write(k),
            Binding::write(v),
        ],
        workgroups,
        Work {
            flops: 3.0 * (tokens * (heads + kv_heads) * head_dim) as f64,
            bytes: traffic(&[sums]) + 4.0 * (tokens * all * head_dim) as f64,
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
