//! Matrix product with few rows.

use crate::gpu::{AdapterClass, Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{
    call, expect, folded, groups, groups_of_16_bytes,
    matmul::product::{Matmul, check},
    traffic, u32_of,
};

/// Rows of `a` that share each weight as it is read and decoded.
const ROWS: usize = 8;

/// Rows up to which quantized weights are read as they are, in several passes: beyond, it pays to unpack them once.
/// On llvmpipe three passes over `[1536, 768]` take 0.63 (Q4_1) to 0.9 (Q6_K) of the time of unpacking, four
/// passes 0.83 to 1.2; SwiftShader would unpack from the second pass on (two take 1.2 to 1.3 of it). On GPUs four
/// passes move half the bytes that unpacking writes and reads; no record stands behind that yet.
const MOST_QUANTIZED: [(AdapterClass, usize); 3] = [
    (AdapterClass::Software, 24),
    (AdapterClass::Integrated, 32),
    (AdapterClass::Discrete, 32),
];

/// Whether [`super::matmul::matmul`] chooses this kernel for `m` rows and a matrix `b`.
pub(super) fn serves(gpu: &Gpu, m: usize, b: &Tensor) -> bool {
    let flops = 2.0 * m as f64 * b.rows() as f64 * b.cols() as f64;
    let class = |(class, _): &&(AdapterClass, usize)| *class == gpu.class();
    let most = MOST_QUANTIZED.iter().find(class);
    // One pass never takes so long that it had to be cut; several may.
    let several = b.dtype().is_quantized() && flops <= gpu.most_flops();
    m <= ROWS || several && most.is_some_and(|(_, most)| m <= *most)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    n: u32,
    k: u32,
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    up_bias: u32,
}

/// `out = activation(a b^T + bias) + residual`, as [`super::matmul::matmul`], reading each row of
/// `b` once for eight rows of `a`; without `inner`, `accumulate` and `scale`.
///
/// # Shapes
/// `a [m, k]` f32, `b [n, k]` in any type of numbers, `bias [1, n]`, `residual` and `out` `[>= m, >= n]`. Of
/// a gated product `b [2 n, k]` and `bias [2, n]`.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn matvec_with(
    variant: KernelVariant,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    expect("matvec", with.is_plain(), || {
        "partial sums, accumulation and scaling are matmul's".into()
    })?;
    check("matvec", a, b, with, out, 0, a.cols())?;
    let (m, k) = (a.rows(), a.cols());
    let [x, y, _] = match variant {
        KernelVariant::Tiled => folded(b.rows(), 4),
        KernelVariant::Direct => [groups(b.rows(), 64), 1, 1],
    };
    let rows = m.next_power_of_two().min(ROWS);
    let mut dispatch = call(
        "matvec",
        variant.name(),
        &Params {
            m: u32_of(m),
            n: u32_of(with.columns(b)),
            k: u32_of(k),
            a_stride: u32_of(a.stride() / 4),
            b_stride: groups_of_16_bytes(b),
            out_stride: u32_of(out.stride()),
            residual_stride: u32_of(with.residual.map_or(0, Tensor::stride)),
            out_row: u32_of(with.out_row),
            residual_row: u32_of(with.residual_row),
            out_col: u32_of(with.out_col),
            up_bias: u32_of(with.up_bias()),
        },
        vec![
            Binding::read(a),
            Binding::read(b),
            Binding::read(with.bias.unwrap_or(a)),
            Binding::read(with.residual.unwrap_or(a)),
            Binding::write(out),
        ],
        [x, y, groups(m, rows)],
        Work {
            flops: 2.0 * m as f64 * b.rows() as f64 * k as f64,
            bytes: traffic(&[a, b, out]),
        },
    );
    dispatch.constants = with.constants().to_vec();
    let own = [("DTYPE", b.dtype().code()), ("ROWS", rows as f64)];
    dispatch.constants.extend(own);
    Ok(dispatch)
}
