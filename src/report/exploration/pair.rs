//! One image-text pair on its way through the model.

use serde::{Deserialize, Serialize};

/// One pair, or one document of several images, as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct PairView {
    /// Index among the pairs of the run.
    pub pair: usize,
    /// The image's name; of a document the first one's, and how many there are.
    pub name: String,
    /// The text; of a document the texts line by line.
    pub text: String,
    /// What the vision tower gets: of each image the whole and then, where the model cuts images, its
    /// crops put together.
    pub pictures: Vec<PictureView>,
    /// The prompt's tokens, first to last.
    pub tokens: Vec<TokenView>,
    /// The model's stages with the shapes of what they give, in the order of execution.
    pub stages: Vec<StageView>,
}

impl PairView {
    /// The position of the token that stands for cell `patch` of picture `picture`.
    pub fn position_of(&self, picture: usize, patch: usize) -> Option<usize> {
        (self.tokens.iter())
            .position(|token| token.picture == picture && token.patch == Some(patch))
    }

    /// The positions of a picture's tokens, those included that stand for no place in it.
    pub fn positions_of(&self, picture: usize) -> impl Iterator<Item = usize> {
        let tokens = self.tokens.iter().enumerate();
        tokens
            .filter(move |(_, token)| token.kind == TokenKind::Vision && token.picture == picture)
            .map(|(position, _)| position)
    }

    /// The picture that the token at a position belongs to; vision tokens only.
    pub fn picture_of(&self, position: usize) -> Option<usize> {
        let token = self.tokens.get(position)?;
        (token.kind == TokenKind::Vision).then_some(token.picture)
    }
}

/// An image after resizing and cropping, as the vision tower gets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PictureView {
    /// Index among the images of the pair.
    pub image: usize,
    /// The image's name.
    pub name: String,
    /// Rows and columns of crops, where this is the image at the size that is cut into crops; each crop
    /// goes through the tower alone.
    pub crops: Option<[usize; 2]>,
    /// The picture.
    pub picture: Picture,
    /// Rows and columns of the tower's patches.
    pub patches: [usize; 2],
    /// Rows and columns of the image tokens, which lie evenly over the picture: token `i` is at row
    /// `i / columns`, column `i % columns`. The connector may make one token of several patches. None
    /// where a token stands for no place.
    pub grid: Option<[usize; 2]>,
}

/// A pair as it is written, also before there were several pictures.
#[derive(Deserialize)]
struct Stored {
    pair: usize,
    name: String,
    text: String,
    #[serde(default)]
    pictures: Vec<PictureView>,
    image: Option<Picture>,
    grid: Option<[usize; 2]>,
    tokens: Vec<TokenView>,
    stages: Vec<StageView>,
}

impl From<Stored> for PairView {
    fn from(stored: Stored) -> Self {
        let mut pictures = stored.pictures;
        if let (Some(picture), Some(grid)) = (stored.image, stored.grid) {
            pictures.push(PictureView {
                image: 0,
                name: stored.name.clone(),
                crops: None,
                picture,
                patches: grid,
                grid: Some(grid),
            });
        }
        Self {
            pair: stored.pair,
            name: stored.name,
            text: stored.text,
            pictures,
            tokens: stored.tokens,
            stages: stored.stages,
        }
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
    /// The cell of its picture's grid that it stands for: a patch, or several that the connector made
    /// one token. Vision tokens only, and none of those that stand for no place.
    pub patch: Option<usize>,
    /// The picture it belongs to; 0 of tokens that belong to none.
    #[serde(default)]
    pub picture: usize,
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
