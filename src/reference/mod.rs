//! CPU twins of the kernels: the same names, plain slices without padding, sums in f64.
//!
//! They are the oracle of the kernel tests and of the [`self_test`] of a device, not a fast path.

mod activation;
mod attention;
mod gather_rows;
mod layer_norm;
mod matmul;
mod matmul_naive;
mod matvec;
mod patchify;
mod rms_norm;
mod rotary;
mod scatter_rows;
mod self_test;
mod swiglu;

pub use activation::{activate, activation};
pub use attention::attention;
pub use gather_rows::gather_rows;
pub use layer_norm::layer_norm;
pub use matmul::{Epilogue, matmul};
pub use matmul_naive::matmul_naive;
pub use matvec::matvec;
pub use patchify::patchify;
pub use rms_norm::rms_norm;
pub use rotary::rotary;
pub use scatter_rows::scatter_rows;
pub use self_test::self_test;
pub use swiglu::swiglu;
