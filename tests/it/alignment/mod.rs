//! The metric against f64 computations that take another road. `--nocapture` shows the errors.

#![allow(clippy::print_stdout)]

pub mod clouds;
mod frechet;
mod official;
pub mod oracle;
pub mod outliers;
mod run;
