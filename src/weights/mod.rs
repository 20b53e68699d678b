//! Files become named tensors (CPU).
//!
//! A [`ByteSource`] is a folder, or files in memory; [`safetensors`] reads headers, [`gguf`] makes a folder of
//! files that hold everything, and
//! [`open_tensors`] says where each tensor of a checkpoint lies.

mod error;
pub mod fields;
mod file_names;
mod files;
mod finite;
pub mod gguf;
pub(crate) mod packaging;
mod packed;
pub(crate) mod quantization;
pub mod safetensors;
mod shards;
mod source;
mod tensor;
mod tensor_info;
mod torch;
mod undo;

pub use error::{SourceError, WeightsError};
pub(crate) use file_names::{INDEX, TORCH, TORCH_INDEX, WEIGHTS};
pub use files::{open_file, open_tensors, weights_file};
pub use finite::NotFinite;
pub(crate) use shards::numbered_name;
pub use shards::shards_outside;
pub(crate) use source::stand_in::{BEGINNING as PLACEHOLDER_BEGINNING, placeholder};
pub use source::{
    BelowSource, ByteSource, Bytes, FolderSource, LayeredSource, MemorySource, PickedSource,
    read_bytes, read_text,
};
pub use tensor::{FileType, HostTensor, StorageType};
pub use tensor_info::TensorInfo;
