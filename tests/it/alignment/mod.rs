//! The metric against f64 computations that take another road. `--nocapture` shows the errors.

#![allow(clippy::print_stdout)]

mod clouds;
mod frechet;
mod official;
mod oracle;
mod outliers;
mod run;
