//! One pair as the model sees it.

use super::{
    super::{EngineError, describe, prepare::Prepared},
    explore::Live,
    loaded::Loaded,
};
use crate::{
    families::ImagePlan,
    input::PixelValues,
    report::{PairView, Picture, PictureView, TokenKind, TokenView},
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
        Ok(PairView {
            pair: index,
            name: prepared.name(),
            text: prepared.caption(),
            pictures: {
                let names: Vec<String> = prepared.images().collect();
                let pixel_values = prepared.pixel_values(&self.loaded.processor)?;
                (self.loaded).pictures(&names, &prepared.plans, &pixel_values)
            },
            tokens: {
                let text = prepared.text(self.run.text_mask).iter().copied();
                let prompt = &prepared.prompt;
                let ids = &prompt.input_ids;
                (self.loaded).tokens(ids, text, &prompt.vision, &prepared.plans)
            },
            stages: describe::stages(
                self.loaded.vlm.spec(),
                &prepared.plans,
                prepared.prompt.input_ids.len(),
            ),
        })
    }
}

impl Loaded {
    /// What the tower gets of each image, view by view.
    pub(in crate::engine) fn pictures(
        &self,
        names: &[String],
        plans: &[ImagePlan],
        pixel_values: &[PixelValues],
    ) -> Vec<PictureView> {
        let processor = &self.processor;
        let mut left = pixel_values;
        let mut pictures = Vec::new();
        for ((image, name), plan) in names.iter().enumerate().zip(plans) {
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
        pictures
    }

    /// The tokens `ids`: `text` and `vision` are the positions of those kinds, the images are cut as `plans`
    /// say.
    pub(in crate::engine) fn tokens(
        &self,
        ids: &[u32],
        text: impl Iterator<Item = u32>,
        vision: &[u32],
        plans: &[ImagePlan],
    ) -> Vec<TokenView> {
        let mut tokens: Vec<TokenView> = (ids.iter())
            .map(|&id| TokenView {
                id,
                text: self.processor.token_text(id),
                kind: TokenKind::Scaffold,
                patch: None,
                picture: 0,
            })
            .collect();
        for position in text {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Text;
            }
        }
        let mut first = 0;
        let places = plans.iter().flat_map(|plan| {
            let view = first;
            first += plan.views.len();
            plan.places
                .iter()
                .map(move |place| (view + place.view, place.cell))
        });
        for (&position, place) in vision.iter().zip(places) {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Vision;
                (token.picture, token.patch) = place;
            }
        }
        tokens
    }
}
