//! One integration binary: weights, input, kernels, model, alignment, report, cli, ui, tidy.

// A test says what went wrong by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod alignment;
mod cli;
#[cfg(target_os = "linux")]
mod disk;
mod emitted;
mod engine;
mod families;
mod golden;
#[cfg(feature = "hub")]
mod hub;
mod input;
mod kernels;
mod made_up_study;
mod memory;
mod model;
mod report;
mod shader_validation;
mod support;
mod tidy;
#[cfg(feature = "app")]
mod ui;
mod weights;
#[cfg(all(feature = "app", target_os = "linux"))]
mod window;
