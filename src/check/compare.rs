//! Inputs made from a seed, and the measure of a result.

use crate::{
    blocks::Block,
    gpu::{DType, Gpu, GpuError, Tensor},
    report::SplitMix64,
};

/// Rounding of sums in f32: a few units in the last place, whatever the order.
pub const F32_SUMS: f64 = 2e-6;

/// Random numbers of a seed, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(SplitMix64);

impl Random {
    /// A generator for `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Standard normal values.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal() as f32).collect()
    }
}

/// Norm of the difference over norm of the reference. Values that are equal, infinities among them,
/// do not differ; infinite where a number is missing or there are more or fewer of them.
pub fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let (mut difference, mut norm) = (0.0, 0.0);
    for (&f, &e) in found.iter().zip(expected) {
        if f != e {
            difference += (f64::from(f) - f64::from(e)).powi(2);
        }
        if e.is_finite() {
            norm += f64::from(e).powi(2);
        }
    }
    if difference.is_nan() {
        return f64::INFINITY;
    }
    if norm == 0.0 {
        return difference.sqrt();
    }
    (difference / norm).sqrt()
}

/// Stores values `[rows, cols]` in a float type and returns the tensor with the values that the type
/// can hold.
///
/// # Errors
/// [`GpuError::Shape`] for a type that holds no floats; what the upload reports.
pub fn stored(
    gpu: &Gpu,
    dtype: DType,
    rows: usize,
    cols: usize,
    values: &[f32],
) -> Result<(Tensor, Vec<f32>), GpuError> {
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
        DType::U32 | DType::Blocks(_) => {
            return Err(GpuError::Shape {
                kernel: "upload",
                message: format!("expected a type of floats, found {dtype:?}"),
            });
        }
    };
    Ok((gpu.upload_bytes(dtype, rows, cols, &bytes)?, kept))
}

/// A matrix `[rows, cols]` of blocks with random quants and scales, among them the smallest, 0 and negative
/// ones: the tensor, and the bytes as a file has them.
///
/// # Errors
/// What the upload reports.
pub fn random_blocks(
    gpu: &Gpu,
    random: &mut Random,
    block: Block,
    rows: usize,
    cols: usize,
) -> Result<(Tensor, Vec<u8>), GpuError> {
    let count = rows * cols.div_ceil(block.elements());
    let mut file = Vec::with_capacity(count * block.bytes());
    for number in 0..count {
        let start = file.len();
        file.extend((0..block.bytes()).map(|_| (random.next_u64() >> 32) as u8));
        let special = [0.0, -0.07, 5.9604645e-8, -6.0e-5];
        for (which, &place) in block.scales().iter().enumerate() {
            let scale = match number % 7 {
                0 => special[(number / 7 + which) % special.len()],
                _ => 0.1 * random.uniform() as f32,
            };
            let bytes = half::f16::from_f32(scale).to_le_bytes();
            file[start + place..start + place + 2].copy_from_slice(&bytes);
        }
    }
    let tensor = gpu.upload_bytes(DType::Blocks(block), rows, cols, &file)?;
    Ok((tensor, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_equal_or_not_there_counts() {
        let expected = [3.0, 4.0];
        assert_eq!(relative_error(&expected, &expected), 0.0);
        assert_eq!(relative_error(&[3.0, 9.0], &expected), 1.0);
        assert_eq!(relative_error(&[3.0, f32::NAN], &expected), f64::INFINITY);
        assert_eq!(relative_error(&[3.0], &expected), f64::INFINITY);
        let broken = [3.0, f32::INFINITY];
        assert_eq!(relative_error(&broken, &broken), 0.0);
        assert_eq!(relative_error(&[3.0, f32::MAX], &broken), f64::INFINITY);
        assert_eq!(relative_error(&[0.5], &[0.0]), 0.5);
    }
}
