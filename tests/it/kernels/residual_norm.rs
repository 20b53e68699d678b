use mirscope::{
    gpu::DType,
    kernels::residual_norm::{ResidualNorm, residual_norm},
};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("residual_norm");
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let (pieces, out, weight) = (tensor(6, 5), tensor(3, 5), tensor(1, 5));
    let (residual, normed) = (tensor(3, 5), tensor(3, 5));
    let with = ResidualNorm {
        bias: Some(&weight),
        behind: Some((&weight, 1e-6)),
        residual: &residual,
        next: Some((&weight, 1e-6, &normed)),
    };
    assert!(residual_norm(&gpu, &pieces, &with, &out).is_ok());
    let (narrow, low) = (tensor(1, 4), tensor(2, 5));
    for wrong in [
        ResidualNorm {
            bias: Some(&narrow),
            ..with
        },
        ResidualNorm {
            behind: Some((&narrow, 1e-6)),
            ..with
        },
        ResidualNorm {
            residual: &low,
            ..with
        },
        ResidualNorm {
            next: Some((&weight, 1e-6, &low)),
            ..with
        },
    ] {
        let error = residual_norm(&gpu, &pieces, &wrong, &out).unwrap_err();
        assert!(error.to_string().contains("residual_norm"), "{error}");
    }
    assert!(residual_norm(&gpu, &tensor(5, 5), &with, &out).is_err());
}
