//! Division by a norm that is on the device.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count4: u32,
    square_row: u32,
}

/// `out = x / sqrt(squares[square_row])`, or 0 where that square is 0.
///
/// # Shapes
/// `x` and `out` `[rows, cols]`, `squares [> square_row, 1]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn normalize(
    x: &Tensor,
    squares: &Tensor,
    square_row: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = all_f32(&[x, squares, out])
        && (x.rows(), x.cols()) == (out.rows(), out.cols())
        && squares.cols() == 1
        && square_row < squares.rows();
    expect("normalize", fits, || {
        format!("x {x:?}, row {square_row} of squares {squares:?} and out {out:?} do not fit")
    })?;
    let count4 = x.rows() * x.stride() / 4;
    Ok(call(
        "normalize",
        "main",
        &Params {
            count4: u32_of(count4),
            square_row: u32_of(square_row),
        },
        vec![
            Binding::read(x),
            Binding::read(squares),
            Binding::write(out),
        ],
        folded(count4, 64),
        Work {
            flops: (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, out]),
        },
    ))
}
