//! A few small kernels against their twins when a device is opened: some drivers compile, run and
//! compute wrongly.

use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        Activation,
        attention::{Attention, KeyIntervals, attention, causal},
        gather_rows::gather_rows,
        layer_norm::{LayerNorm, layer_norm},
        matmul::{Matmul, matmul},
        rms_norm::rms_norm,
    },
    reference::{self, Epilogue},
};

/// Largest relative error that a working device makes: rounding stays below 1e-5, a wrong kernel
/// is off by far more.
const ALLOWED: f64 = 1e-4;

/// A kernel's result on the device and on the CPU.
struct Check {
    kernel: &'static str,
    found: Tensor,
    expected: Vec<f32>,
}

/// Runs a few kernels on the device and compares them with their CPU twins; one readback.
///
/// # Errors
/// [`GpuError::SelfTest`] names the adapter and the kernel that is wrong; else what the device
/// reports.
pub async fn self_test(gpu: &Gpu) -> Result<(), GpuError> {
    let mut recording = Recording::new();
    let checks = [
        check_matmul(gpu, &mut recording)?,
        check_norms(gpu, &mut recording, "layer_norm")?,
        check_norms(gpu, &mut recording, "rms_norm")?,
        check_attention(gpu, &mut recording)?,
        check_gather(gpu, &mut recording)?,
    ];
    gpu.run(&recording).await?;
    let tensors: Vec<&Tensor> = checks.iter().map(|check| &check.found).collect();
    let results = gpu.read(&tensors).await?;
    for (check, result) in checks.iter().zip(results) {
        judge(gpu.name(), check.kernel, &result.values, &check.expected)?;
    }
    Ok(())
}

fn judge(adapter: &str, kernel: &str, found: &[f32], expected: &[f32]) -> Result<(), GpuError> {
    let error = relative_error(found, expected);
    // NaN is no number below the bound.
    if error <= ALLOWED {
        return Ok(());
    }
    Err(GpuError::SelfTest {
        adapter: adapter.into(),
        kernel: kernel.into(),
        error,
        allowed: ALLOWED,
    })
}

/// Values between -1 and 1 that look irregular and are the same everywhere.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

/// An odd-sized product with 16-bit weights, bias and gelu.
fn check_matmul(gpu: &Gpu, recording: &mut Recording) -> Result<Check, GpuError> {
    let (m, n, k) = (37, 35, 67);
    let (a, bias) = (values(m * k, 1), values(n, 2));
    let b: Vec<half::f16> = values(n * k, 3)
        .into_iter()
        .map(half::f16::from_f32)
        .collect();
    let a_tensor = gpu.upload(m, k, &a)?;
    let b_tensor = gpu.upload_bytes(DType::F16, n, k, bytemuck::cast_slice(&b))?;
    let bias_tensor = gpu.upload(1, n, &bias)?;
    let found = gpu.tensor(DType::F32, m, n)?;
    let with = Matmul {
        bias: Some(&bias_tensor),
        activation: Activation::Gelu,
        ..Matmul::default()
    };
    recording.extend(matmul(gpu, &a_tensor, &b_tensor, &with, &found)?);
    let b: Vec<f32> = b.into_iter().map(half::f16::to_f32).collect();
    let epilogue = Epilogue {
        bias: Some(&bias),
        activation: Activation::Gelu,
        residual: None,
    };
    Ok(Check {
        kernel: "matmul",
        expected: reference::matmul(&a, &b, k, &epilogue),
        found,
    })
}

