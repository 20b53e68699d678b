//! One file per WGSL file in `shaders/`: its parameters, its shape checks and the function that
//! makes a [`Dispatch`] of it. The CPU twin of each has the same name in [`crate::reference`].

pub mod activation;
pub mod add_rows;
pub mod affine_rows;
pub mod attention;
pub mod attention_decode;
pub mod attention_direct;
pub mod attention_row;
pub mod average_pool;
pub mod blend_rows;
pub mod center_rows;
pub mod column_medians;
pub mod column_sums;
pub mod count_bins;
pub mod depthwise_conv;
pub mod gather_rows;
pub mod head_norm;
pub mod layer_norm;
pub mod matmul;
pub mod matmul_naive;
pub mod matvec;
pub mod norm_stats;
pub mod normalize;
pub mod patchify;
pub mod replace_outliers;
pub mod residual_norm;
pub mod rms_norm;
pub mod rotary;
pub mod rotate_heads;
pub mod row_changes;
pub mod row_dots;
pub mod row_entropies;
pub mod row_maxima;
pub mod sample_token;
pub mod scatter_rows;
pub mod space_to_depth;
pub mod split_rows;
pub mod sum_pieces;
pub mod swiglu;
pub mod token_norms;
pub mod top_tokens;
pub mod transpose;
pub mod unit_rows;
pub mod unpack_rows;

pub use activation::Activation;

use bytemuck::Pod;

use crate::gpu::{Binding, DType, Dispatch, GpuError, KernelVariant, Tensor, Work};

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

/// Part of a grid of workgroups: where it begins and how large it is, by columns and rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) begin: [u32; 2],
    pub(crate) size: [u32; 2],
    /// Part of the whole work.
    pub(crate) share: f64,
}

/// Cuts a grid of `[columns, rows]` workgroups with so many operations in all into parts of about `most` at
/// the most: by rows, and within a row only where one alone is more. Each workgroup computes what it would in
/// the whole grid, hence the same bits.
pub(crate) fn parts([columns, rows]: [u32; 2], flops: f64, most: f64) -> Vec<Part> {
    let pieces = (flops / most.max(1.0)).ceil();
    // Floats become the nearest integer there is; what is no number becomes 0.
    let by_row = (pieces as u32).clamp(1, rows.max(1));
    let by_column = ((pieces / f64::from(by_row)).ceil() as u32).clamp(1, columns.max(1));
    let (high, wide) = (rows.div_ceil(by_row), columns.div_ceil(by_column));
    let whole = f64::from(columns) * f64::from(rows);
    let starts = |end: u32, step: u32| (0..end.max(1)).step_by(step.max(1) as usize);
    starts(rows, high)
        .flat_map(|row| starts(columns, wide).map(move |column| [column, row]))
        .map(|begin| {
            let size = [wide.min(columns - begin[0]), high.min(rows - begin[1])];
            Part {
                begin,
                size,
                share: f64::from(size[0]) * f64::from(size[1]) / whole.max(1.0),
            }
        })
        .collect()
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
    // Tensors fit bindings, which `gpu/open.rs` bounds: far below 2^32 elements.
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Groups of 16 bytes from one row to the next, as kernels count them.
pub(crate) fn groups_of_16_bytes(tensor: &Tensor) -> u32 {
    u32::try_from(tensor.row_bytes() / 16).unwrap_or(u32::MAX)
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

/// Whether all of them are f32: kernels trust it, for nothing else checks what they read and write.
pub(crate) fn all_f32(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|tensor| tensor.dtype() == DType::F32)
}

/// Bytes of all tensors together.
pub(crate) fn traffic(tensors: &[&Tensor]) -> f64 {
    tensors.iter().map(|tensor| tensor.byte_len() as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_cut_by_rows_and_only_then_within_them() {
        let cut = |grid, flops| parts(grid, flops, 10.0);
        let sizes = |parts: &[Part]| parts.iter().map(|part| part.size).collect::<Vec<_>>();
        assert_eq!(sizes(&cut([5, 7], 10.0)), [[5, 7]]);
        assert_eq!(sizes(&cut([5, 7], 25.0)), [[5, 3], [5, 3], [5, 1]]);
        assert_eq!(sizes(&cut([5, 2], 35.0)), [[3, 1], [2, 1], [3, 1], [2, 1]]);
        // No more than there are workgroups, and none for nothing.
        assert_eq!(cut([3, 2], 1e9).len(), 6);
        assert_eq!(sizes(&cut([3, 0], 0.0)), [[3, 0]]);
        for grid in [[1, 1], [4, 9], [13, 5], [1, 64]] {
            for flops in [1.0, 33.0, 170.0, 1e6] {
                let parts = cut(grid, flops);
                let covered: f64 = parts.iter().map(|part| part.share).sum();
                assert!((covered - 1.0).abs() < 1e-9, "{grid:?} {flops}: {parts:?}");
                assert!(parts.iter().all(|part| !part.size.contains(&0)));
            }
        }
    }
}
