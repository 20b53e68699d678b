//! Twin of `shaders/matmul_naive.wgsl`.

use super::{Epilogue, matmul};

/// `a b^T`; `a [m, k]`, `b [n, k]`, result `[m, n]`.
pub fn matmul_naive(a: &[f32], b: &[f32], k: usize) -> Vec<f32> {
    matmul(a, b, k, &Epilogue::default())
}
