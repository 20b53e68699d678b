//! One file per WGSL file in `shaders/`: its parameters, its shape checks and the function that
//! makes a [`Dispatch`] of it. The CPU twin of each has the same name in [`crate::reference`].

pub mod activation;
pub mod add_rows;
pub mod affine_rows;
pub mod attention;
pub mod attention_row;
pub mod average_pool;
pub mod center_rows;
pub mod column_medians;
pub mod column_sums;
pub mod depthwise_conv;
pub mod gather_rows;
pub mod layer_norm;
pub mod matmul;
pub mod matmul_naive;
pub mod matvec;
pub mod norm_stats;
pub mod normalize;
pub mod patchify;
pub mod replace_outliers;
pub mod rms_norm;
pub mod rotary;
pub mod row_dots;
pub mod scatter_rows;
pub mod space_to_depth;
pub mod split_rows;
pub mod sum_pieces;
pub mod swiglu;
pub mod token_norms;
pub mod top_tokens;
pub mod transpose;

pub use activation::Activation;

use bytemuck::Pod;

use crate::gpu::{Binding, Dispatch, GpuError, KernelVariant, Tensor, Work};

/// A call of a kernel, without its constants.
pub(crate) fn call<P: Pod>(
    kernel: &'static str,
    entry: &'static str,
    params: &P,
    bindings: Vec<Binding>,
    workgroups: [u32; 3],
    work: Work,
) -> Dispatch {
    Dispatch {
        kernel,
        entry,
        constants: Vec::new(),
        params: bytemuck::bytes_of(params).to_vec(),
        bindings,
        workgroups,
        work,
    }
}

/// Workgroups of `size` invocations that cover `count`.
pub(crate) fn groups(count: usize, size: usize) -> u32 {
    u32::try_from(count.div_ceil(size)).unwrap_or(u32::MAX)
}

/// Workgroups of `size` invocations that cover `count` in one dimension, folded into two where one
/// would exceed the limit. Kernels find their index with `num_workgroups`.
pub(crate) fn folded(count: usize, size: usize) -> [u32; 3] {
    const MOST: u32 = 32768;
    let needed = groups(count, size);
    if needed <= MOST {
        [needed, 1, 1]
    } else {
        [MOST, needed.div_ceil(MOST), 1]
    }
}

/// Workgroups for kernels that give a row to a workgroup (`tiled`) or to an invocation (`direct`).
/// Many rows fold into two dimensions of 32768.
pub(crate) fn rows_grid(variant: KernelVariant, rows: usize) -> [u32; 3] {
    match variant {
        KernelVariant::Tiled => folded(rows, 1),
        KernelVariant::Direct => [groups(rows, 64), 1, 1],
    }
}

/// Workgroups and constants for kernels whose `tiled` shares a row among as many lanes as are worth it
/// (`common/rows.wgsl`) and whose `direct` gives it to an invocation.
pub(crate) fn shared_rows(
    variant: KernelVariant,
    [rows, cols]: [usize; 2],
) -> ([u32; 3], Vec<(&'static str, f64)>) {
    match variant {
        KernelVariant::Tiled => {
            // One to four groups of four elements for a lane.
            let side: usize = match cols {
                0..=128 => 4,
                129..=1024 => 8,
                _ => 16,
            };
            let constants = vec![("SIDE", side as f64)];
            (folded(rows, 256 / (side * side)), constants)
        }
        KernelVariant::Direct => (rows_grid(variant, rows), Vec::new()),
    }
}

/// A number as the shaders hold it.
pub(crate) fn u32_of(value: usize) -> u32 {
    // Tensors are bounded by the device's buffers, far below 2^32 elements.
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Fails where tensors do not fit each other.
pub(crate) fn expect(
    kernel: &'static str,
    holds: bool,
    message: impl FnOnce() -> String,
) -> Result<(), GpuError> {
    if holds {
        Ok(())
    } else {
        Err(GpuError::Shape {
            kernel,
            message: message(),
        })
    }
}

/// Bytes of all tensors together.
pub(crate) fn traffic(tensors: &[&Tensor]) -> f64 {
    tensors.iter().map(|tensor| tensor.byte_len() as f64).sum()
}
