//! A vision-language model as lists of kernels: vision tower -> connector -> language model.
//!
//! [`Vlm`] loads a checkpoint onto a device and records forward passes; a [`CaptureRequest`] names
//! the states to keep. Names follow Hugging Face transformers: `pixel_values`, `hidden_states[k]`,
//! `q_proj`, ... The next tower, connector or decoder is one more file beside these.

mod assembly;
mod batch;
mod capture;
mod checkpoint;
mod connector;
mod decoder_block;
mod error;
mod features;
mod generate;
mod head_ops;
mod kv_cache;
mod language_model;
mod load;
mod looks;
mod made;
mod masks;
mod moca;
mod notes;
mod ops;
mod parameters;
mod parts;
mod patch_grid;
mod positions;
mod seen;
mod stream;
mod tickets;
mod tower_block;
mod vision_tower;
mod vlm;
mod weight;

pub use assembly::Assembly;
pub use capture::{Capture, CaptureRequest, Hook};
pub use checkpoint::Checkpoint;
pub use error::ModelError;
pub use kv_cache::KvCache;
pub use parameters::{Need, Parameter, Part};
pub use parts::parameters;
pub use vlm::{ForwardInput, Vlm};
