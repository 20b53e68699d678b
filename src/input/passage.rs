//! What a prompt is made of besides the images themselves.

/// A turn of the user and the assistant's answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage<'a> {
    /// Images that the user shows, all before the question.
    pub images: usize,
    /// What the user asks; may be empty.
    pub question: &'a str,
    /// What the assistant says: the text whose tokens are measured.
    pub text: &'a str,
}

impl<'a> Passage<'a> {
    /// An image without a question, and its text.
    pub fn pair(text: &'a str) -> Self {
        Self {
            images: 1,
            question: "",
            text,
        }
    }
}

/// The images of all passages.
pub(super) fn images(passages: &[Passage<'_>]) -> usize {
    passages.iter().map(|passage| passage.images).sum()
}
