use mirscope::{
    gpu::DType,
    kernels::{
        Activation,
        layer_norm::{LayerNorm, layer_norm_with},
    },
    reference,
};

use super::{ROW_SHAPES, VARIANTS};
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(10);
    for (rows, cols) in ROW_SHAPES {
        // A mean far from 0 shows a variance that cancels.
        let x: Vec<f32> = random
            .normals(rows * cols)
            .iter()
            .map(|v| v * 2.0 + 30.0)
            .collect();
        let (weight, bias) = (random.normals(cols), random.normals(cols));
        let more = random.normals(rows * cols);
        let x_t = gpu.upload(rows, cols, &x).unwrap();
        let (w_t, b_t) = (
            gpu.upload(1, cols, &weight).unwrap(),
            gpu.upload(1, cols, &bias).unwrap(),
        );
        let more_t = gpu.upload(rows, cols, &more).unwrap();
        for (residual, activation) in [
            (false, Activation::None),
            (false, Activation::Silu),
            (true, Activation::Gelu),
        ] {
            let added = residual.then_some(more.as_slice());
            let expected = reference::layer_norm(&x, &weight, &bias, 1e-5, added, activation);
            let with = LayerNorm {
                weight: &w_t,
                bias: &b_t,
                eps: 1e-5,
                residual: residual.then_some(&more_t),
                activation,
            };
            for variant in VARIANTS {
                let out = gpu.tensor(DType::F32, rows, cols).unwrap();
                let call = layer_norm_with(variant, &x_t, &with, &out).unwrap();
                // The mean's rounding, 30 ulp of 1, remains in the centred values.
                assert_close(
                    &run(&gpu, [call], &out),
                    &expected,
                    10.0 * F32_SUMS,
                    &format!("{variant:?} {rows} {cols} {residual} {activation:?}"),
                );
            }
        }
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    let (x, row, out) = (of(3, 5), of(1, 5), of(3, 5));
    let with = LayerNorm {
        weight: &row,
        bias: &row,
        eps: 1e-5,
        residual: None,
        activation: Activation::None,
    };
    let (fewer, narrow) = (of(2, 5), of(1, 4));
    let outcome = |with: &LayerNorm<'_>| layer_norm_with(VARIANTS[0], &x, with, &out);
    assert!(outcome(&with).is_ok());
    let bias = &narrow;
    assert!(outcome(&LayerNorm { bias, ..with }).is_err());
    let residual = Some(&row);
    assert!(outcome(&LayerNorm { residual, ..with }).is_err());
    assert!(layer_norm_with(VARIANTS[0], &x, &with, &fewer).is_err());
}
