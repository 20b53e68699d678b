//! Every kernel against its CPU twin, over awkward shapes, in every variant.

mod activation;
mod add_rows;
mod affine_rows;
mod attention;
mod attention_row;
mod average_pool;
mod center_rows;
mod column_medians;
mod column_sums;
mod depthwise_conv;
mod gather_rows;
mod layer_norm;
mod matmul;
mod matmul_naive;
mod matvec;
mod norm_stats;
mod normalize;
mod patchify;
mod replace_outliers;
mod rms_norm;
mod rotary;
mod row_dots;
mod scatter_rows;
mod space_to_depth;
mod split_rows;
mod sum_pieces;
mod swiglu;
mod token_norms;
mod top_tokens;
mod transpose;

use std::sync::OnceLock;

use mirscope::gpu::{DType, Gpu, GpuOptions, KernelVariant, Tensor};

/// Both variants: the suite runs each on whatever adapter is there.
pub const VARIANTS: [KernelVariant; 2] = [KernelVariant::Tiled, KernelVariant::Direct];

/// One row, one column, the width of a workgroup and its neighbours, more rows than a workgroup.
pub const ROW_SHAPES: [(usize, usize); 6] = [(1, 1), (3, 5), (2, 64), (5, 65), (130, 7), (3, 1001)];

/// Stores values in a type and returns the tensor with the values that the type can hold.
pub fn stored(
    gpu: &Gpu,
    dtype: DType,
    rows: usize,
    cols: usize,
    values: &[f32],
) -> (Tensor, Vec<f32>) {
    let (bytes, kept): (Vec<u8>, Vec<f32>) = match dtype {
        DType::F32 => (bytemuck::cast_slice(values).to_vec(), values.to_vec()),
        DType::F16 => {
            let halves: Vec<half::f16> = values.iter().map(|&v| half::f16::from_f32(v)).collect();
            let kept = halves.iter().map(|v| v.to_f32()).collect();
            (bytemuck::cast_slice(&halves).to_vec(), kept)
        }
        DType::BF16 => {
            let halves: Vec<half::bf16> = values.iter().map(|&v| half::bf16::from_f32(v)).collect();
            let kept = halves.iter().map(|v| v.to_f32()).collect();
            (bytemuck::cast_slice(&halves).to_vec(), kept)
        }
        DType::U32 => panic!("not a float"),
    };
    (
        gpu.upload_bytes(dtype, rows, cols, &bytes).expect("upload"),
        kept,
    )
}

/// A device with all that its adapter grants: some variants take more workgroup memory than the least
/// that WebGPU promises.
pub fn roomy() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| pollster::block_on(Gpu::request(&GpuOptions::default())).unwrap())
        .clone()
}

#[test]
fn this_adapter_passes_the_self_test() {
    for variant in VARIANTS {
        let options = GpuOptions {
            kernels: Some(variant),
            ..GpuOptions::default()
        };
        let gpu = pollster::block_on(Gpu::request(&options)).unwrap();
        pollster::block_on(mirscope::reference::self_test(&gpu)).unwrap();
    }
}
