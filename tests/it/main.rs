//! One integration binary.

// A test says what went wrong by failing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cli;
mod report;
mod tidy;
mod weights;
