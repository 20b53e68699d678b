//! Gated activation.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{Activation, all_f32, call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count4: u32,
}

/// `out = activation(gate) * up`, elementwise (arXiv 2002.05202; SwiGLU with silu).
///
/// # Shapes
/// All `[rows, cols]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn swiglu(
    gate: &Tensor,
    up: &Tensor,
    activation: Activation,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let like = |other: &Tensor| gate.rows() == other.rows() && gate.cols() == other.cols();
    let fits = all_f32(&[gate, up, out]) && like(up) && like(out);
    expect("swiglu", fits, || {
        format!("gate {gate:?}, up {up:?} and out {out:?} must be f32 of one shape")
    })?;
    let count4 = gate.rows() * gate.stride() / 4;
    let mut dispatch = call(
        "swiglu",
        "main",
        &Params {
            count4: u32_of(count4),
        },
        vec![Binding::read(gate), Binding::read(up), Binding::write(out)],
        folded(count4, 64),
        Work {
            flops: 20.0 * count4 as f64,
            bytes: traffic(&[gate, up, out]),
        },
    );
    dispatch.constants = vec![("ACTIVATION", activation.code())];
    Ok(dispatch)
}
