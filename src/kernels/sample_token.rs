//! The next token, chosen on the device.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, traffic, u32_of};

/// Longest row: columns are exact as f32, and the loops of a software adapter come to their end.
const MOST_COLUMNS: usize = 1 << 20;

/// How a token is chosen among the logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The logits are divided by it; 0 takes the largest.
    pub temperature: f32,
    /// So many of the largest logits stay, equal ones together; 0 for all.
    pub top_k: usize,
    /// Of these the fewest that hold this part of the probability stay.
    pub top_p: f32,
    /// Where in the probability of what stays the token lies, 0 to 1 (see [`Sampling::draw`]).
    pub draw: f32,
}

impl Sampling {
    /// The largest logit.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_k: 0,
        top_p: 1.0,
        draw: 0.0,
    };

    /// A number from 0 to 1 - 2^-23, of 64 random bits; further below 1 than a product rounds.
    pub fn draw(bits: u64) -> f32 {
        (bits >> 41) as f32 / (1 << 23) as f32
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    cols: u32,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    draw: f32,
}

/// Chooses a token: the one with the largest logit (of equal ones the first), or drawn by
/// temperature, among the `top_k` largest (arXiv 1805.04833) and of these the nucleus that holds
/// `top_p` of the probability (arXiv 1904.09751), as `transformers` applies them one after another.
///
/// # Shapes
/// `logits` `[1, vocab]` f32, `vocab` at most 2^20; `ids` `[1, 1]` u32: the token; `out` `[1, 2]` f32: the
/// token and the logarithm of its probability, without temperature and limits.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn sample_token(
    logits: &Tensor,
    with: &Sampling,
    ids: &Tensor,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = logits.rows() == 1
        && (1..=MOST_COLUMNS).contains(&logits.cols())
        && [ids.rows(), ids.cols(), out.rows(), out.cols()] == [1, 1, 1, 2]
        && [logits, ids, out].map(Tensor::dtype) == [DType::F32, DType::U32, DType::F32];
    expect("sample_token", fits, || {
        format!("ids {ids:?} and out {out:?} are not those of a token of logits {logits:?}")
    })?;
    let within = with.temperature.is_finite()
        && with.temperature >= 0.0
        && with.top_p > 0.0
        && with.top_p <= 1.0
        && (0.0..1.0).contains(&with.draw);
    expect("sample_token", within, || {
        format!(
            "{with:?}: expected a temperature from 0 on, top_p above 0 and at most 1, a draw below 1"
        )
    })?;
    Ok(call(
        "sample_token",
        "main",
        &Params {
            cols: u32_of(logits.cols()),
            temperature: with.temperature,
            top_k: u32_of(with.top_k),
            top_p: with.top_p,
            draw: with.draw,
        },
        vec![
            Binding::read(logits),
            Binding::write(ids),
            Binding::write(out),
        ],
        [1, 1, 1],
        Work {
            flops: 200.0 * logits.cols() as f64,
            bytes: traffic(&[logits]),
        },
    ))
}
