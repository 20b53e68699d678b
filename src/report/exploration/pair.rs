//! One image-text pair on its way through the model.

use serde::{Deserialize, Serialize};

/// One pair as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairView {
    /// Index among the pairs of the run.
    pub pair: usize,
    /// The image's name.
    pub name: String,
    /// The text.
    pub text: String,
    /// The image after resizing and cropping, as the vision tower gets it.
    pub image: Picture,
    /// Rows and columns of patches; patch `i` is at row `i / columns`, column `i % columns`.
    pub grid: [usize; 2],
    /// The prompt's tokens, first to last.
    pub tokens: Vec<TokenView>,
    /// The model's stages with the shapes of what they give, in the order of execution.
    pub stages: Vec<StageView>,
}

impl PairView {
    /// The position of the token that stands for a patch.
    pub fn position_of(&self, patch: usize) -> Option<usize> {
        let mut tokens = self.tokens.iter();
        tokens.position(|token| token.patch == Some(patch))
    }
}

/// An image of 8-bit red, green and blue.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height * 3` bytes, row-major.
    #[serde(with = "serde_bytes")]
    pub rgb: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Picture({} x {})", self.width, self.height)
    }
}

/// One token of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Token id.
    pub id: u32,
    /// The token as text, spaces included.
    pub text: String,
    /// What it counts as.
    pub kind: TokenKind,
    /// The image patch it stands for; vision tokens only.
    pub patch: Option<usize>,
}

/// What a token counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// An image token: measured as vision.
    Vision,
    /// Measured as text under the run's text mask.
    Text,
    /// Neither: the prompt's scaffold.
    Scaffold,
}

/// One stage of the model, for the pipeline's picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageView {
    /// For example `vision tower`.
    pub name: String,
    /// What it gives, outer to inner, with the axes' names: `[("tokens", 64), ("hidden", 128)]`.
    pub shape: Vec<(String, usize)>,
    /// What it is, in a few words: `CLIP, 6 layers, features of layer -2`.
    pub about: String,
}
