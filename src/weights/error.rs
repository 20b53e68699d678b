//! What can be wrong with a checkpoint.

use thiserror::Error;

/// What to do about a damaged file.
pub(super) const AGAIN: &str = "download the file again";
/// What to do about a GGUF file that is whole, but not as llama.cpp writes them.
pub(super) const CONVERT_AGAIN: &str = "convert the model again with a current llama.cpp";

/// A file could not be read from a [`crate::weights::ByteSource`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}: {reason}")]
pub struct SourceError {
    /// The file.
    pub file: String,
    /// What happened, as a clause.
    pub reason: String,
}

impl SourceError {
    /// An error about `file`.
    pub fn new(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            reason: reason.into(),
        }
    }
}

/// A checkpoint that cannot be used, in one sentence that says where and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WeightsError {
    /// A file could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),

    /// The folder lacks a file without which it is no checkpoint.
    #[error("{folder}: expected {expected}, found {found}")]
    MissingFile {
        /// Name of the source.
        folder: String,
        /// The file or files looked for.
        expected: String,
        /// What is there instead.
        found: String,
    },

    /// A folder that is no checkpoint, or one packaged in a way that cannot be loaded.
    #[error("{folder}: expected {expected}, found {found}; {advice}")]
    Packaging {
        /// Name of the source.
        folder: String,
        /// What is looked for.
        expected: String,
        /// What is there instead.
        found: String,
        /// What to do, as a clause.
        advice: String,
    },

    /// The weights are quantized.
    #[error(
        "{file}: `{field}` says that the weights are quantized by {method}, which is not supported; use the checkpoint in F32, F16 or BF16 that it was made from"
    )]
    Quantized {
        /// The file.
        file: String,
        /// The field that says so, or the tensor.
        field: String,
        /// Name of the method.
        method: String,
    },

    /// A JSON file does not parse.
    #[error("{file}: expected valid JSON, found an error ({reason}); download the file again")]
    Json {
        /// The file.
        file: String,
        /// The parser's words.
        reason: String,
    },

    /// A configuration field has a value that cannot be.
    #[error("{file}: field `{field}` should be {expected}, found {found}")]
    Field {
        /// The file.
        file: String,
        /// Path of the field, for example `text_config.hidden_size`.
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },

    /// The checkpoint is of a kind that this program does not run.
    #[error("{file}: `{field}` is {found}, which is not supported; supported: {supported}")]
    Unsupported {
        /// The file.
        file: String,
        /// The field that names the kind.
        field: String,
        /// The kind found.
        found: String,
        /// The kinds that work.
        supported: String,
    },

    /// A file of weights whose header is damaged as a whole.
    #[error("{file}: expected {expected}, found {found}; {advice}")]
    Header {
        /// The file.
        file: String,
        /// What the format asks for.
        expected: String,
        /// What the file has.
        found: String,
        /// What to do.
        advice: &'static str,
    },

    /// An entry of a file's header that contradicts the file or itself.
    #[error("{file}: tensor `{tensor}`: expected {expected}, found {found}; {advice}")]
    HeaderEntry {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// What the format asks for.
        expected: String,
        /// What the entry says.
        found: String,
        /// What to do.
        advice: &'static str,
    },

    /// A tensor that the configuration asks for is not in the checkpoint.
    #[error(
        "{file}: tensor `{tensor}` is missing; config.json asks for it with shape {expected} ({reason})"
    )]
    MissingTensor {
        /// The weights file, or the index of shards.
        file: String,
        /// Canonical name.
        tensor: String,
        /// The shape looked for.
        expected: String,
        /// The configuration fields behind it.
        reason: String,
    },

    /// A tensor has another shape than the configuration asks for.
    #[error("{file}: tensor `{tensor}` should have shape {expected}, found {found}")]
    Shape {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The shape asked for, with the configuration fields behind the difference.
        expected: String,
        /// The shape found.
        found: String,
    },

    /// A tensor is stored in a type that this program does not compute with.
    #[error(
        "{file}: tensor `{tensor}` should be stored as F32, F16 or BF16 (in GGUF files also Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K), found {found}; convert the checkpoint"
    )]
    Dtype {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The type found.
        found: String,
    },

    /// A tensor that the configuration rules out is there.
    #[error(
        "{file}: tensor `{tensor}` contradicts config.json: expected none by {setting}, found shape {found}"
    )]
    Contradiction {
        /// The file.
        file: String,
        /// The tensor's name in the file.
        tensor: String,
        /// The field that rules it out, and its value.
        setting: String,
        /// The tensor's shape.
        found: String,
    },

    /// A decoder alone, where a vision tower is needed.
    #[error(
        "config.json: {architecture} is a language model without a vision tower, so it has no image tokens to compare; choose a vision-language model, or name a tower and a connector for it"
    )]
    NoVision {
        /// `architectures[0]`.
        architecture: String,
    },

    /// The image processor makes pictures of a size that the tower cannot take.
    #[error(
        "the image processor makes pictures of {side} pixels: expected vision_config.image_size = {image_size}, or a multiple of patch_size = {patch_size} of at most 1048576 patches; correct crop_size or size in the processor's file"
    )]
    PictureSize {
        /// Side of the pictures.
        side: usize,
        /// Side that the table of positions was made for.
        image_size: usize,
        /// Side of a patch.
        patch_size: usize,
    },

    /// The index of shards names a file where none may lie.
    #[error("{file}: `{shard}` should be a path relative to the checkpoint folder, found {found}")]
    ShardPath {
        /// The index.
        file: String,
        /// What it names.
        shard: String,
        /// Why it cannot be.
        found: String,
    },

    /// A shard outside the checkpoint folder is not there.
    #[error("{folder}: {file} takes tensors from `{shard}`, which is not there; {advice}")]
    MissingShard {
        /// Name of the source.
        folder: String,
        /// The index.
        file: String,
        /// What it names.
        shard: String,
        /// What to do.
        advice: String,
    },

    /// Two tensors claim the same place in the model.
    #[error(
        "{file}: expected one tensor for `{canonical}`, found both `{first}` and `{second}`; remove one"
    )]
    Ambiguous {
        /// The file of the second.
        file: String,
        /// Canonical name of the place.
        canonical: String,
        /// Name of the first.
        first: String,
        /// Name of the second.
        second: String,
    },
}
