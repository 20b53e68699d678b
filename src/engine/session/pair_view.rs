//! One pair as the model sees it.

use super::{
    super::{EngineError, describe, prepare::Prepared},
    explore::Live,
};
use crate::report::{PairView, Picture, PictureView, TokenKind, TokenView};

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
        Ok(PairView {
            pair: index,
            name: prepared.name(),
            text: prepared.caption(),
            pictures: self.pictures(prepared)?,
            tokens: self.tokens(prepared),
            stages: describe::stages(
                self.loaded.vlm.spec(),
                &prepared.plans,
                prepared.prompt.input_ids.len(),
            ),
        })
    }

    /// What the tower gets of each image, view by view.
    fn pictures(&self, prepared: &Prepared) -> Result<Vec<PictureView>, EngineError> {
        let processor = &self.loaded.processor;
        let pixel_values = prepared.pixel_values(processor)?;
        let mut left: &[_] = &pixel_values;
        let mut pictures = Vec::new();
        for ((image, name), plan) in prepared.images().enumerate().zip(&prepared.plans) {
            let (own, rest) = left.split_at(plan.pictures.len().min(left.len()));
            left = rest;
            for (view, picture) in plan.views.iter().zip(processor.views(plan, own)) {
                pictures.push(PictureView {
                    image,
                    name: name.clone(),
                    crops: view.tiles,
                    picture: Picture {
                        width: picture.width,
                        height: picture.height,
                        rgb: picture.data,
                    },
                    patches: view.patches,
                    grid: view.cells,
                });
            }
        }
        Ok(pictures)
    }

    fn tokens(&self, prepared: &Prepared) -> Vec<TokenView> {
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
        let mut first = 0;
        let places = prepared.plans.iter().flat_map(|plan| {
            let view = first;
            first += plan.views.len();
            plan.places
                .iter()
                .map(move |place| (view + place.view, place.cell))
        });
        for (&position, place) in prepared.prompt.vision.iter().zip(places) {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Vision;
                (token.picture, token.patch) = place;
            }
        }
        tokens
    }
}
