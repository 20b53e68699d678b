//! The table: one file per kernel, with the shapes and inputs over which it is compared.

mod activation;
mod add_rows;
mod affine_rows;
mod attention;
mod attention_decode;
mod attention_direct;
mod attention_row;
mod average_pool;
mod blend_rows;
mod center_rows;
mod column_medians;
mod column_sums;
mod count_bins;
mod depthwise_conv;
mod gather_rows;
mod head_norm;
mod layer_norm;
mod matmul;
mod matmul_naive;
mod matvec;
mod norm_stats;
mod normalize;
mod patchify;
mod replace_outliers;
mod residual_norm;
mod rms_norm;
mod rotary;
mod rotate_heads;
mod row_changes;
mod row_dots;
mod row_entropies;
mod row_maxima;
mod sample_token;
mod scatter_rows;
mod space_to_depth;
mod split_rows;
mod sum_pieces;
mod swiglu;
mod token_norms;
mod top_tokens;
mod transpose;
mod unit_rows;
mod unpack_rows;

use std::fmt;

use super::cases::Cases;
use crate::gpu::GpuError;

/// The cases of one kernel.
pub struct KernelCheck {
    /// The kernel's name.
    pub kernel: &'static str,
    /// Whether some of them are run whenever a device is opened.
    pub quick: bool,
    pub(super) cases: fn(&mut Cases<'_>) -> Result<(), GpuError>,
}

impl fmt::Debug for KernelCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("KernelCheck")
            .field(&self.kernel)
            .finish()
    }
}

const fn whole(
    kernel: &'static str,
    cases: fn(&mut Cases<'_>) -> Result<(), GpuError>,
) -> KernelCheck {
    KernelCheck {
        kernel,
        quick: false,
        cases,
    }
}

const fn quick(
    kernel: &'static str,
    cases: fn(&mut Cases<'_>) -> Result<(), GpuError>,
) -> KernelCheck {
    KernelCheck {
        kernel,
        quick: true,
        cases,
    }
}

/// Every kernel, by name.
pub static KERNELS: [KernelCheck; 43] = [
    whole("activation", activation::cases),
    whole("add_rows", add_rows::cases),
    whole("affine_rows", affine_rows::cases),
    quick("attention", attention::cases),
    whole("attention_decode", attention_decode::cases),
    whole("attention_direct", attention_direct::cases),
    whole("attention_row", attention_row::cases),
    whole("average_pool", average_pool::cases),
    whole("blend_rows", blend_rows::cases),
    quick("center_rows", center_rows::cases),
    quick("column_medians", column_medians::cases),
    quick("column_sums", column_sums::cases),
    whole("count_bins", count_bins::cases),
    whole("depthwise_conv", depthwise_conv::cases),
    quick("gather_rows", gather_rows::cases),
    quick("head_norm", head_norm::cases),
    quick("layer_norm", layer_norm::cases),
    quick("matmul", matmul::cases),
    whole("matmul_naive", matmul_naive::cases),
    whole("matvec", matvec::cases),
    whole("norm_stats", norm_stats::cases),
    quick("normalize", normalize::cases),
    whole("patchify", patchify::cases),
    whole("replace_outliers", replace_outliers::cases),
    quick("residual_norm", residual_norm::cases),
    quick("rms_norm", rms_norm::cases),
    quick("rotary", rotary::cases),
    quick("rotate_heads", rotate_heads::cases),
    whole("row_changes", row_changes::cases),
    quick("row_dots", row_dots::cases),
    whole("row_entropies", row_entropies::cases),
    whole("row_maxima", row_maxima::cases),
    whole("sample_token", sample_token::cases),
    whole("scatter_rows", scatter_rows::cases),
    whole("space_to_depth", space_to_depth::cases),
    quick("split_rows", split_rows::cases),
    whole("sum_pieces", sum_pieces::cases),
    whole("swiglu", swiglu::cases),
    whole("token_norms", token_norms::cases),
    whole("top_tokens", top_tokens::cases),
    quick("transpose", transpose::cases),
    whole("unit_rows", unit_rows::cases),
    whole("unpack_rows", unpack_rows::cases),
];

/// One row, one column, the width of a workgroup and its neighbours, more rows than a workgroup, and
/// widths for which few or many lanes share a row.
pub const ROW_SHAPES: [(usize, usize); 16] = [
    (1, 1),
    (3, 5),
    (2, 64),
    (5, 65),
    (130, 7),
    (3, 1001),
    (17, 3),
    (19, 4),
    (17, 128),
    (3, 255),
    (5, 256),
    (7, 257),
    (9, 576),
    (5, 1000),
    (3, 1025),
    (3, 4096),
];
