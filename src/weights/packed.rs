//! A checkpoint that is packed into one file or two, instead of being a folder.

use super::{tensor::FileType, undo::Undo};

/// Where a tensor lies in its file.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) dtype: FileType,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Option<Vec<usize>>,
    pub(super) undo: Undo,
    /// Its first byte, and the one behind its last.
    pub(super) begin: u64,
    pub(super) end: u64,
}

/// What is packed into the files.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The file with the language model.
    pub(crate) model_file: String,
    /// All files, each with its tensors by their names in Hugging Face's classes.
    pub(super) files: Vec<(String, Vec<(String, Placed)>)>,
}
