//! What the panels of one pair, or of a conversation, share.

use crate::{
    app::{
        store::View,
        views::states::{Missing, Wish},
    },
    report::{AttentionRow, LogitLens, PairView, PatchWords, PictureView},
};

/// What the panels of one pair, or of a conversation, read and change.
pub struct Desk<'a> {
    /// Names the run for whoever keeps textures.
    pub number: u64,
    /// What the tokens are of, for those who hear it.
    pub called: String,
    /// Decoder layers.
    pub layers: usize,
    /// Image tokens of which a recording holds the words; none where the engine can be asked.
    pub recorded: Vec<usize>,
    /// The tokens.
    pub pair: &'a PairView,
    /// What is selected.
    pub view: View,
    /// The token under the pointer as of the last frame.
    pub hovered: Option<usize>,
    /// The token under the pointer now.
    pub hover: Option<usize>,
    /// The words of the selected image token.
    pub lens: Result<&'a LogitLens, Option<Missing>>,
    /// Where the selected token looks.
    pub attention: Result<&'a AttentionRow, Option<Missing>>,
    /// Whether words may lie over the image.
    pub can_show_words: bool,
    /// The likeliest word of each image token at the selected state, once the reader wants to see them.
    pub words: Result<&'a PatchWords, Option<Missing>>,
    /// What the reader asked for.
    pub wish: Option<Wish>,
}

impl Desk<'_> {
    /// The number of the picture that is shown: that of the selected token.
    pub fn picture(&self) -> usize {
        let selected = self.view.patch.and_then(|at| self.pair.picture_of(at));
        selected.unwrap_or(0)
    }

    /// Whether attention lies over the image.
    pub fn shows_attention(&self) -> bool {
        self.view.overlay && !self.view.words
    }

    /// The picture that is shown.
    pub fn shown(&self) -> Option<&PictureView> {
        self.pair.pictures.get(self.picture())
    }

    /// The grid of the tokens in the picture that is shown; nothing where they stand for no place.
    pub fn grid(&self) -> [usize; 2] {
        self.shown().and_then(|shown| shown.grid).unwrap_or([0; 2])
    }

    /// The cell of the picture that is shown for which the token at a position stands.
    pub fn patch_of(&self, position: usize) -> Option<usize> {
        let here = self.pair.picture_of(position)? == self.picture();
        self.pair.tokens.get(position)?.patch.filter(|_| here)
    }

    /// The position of the token that stands for a cell of the picture that is shown.
    pub fn position_of(&self, patch: usize) -> Option<usize> {
        self.pair.position_of(self.picture(), patch)
    }
}
