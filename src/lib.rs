//! mirscope runs a vision-language model (vision tower -> connector -> language model) in WGSL
//! compute shaders, keeps the hidden states on the device and measures there how well vision and
//! text are aligned: the Modality Integration Rate (MIR, arXiv 2410.07167) and its relatives.
//!
//! The modules stand in the order in which data flows through them:
//!
//! 1. [`input`]: an image and a text become `pixel_values`, `input_ids` and token masks (CPU).
//! 2. [`weights`]: files become named tensors; [`families`]: what they mean, as plain data (CPU).
//!    [`hub`]: which files of a hub's repository a checkpoint needs, and natively fetches them.
//! 3. [`blocks`]: how quantized weights are stored; [`gpu`]: device, tensors, recorded dispatches, readback;
//!    [`kernels`] builds the dispatches of
//!    the WGSL files in `shaders/`, [`reference`] computes the same on the CPU with f64 sums, and
//!    [`check`] compares the two on the device at hand.
//! 4. [`model`]: vision tower, connector and language model as lists of kernels, with capture.
//! 5. [`alignment`]: metrics of captured states, computed on the device.
//! 6. [`report`]: what was run and what came out, as plain data; [`study`]: what many trained checkpoints say
//!    about what the papers claim; [`figures`]: both as plots.
//! 7. [`engine`]: the whole run as a stream: a [`engine::Command`] in, [`engine::Event`]s out.
//! 8. `app`: the egui app over engine and report; `cli`: the command line over the same.

pub mod input;
pub mod weights;

pub mod families;

pub mod hub;

pub mod blocks;
pub mod gpu;
pub mod kernels;
pub mod reference;

pub mod check;

pub mod model;

pub mod alignment;

pub mod report;

pub mod study;

pub mod figures;

pub mod engine;

pub mod platform;

pub mod words;

#[cfg(feature = "app")]
pub mod app;

#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;

#[cfg(fuzzing)]
pub mod fuzzed;
