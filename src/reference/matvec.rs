//! Twin of `shaders/matvec.wgsl`.

use super::{Epilogue, matmul};

/// `activation(a b^T + bias) + residual`; `a [m, k]`, `b [n, k]`, result `[m, n]`.
pub fn matvec(a: &[f32], b: &[f32], k: usize, epilogue: &Epilogue<'_>) -> Vec<f32> {
    matmul(a, b, k, epilogue)
}
