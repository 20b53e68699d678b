//! Checkpoints: layouts, configurations, damaged files.

pub mod build;
mod config;
mod connectors;
mod damaged;
pub mod gguf;
mod golden;
mod layouts;
mod notes;
mod packaging;
mod pictures;
mod quantized;
mod stand_ins;
mod torch;
