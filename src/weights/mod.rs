//! A checkpoint folder becomes a configuration and named tensors (CPU).
//!
//! [`Checkpoint::open`] takes a [`ByteSource`] (a folder, or files in memory), reads `config.json`
//! into a [`VlmConfig`] and the headers of the safetensors files, checks that both agree, and then
//! hands out tensors by *canonical* names, whatever prefixes the file uses (see [`names`]):
//!
//! ```text
//! vision_tower.embeddings.*            vision_tower.encoder.layers.{i}.*
//! vision_tower.pre_layrnorm.*          vision_tower.post_layernorm.*
//! multi_modal_projector.linear_{1,2,...}.*, or what another connector has
//! language_model.embed_tokens.weight   language_model.layers.{i}.*
//! language_model.norm.weight           lm_head.weight
//! ```

mod checkpoint;
pub mod config;
mod error;
mod files;
mod finite;
pub mod layout;
pub mod names;
mod notes;
pub(crate) mod packaging;
pub mod safetensors;
mod shards;
mod source;
mod tensor;

pub use checkpoint::Checkpoint;
pub(crate) use config::reduced;
pub use config::{
    Activation, ConnectorConfig, ConnectorKind, FeatureSelect, PictureSize, Resize, RopeScaling,
    TextConfig, TextKind, VisionConfig, VisionKind, VlmConfig,
};
pub use error::{SourceError, WeightsError};
pub use files::TensorInfo;
pub use finite::NotFinite;
pub use shards::shards_outside;
pub use source::{
    ByteSource, Bytes, FolderSource, MemorySource, PickedSource, read_bytes, read_text,
};
pub use tensor::{HostTensor, StorageType};
