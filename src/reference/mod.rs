//! CPU twins of the kernels: the same names, plain slices without padding, sums in f64.
//!
//! They are the oracle of the kernel tests, not a fast path.

mod activation;
mod matmul;
mod matmul_naive;

pub use activation::{activate, activation};
pub use matmul::{Epilogue, matmul};
pub use matmul_naive::matmul_naive;
