//! The metric against f64 computations that take another road. `--nocapture` shows the errors.

mod cholesky;
pub mod clouds;
mod frechet;
mod official;
pub mod oracle;
pub mod outliers;
mod run;
mod speed;
