//! Kernels that take f32 alone refuse anything else.

use mirscope::{
    gpu::{DType, Dispatch, GpuError, KernelVariant::Direct, Tensor},
    kernels::{
        Activation, activation, center_rows, column_medians, column_sums, gather_rows, layer_norm,
        matmul::Matmul, normalize, patchify, replace_outliers, rms_norm, rotary, split_rows,
        sum_pieces, swiglu,
    },
};

use crate::support::gpu;

/// Kernels and the shapes of their tensors: a letter of [`shape`] each.
const KERNELS: [(&str, &str); 13] = [
    ("activation", "xx"),
    ("swiglu", "xxx"),
    ("layer_norm", "xrrxx"),
    ("rms_norm", "xrx"),
    ("rotary", "xx"),
    ("patchify", "ss"),
    ("center_rows", "xrrr"),
    ("replace_outliers", "xnrr"),
    ("column_medians", "xrr"),
    ("column_sums", "xrr"),
    ("normalize", "xox"),
    ("split_rows", "xrttt"),
    ("sum_pieces", "xrxx"),
];

fn shape(letter: char) -> [usize; 2] {
    match letter {
        'x' => [3, 8],
        'r' => [1, 8],
        's' => [4, 4],
        'n' => [1, 3],
        't' => [8, 3],
        _ => [1, 1],
    }
}

fn call(kernel: &str, x: &[Tensor]) -> Result<Dispatch, GpuError> {
    let activation = Activation::Gelu;
    let (weight, bias) = (&x[1], &x[x.len().min(3) - 1]);
    match kernel {
        "activation" => activation::activation(&x[0], activation, &x[1]),
        "swiglu" => swiglu::swiglu(&x[0], &x[1], activation, &x[2]),
        "layer_norm" => {
            let (eps, residual) = (0.0, Some(&x[3]));
            let with = layer_norm::LayerNorm {
                weight,
                bias,
                eps,
                residual,
                activation,
            };
            layer_norm::layer_norm_with(Direct, &x[0], &with, &x[4])
        }
        "rms_norm" => rms_norm::rms_norm_with(Direct, &x[0], weight, 0.0, &x[2]),
        "rotary" => rotary::rotary(&x[0], &x[1], 8),
        "patchify" => patchify::patchify(&x[0], [1, 1], 2, &x[1]),
        "center_rows" => center_rows::center_rows(&x[0], &x[1], &x[2], &x[3], 0),
        "replace_outliers" => replace_outliers::replace_outliers(&x[0], &x[1], &x[2], 0, &x[3]),
        "column_medians" => column_medians::column_medians_with(Direct, &x[0], &x[1], 0, &x[2]),
        "column_sums" => {
            let shift = Some((&x[1], 0));
            let with = column_sums::ColumnSums {
                shift,
                ..Default::default()
            };
            column_sums::column_sums(&x[0], &with, &x[2], 0)
        }
        "normalize" => normalize::normalize(&x[0], &x[1], 0, &x[2]),
        "split_rows" => {
            let [high, mixed, low] = [2, 3, 4].map(|at: usize| x[at].clone());
            split_rows::split_rows(&x[0], 0, &x[1], 0, &split_rows::Parts { high, mixed, low })
        }
        _ => {
            let (bias, residual) = (Some(&x[1]), Some(&x[2]));
            let with = Matmul {
                bias,
                residual,
                ..Matmul::default()
            };
            sum_pieces::sum_pieces(&x[0], 3, &with, &x[3])
        }
    }
}

#[test]
fn floats_of_16_bits_are_refused_for_f32() {
    let gpu = gpu();
    for (kernel, shapes) in KERNELS {
        // None of them, then each in turn.
        for odd in 0..=shapes.len() {
            let tensor = |(at, letter)| {
                let [rows, cols] = shape(letter);
                let dtype = [DType::F32, DType::F16][usize::from(at + 1 == odd)];
                gpu.tensor(dtype, rows, cols).unwrap()
            };
            let tensors: Vec<Tensor> = shapes.chars().enumerate().map(tensor).collect();
            let found = call(kernel, &tensors).map(|_| ());
            let refused = matches!(found, Err(GpuError::Shape { .. }));
            assert_eq!(
                (refused, found.is_ok()),
                (odd > 0, odd == 0),
                "{kernel} {odd}: {found:?}"
            );
        }
    }
}

#[test]
fn indices_are_no_rows_to_gather() {
    let gpu = gpu();
    let indices = gpu.upload_indices(&[0, 1]).unwrap();
    let out = gpu.tensor(DType::F32, 2, 2).unwrap();
    let outcome = gather_rows::gather_rows(&indices, &indices, 0, &out, 0);
    assert!(matches!(outcome, Err(GpuError::Shape { .. })));
}
