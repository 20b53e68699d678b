//! Every kernel against its CPU twin, over awkward shapes, in every variant.

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
mod types;
mod unit_rows;
mod unpack_rows;

use std::sync::OnceLock;

use mirscope::{
    check,
    gpu::{DType, Gpu, GpuOptions, KernelVariant, LimitTier, SHADERS, Tensor},
};

pub use mirscope::check::ROW_SHAPES;

use crate::support::check_params;

/// Both variants: the suite runs each on whatever adapter is there.
pub const VARIANTS: [KernelVariant; 2] = [KernelVariant::Tiled, KernelVariant::Direct];

/// Stores values in a type and returns the tensor with the values that the type can hold.
pub fn stored(
    gpu: &Gpu,
    dtype: DType,
    rows: usize,
    cols: usize,
    values: &[f32],
) -> (Tensor, Vec<f32>) {
    check::stored(gpu, dtype, rows, cols, values).expect("a type of floats")
}

/// A device with all that its adapter grants: some variants take more workgroup memory than the least
/// that WebGPU promises.
pub fn roomy() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap())
        .clone()
}

/// A device like [`roomy`] on which a call of `flops` operations is so long that it is cut in `parts`.
pub fn cutting(flops: f64, parts: f64) -> Gpu {
    let second = Gpu::most_flops(&with_longest(1.0));
    // A hair longer than it must be, which the rounding of these quotients may take.
    with_longest(flops / parts / second * 1.001)
}

fn with_longest(seconds: f64) -> Gpu {
    let options = GpuOptions {
        longest_dispatch: Some(seconds),
        ..GpuOptions::default()
    };
    pollster::block_on(Gpu::request(&options)).unwrap()
}

#[test]
fn this_adapter_passes_the_self_test() {
    for variant in VARIANTS {
        let options = GpuOptions {
            kernels: Some(variant),
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        pollster::block_on(check::self_test(&gpu)).unwrap();
    }
}

/// A device for each variant, at exactly WebGPU's default limits.
fn both() -> &'static [Gpu; 2] {
    static BOTH: OnceLock<[Gpu; 2]> = OnceLock::new();
    BOTH.get_or_init(|| {
        VARIANTS.map(|variant| {
            let options = GpuOptions {
                kernels: Some(variant),
                limits: LimitTier::WebGpuDefault,
                ..GpuOptions::default()
            };
            pollster::block_on(Gpu::request(&options)).expect("the tests need a graphics adapter")
        })
    })
}

/// Runs the kernel's cases of `mirscope check` in both variants.
#[track_caller]
pub fn passes(kernel: &str) {
    let known = check::KERNELS.iter().find(|check| check.kernel == kernel);
    let cases = known.expect("a kernel of the table");
    for gpu in both() {
        for dispatch in check::dispatches(gpu, cases).unwrap() {
            check_params(&dispatch);
        }
        let line = pollster::block_on(check::check_kernel(gpu, cases)).unwrap();
        assert!(line.ok, "{line:#?}");
    }
}

/// Those that are not compared by a test of their own.
#[test]
fn the_cases_of_the_kernels_with_variants_pass() {
    for kernel in [
        "attention",
        "attention_decode",
        "attention_direct",
        "attention_row",
        "layer_norm",
        "matmul",
        "matvec",
        "norm_stats",
        "rms_norm",
        "sample_token",
        "split_rows",
        "top_tokens",
    ] {
        passes(kernel);
    }
}

/// The table lists each kernel once, in the order of their names.
#[test]
fn the_check_has_all_kernels() {
    let names: Vec<&str> = check::KERNELS.iter().map(|check| check.kernel).collect();
    let shaders: Vec<&str> = SHADERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, shaders);
}
