//! What was run, with which settings, and what came out: plain data, written as JSON.

mod data;

pub use data::*;
