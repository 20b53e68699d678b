//! What the files with the weights of a checkpoint are called, and how long those of JSON may be.

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const INDEX: &str = "model.safetensors.index.json";
pub(crate) const TORCH: &str = "pytorch_model.bin";
pub(crate) const TORCH_INDEX: &str = "pytorch_model.bin.index.json";
/// Longest JSON file read here; indices of the largest checkpoints have a few megabytes.
pub(super) const MAX_JSON: u64 = 64 << 20;
