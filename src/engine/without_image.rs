//! The prompt of a pair without its images, for a second forward pass.

use super::prepare::Prepared;
use crate::{
    families::{self, Layout, ModelSpec, PromptTokens},
    gpu::DType,
    input::Prompt,
    model::ForwardInput,
    report::TextMask,
};

/// The same tokens without those that stand for images.
pub(super) struct WithoutImage {
    input_ids: Vec<u32>,
    layout: Layout,
    /// Where the tokens asked for stand now.
    pub(super) text: Vec<u32>,
}

impl WithoutImage {
    /// Takes what stands for images out of a prompt; `text` are positions of tokens that stay.
    pub(super) fn new(prompt: &Prompt, spec: &ModelSpec, text: &[u32]) -> Self {
        let block = &prompt.image_block;
        let stays = |position: &u32| block.binary_search(position).is_err();
        let positions = (0..prompt.input_ids.len() as u32).filter(stays);
        let input_ids: Vec<u32> = positions
            .map(|position| prompt.input_ids[position as usize])
            .collect();
        let moved = |position: u32| position - block.partition_point(|it| *it < position) as u32;
        let first = prompt.text_content.first();
        let tokens = PromptTokens {
            input_ids: &input_ids,
            vision: &[],
            plans: &[],
            text: first.map_or(0, |first| moved(*first) as usize),
        };
        Self {
            layout: families::of(spec).layout(spec, &tokens),
            text: text.iter().copied().map(moved).collect(),
            input_ids,
        }
    }

    /// Device memory in bytes that so many states of a width take beside those of the pass with images, of the pair of
    /// which they take most, with the copies of its text tokens that are compared at a time.
    pub(super) fn bytes(pairs: &[Prepared], mask: TextMask, [states, width]: [usize; 2]) -> u64 {
        let rows = |pair: &Prepared| {
            let prompt = &pair.prompt;
            let tokens = prompt.input_ids.len() - prompt.image_block.len();
            (states * tokens + 2 * pair.text(mask).len()) as u64
        };
        let most = pairs.iter().map(rows).max().unwrap_or(0);
        most.saturating_mul(DType::F32.row_bytes(width))
    }

    /// What the model takes of it.
    pub(super) fn input(&self) -> ForwardInput<'_> {
        ForwardInput::of_text(&self.input_ids, &self.layout)
    }
}
