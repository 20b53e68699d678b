//! The metric against f64 computations that take another road. `--nocapture` shows the errors.

mod bias;
mod by_position;
mod calibrate;
mod cholesky;
pub mod clouds;
mod frechet;
mod intervals;
mod intervals_demo;
mod intervals_ranks;
mod lacking;
mod merged;
mod moments;
mod official;
pub mod oracle;
pub mod outliers;
mod projection;
mod quantities;
mod ranks;
mod run;
mod singular;
mod speed;
mod streamed;
