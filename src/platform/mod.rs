//! What differs between a native program and a web page, under one signature.
//!
//! The functions that both have are used from here; the others under their own module's name.

mod cancel;
mod demo;

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(target_arch = "wasm32")]
pub mod web;

pub use cancel::Cancel;
pub use demo::{DemoFile, DemoFileError};

#[cfg(not(target_arch = "wasm32"))]
pub use native::{adapter_name, demo_files, yield_now};
#[cfg(target_arch = "wasm32")]
pub use web::{adapter_name, demo_files, yield_now};
