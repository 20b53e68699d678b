//! The prompt of a pair without its images, for a second forward pass.

use crate::{
    families::{self, Layout, ModelSpec, PromptTokens},
    input::Prompt,
    model::ForwardInput,
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

    /// What the model takes of it.
    pub(super) fn input(&self) -> ForwardInput<'_> {
        ForwardInput {
            pixel_values: &[],
            rows: None,
            input_ids: &self.input_ids,
            vision: &[],
            layout: &self.layout,
        }
    }
}
