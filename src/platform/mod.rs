//! What differs between a native program and a web page, under one signature.
//!
//! The functions that both have are used from here; the others under their own module's name.

mod cancel;
mod demo;
mod picked;
#[cfg(feature = "app")]
mod recording;
#[cfg(feature = "app")]
mod shipped;

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(target_arch = "wasm32")]
pub mod web;

/// The model hub that is asked where no other is named.
pub const HUB: &str = "https://huggingface.co";
/// Whom a page may ask beside its own host: the hub, and the networks that it sends to for large files.
pub const HUB_SOURCES: [&str; 3] = [HUB, "https://*.huggingface.co", "https://*.hf.co"];

pub use cancel::Cancel;
pub use demo::{DemoFile, DemoFileError};
pub use picked::{FileError, FilePlace, Later, MAX_FILES, PickKind, PickedFile};
#[cfg(feature = "app")]
pub use recording::recording;
#[cfg(all(feature = "app", target_arch = "wasm32"))]
pub use recording::set_recording;
#[cfg(feature = "app")]
pub use shipped::Shipped;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{
    PlacedFile, adapter_name, ahead, asset_files, available_memory, compiled,
    compiles_in_background, demo_files, has_avx512, in_parallel, processor, read_range, yield_now,
};
#[cfg(all(feature = "app", not(target_arch = "wasm32")))]
pub use native::{
    address, cache_size, clear_cache, has_study, in_background, pick, read, save, shipped,
};
#[cfg(target_arch = "wasm32")]
pub use web::{
    PlacedFile, adapter_name, ahead, asset_files, available_memory, compiled,
    compiles_in_background, demo_files, has_avx512, in_parallel, processor, read_range, yield_now,
};
#[cfg(all(feature = "app", target_arch = "wasm32"))]
pub use web::{
    address, cache_size, clear_cache, has_study, in_background, pick, read, save, shipped,
};
