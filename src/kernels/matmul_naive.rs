//! The benchmark's yardstick for [`super::matmul`].

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, groups, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    n: u32,
    k: u32,
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
}

/// `out = a b^T`, one invocation per element.
///
/// # Shapes
/// `a [m, k]`, `b [n, k]`, `out [m, n]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn matmul_naive(a: &Tensor, b: &Tensor, out: &Tensor) -> Result<Dispatch, GpuError> {
    let (m, n, k) = (a.rows(), b.rows(), a.cols());
    let f32s = [a, b, out]
        .iter()
        .all(|tensor| tensor.dtype() == DType::F32);
    expect(
        "matmul_naive",
        f32s && b.cols() == k && out.rows() == m && out.cols() == n,
        || format!("a {a:?}, b {b:?} and out {out:?} must be f32 [m, k], [n, k], [m, n]"),
    )?;
    Ok(call(
        "matmul_naive",
        "main",
        &Params {
            m: u32_of(m),
            n: u32_of(n),
            k: u32_of(k),
            a_stride: u32_of(a.stride()),
            b_stride: u32_of(b.stride()),
            out_stride: u32_of(out.stride()),
        },
        vec![Binding::read(a), Binding::read(b), Binding::write(out)],
        [groups(n, 16), groups(m, 16), 1],
        Work {
            flops: 2.0 * m as f64 * n as f64 * k as f64,
            bytes: traffic(&[a, b, out]),
        },
    ))
}
