//! One pair as the model sees it.

use super::{
    super::{EngineError, describe, prepare::Prepared},
    explore::Live,
};
use crate::{
    report::{PairView, Picture, PictureView, TokenKind, TokenView},
    weights::VlmConfig,
};

impl Live<'_> {
    /// The pair at `index` of the run.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`].
    pub(super) fn prepared(&self, index: usize) -> Result<&Prepared, EngineError> {
        let pairs = &self.run.prepared;
        EngineError::check_choice("pair", index, 0..=pairs.len().saturating_sub(1))?;
        pairs.get(index).ok_or(EngineError::NothingKept)
    }

    /// One pair as the model sees it.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`]; the image changed on disk since the run.
    pub(super) fn pair(&self, index: usize) -> Result<PairView, EngineError> {
        let prepared = self.prepared(index)?;
        let config = self.loaded.vlm.config();
        Ok(PairView {
            pair: index,
            name: prepared.name(),
            text: prepared.caption(),
            pictures: self.pictures(prepared, config)?,
            tokens: self.tokens(prepared, config),
            stages: describe::stages(
                config,
                prepared.prompt.images,
                prepared.prompt.input_ids.len(),
            ),
        })
    }

    /// Of each image the whole picture and, where the model cuts images, its crops put together.
    fn pictures(
        &self,
        prepared: &Prepared,
        config: &VlmConfig,
    ) -> Result<Vec<PictureView>, EngineError> {
        let processor = &self.loaded.processor;
        let pixel_values = prepared.pixel_values(processor)?;
        let patches = config.vision.patches_per_side();
        let mut pictures = Vec::new();
        for (image, name) in prepared.images().enumerate() {
            let levels = [None, config.sub_images];
            let shown = processor.pictures(&pixel_values, image);
            for (picture, crops) in shown.into_iter().zip(levels) {
                let times = crops.unwrap_or(1);
                pictures.push(PictureView {
                    image,
                    name: name.clone(),
                    crops,
                    picture: Picture {
                        width: picture.width,
                        height: picture.height,
                        rgb: picture.data,
                    },
                    patches: [times * patches; 2],
                    grid: config.token_grid().map(|side| [times * side; 2]),
                });
            }
        }
        Ok(pictures)
    }

    fn tokens(&self, prepared: &Prepared, config: &VlmConfig) -> Vec<TokenView> {
        let ids = &prepared.prompt.input_ids;
        let mut tokens: Vec<TokenView> = (ids.iter())
            .map(|&id| TokenView {
                id,
                text: self.loaded.processor.token_text(id),
                kind: TokenKind::Scaffold,
                patch: None,
                picture: 0,
            })
            .collect();
        for &position in prepared.text(self.run.text_mask) {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Text;
            }
        }
        let places = Places::of(config);
        for (feature, &position) in prepared.prompt.vision.iter().enumerate() {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Vision;
                (token.picture, token.patch) = places.place(feature);
            }
        }
        tokens
    }
}

/// Where image tokens stand.
struct Places {
    /// Tokens of one picture.
    tokens: usize,
    /// Those of them before the grid, for no place.
    before: usize,
    /// Side of a picture's grid of tokens.
    grid: Option<usize>,
    /// Crops along each side of an image.
    crops: Option<usize>,
}

impl Places {
    fn of(config: &VlmConfig) -> Self {
        Self {
            tokens: config.tokens_per_picture().max(1),
            before: config.tokens_before_grid(),
            grid: config.token_grid(),
            crops: config.sub_images,
        }
    }

    /// The picture that image token `token` of a prompt belongs to, the crops of an image put together
    /// as one picture, and the cell of this picture's grid that it stands for.
    fn place(&self, token: usize) -> (usize, Option<usize>) {
        let (picture, token) = (token / self.tokens, token % self.tokens);
        let cell = token.checked_sub(self.before);
        let Some(crops) = self.crops else {
            return (picture, cell.filter(|_| self.grid.is_some()));
        };
        let pictures = 1 + crops * crops;
        let (image, picture) = (picture / pictures, picture % pictures);
        let Some(crop) = picture.checked_sub(1) else {
            return (2 * image, cell.filter(|_| self.grid.is_some()));
        };
        let cell = cell.zip(self.grid).map(|(cell, side)| {
            let row = crop / crops * side + cell / side.max(1);
            let column = crop % crops * side + cell % side.max(1);
            row * crops * side + column
        });
        (2 * image + 1, cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_crops_stand_on_their_crops() {
        // Two images, each whole and in 2 x 2 crops, pictures of 2 x 2 tokens.
        let places = Places {
            tokens: 4,
            before: 0,
            grid: Some(2),
            crops: Some(2),
        };
        assert_eq!(places.place(3), (0, Some(3)));
        // The first crop begins at the corner; its second row is the second one of the 4 x 4 grid.
        assert_eq!(places.place(4), (1, Some(0)));
        assert_eq!(places.place(6), (1, Some(4)));
        // The second crop stands right of the first.
        assert_eq!(places.place(8), (1, Some(2)));
        // The third below it, the fourth at the end.
        assert_eq!(places.place(12), (1, Some(8)));
        assert_eq!(places.place(19), (1, Some(15)));
        // The second image.
        assert_eq!(places.place(20), (2, Some(0)));
        assert_eq!(places.place(39), (3, Some(15)));
        let mut cells: Vec<_> = (4..20).filter_map(|token| places.place(token).1).collect();
        cells.sort_unstable();
        assert!(cells.into_iter().eq(0..16));
    }

    #[test]
    fn tokens_of_no_place_still_have_their_picture() {
        let pooled = Places {
            tokens: 3,
            before: 0,
            grid: None,
            crops: None,
        };
        assert_eq!(pooled.place(2), (0, None));
        assert_eq!(pooled.place(4), (1, None));
        let class_token = Places {
            tokens: 5,
            before: 1,
            grid: Some(2),
            crops: None,
        };
        assert_eq!(class_token.place(5), (1, None));
        assert_eq!(class_token.place(9), (1, Some(3)));
    }
}
