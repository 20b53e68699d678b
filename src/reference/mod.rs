//! CPU twins of the kernels: the same names, plain slices without padding, sums in f64.
//!
//! They are the oracle of the kernel tests and of the [`self_test`] of a device, not a fast path.

mod activation;
mod affine_rows;
mod attention;
mod attention_row;
mod center_rows;
mod column_medians;
mod column_sums;
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
mod self_test;
mod split_rows;
mod swiglu;
mod token_norms;
mod top_tokens;
mod transpose;

pub use activation::{activate, activation};
pub use affine_rows::affine_rows;
pub use attention::attention;
pub use attention_row::attention_row;
pub use center_rows::center_rows;
pub use column_medians::column_medians;
pub use column_sums::column_sums;
pub use gather_rows::gather_rows;
pub use layer_norm::layer_norm;
pub use matmul::{Epilogue, matmul};
pub use matmul_naive::matmul_naive;
pub use matvec::matvec;
pub use norm_stats::norm_stats;
pub use normalize::normalize;
pub use patchify::patchify;
pub use replace_outliers::replace_outliers;
pub use rms_norm::rms_norm;
pub use rotary::rotary;
pub use row_dots::row_dots;
pub use scatter_rows::scatter_rows;
pub use self_test::self_test;
pub use split_rows::split_rows;
pub use swiglu::swiglu;
pub use token_norms::token_norms;
pub use top_tokens::top_tokens;
pub use transpose::transpose;
