//! The activation functions that matmul and the elementwise kernel know.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, traffic, u32_of};

/// An activation function; the codes are those of `shaders/common/activation.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Activation {
    /// `x`.
    #[default]
    None = 0,
    /// `x Phi(x)` with the exact error function.
    Gelu = 1,
    /// Gelu by its tanh approximation.
    GeluTanh = 2,
    /// `x sigmoid(1.702 x)`.
    QuickGelu = 3,
    /// `x sigmoid(x)`.
    Silu = 4,
    /// `max(x, 0)`.
    Relu = 5,
    /// `tanh(x)`.
    Tanh = 6,
    /// `1 / (1 + exp(-x))`.
    Sigmoid = 7,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Gelu,
        Self::GeluTanh,
        Self::QuickGelu,
        Self::Silu,
        Self::Relu,
        Self::Tanh,
        Self::Sigmoid,
    ];

    /// The value of a kernel's `ACTIVATION` constant.
    pub fn code(self) -> f64 {
        f64::from(self as u32)
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count4: u32,
}

/// `out = activation(x)`, elementwise; `x` and `out` `[rows, cols]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn activation(x: &Tensor, activation: Activation, out: &Tensor) -> Result<Dispatch, GpuError> {
    expect(
        "activation",
        all_f32(&[x, out]) && x.rows() == out.rows() && x.cols() == out.cols(),
        || format!("x {x:?} and out {out:?} must be f32 of one shape"),
    )?;
    let count4 = x.rows() * x.stride() / 4;
    let mut dispatch = call(
        "activation",
        "main",
        &Params {
            count4: u32_of(count4),
        },
        vec![Binding::read(x), Binding::write(out)],
        folded(count4, 64),
        Work {
            flops: 4.0 * (4 * count4) as f64,
            bytes: traffic(&[x, out]),
        },
    );
    dispatch.constants = vec![("ACTIVATION", activation.code())];
    Ok(dispatch)
}
