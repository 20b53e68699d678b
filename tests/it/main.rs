//! One integration binary: weights, input, kernels, model, alignment, report, cli, tidy.

// A test says what went wrong by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alignment;
mod cli;
mod engine;
mod golden;
mod input;
mod kernels;
mod memory;
mod model;
mod report;
mod shader_validation;
mod support;
mod tidy;
mod weights;