fn check_norms(
    gpu: &Gpu,
    recording: &mut Recording,
    kernel: &'static str,
) -> Result<Check, GpuError> {
    let (rows, cols, eps) = (5, 67, 1e-5);
    let (x, weight, bias) = (values(rows * cols, 4), values(cols, 5), values(cols, 6));
    let x_tensor = gpu.upload(rows, cols, &x)?;
    let weight_tensor = gpu.upload(1, cols, &weight)?;
    let found = gpu.tensor(DType::F32, rows, cols)?;
    let expected = if kernel == "layer_norm" {
        let bias_tensor = gpu.upload(1, cols, &bias)?;
        let with = LayerNorm {
            weight: &weight_tensor,
            bias: &bias_tensor,
            eps,
            residual: None,
            activation: Activation::None,
        };
        recording.push(layer_norm(gpu, &x_tensor, &with, &found)?);
        reference::layer_norm(&x, &weight, &bias, eps, None, Activation::None)
    } else {
        recording.push(rms_norm(gpu, &x_tensor, &weight_tensor, eps, &found)?);
        reference::rms_norm(&x, &weight, eps)
    };
    Ok(Check {
        kernel,
        found,
        expected,
    })
}

/// Causal, grouped, longer than a tile.
fn check_attention(gpu: &Gpu, recording: &mut Recording) -> Result<Check, GpuError> {
    let with = Attention {
        heads: 2,
        kv_heads: 1,
        head_dim: 10,
        scale: 1.5,
    };
    let (tokens, width) = (35, 20);
    let (q, k, v) = (values(tokens * width, 7), values(350, 8), values(350, 9));
    let q_tensor = gpu.upload(tokens, width, &q)?;
    let k_tensor = gpu.upload(tokens, 10, &k)?;
    let v_tensor = gpu.upload(tokens, 10, &v)?;
    let found = gpu.tensor(DType::F32, tokens, width)?;
    let intervals = causal(tokens);
    let seen = KeyIntervals::new(gpu, tokens, &intervals)?;
    recording.extend(attention(
        gpu, &q_tensor, &k_tensor, &v_tensor, &with, &seen, &found,
    )?);
    Ok(Check {
        kernel: "attention",
        expected: reference::attention(&q, &k, &v, &with, &intervals),
        found,
    })
}

/// From a bf16 table, whose values are exact.
fn check_gather(gpu: &Gpu, recording: &mut Recording) -> Result<Check, GpuError> {
    let table: Vec<half::bf16> = values(6 * 9, 10)
        .into_iter()
        .map(half::bf16::from_f32)
        .collect();
    let indices = [5, 0, 3];
    let table_tensor = gpu.upload_bytes(DType::BF16, 6, 9, bytemuck::cast_slice(&table))?;
    let found = gpu.tensor(DType::F32, 3, 9)?;
    let indices_tensor = gpu.upload_indices(&indices)?;
    recording.push(gather_rows(&indices_tensor, &table_tensor, 0, &found, 0)?);
    let table: Vec<f32> = table.into_iter().map(half::bf16::to_f32).collect();
    let mut expected = vec![0.0; 27];
    reference::gather_rows(&indices, &table, 0, 9, &mut expected, 0);
    Ok(Check {
        kernel: "gather_rows",
        found,
        expected,
    })
}

fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    let (difference, norm) = found
        .iter()
        .zip(expected)
        .map(|(&f, &e)| (f64::from(f), f64::from(e)))
        .fold((0.0, 0.0), |(difference, norm), (f, e)| {
            (difference + (f - e).powi(2), norm + e * e)
        });
    (difference / norm).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_and_missing_numbers_are_refused_by_name() {
        let expected = values(100, 1);
        assert_eq!(judge("card", "matmul", &expected, &expected), Ok(()));
        let mut wrong = expected.clone();
        wrong[7] += 0.01;
        let error = judge("card", "matmul", &wrong, &expected).unwrap_err();
        assert!(error.to_string().contains("`card`"), "{error}");
        assert!(error.to_string().contains("`matmul`"), "{error}");
        wrong[7] = f32::NAN;
        assert!(judge("card", "matmul", &wrong, &expected).is_err());
        assert!(judge("card", "matmul", &vec![0.0; 100], &expected).is_err());
    }
}
