//! What the decoder is told of the images in a prompt beside its embeddings.

use crate::gpu::Tensor;

/// The image tokens of a prompt, on the device.
pub(super) struct Seen {
    /// Their positions, `[1, image tokens]`.
    pub(super) at: Tensor,
    /// What is added to them behind the first decoder layers, `[image tokens, hidden]` each.
    pub(super) deep: Vec<Tensor>,
}
