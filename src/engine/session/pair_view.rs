//! One pair as the model sees it.

use super::{
    super::{EngineError, describe, prepare::Prepared},
    explore::Live,
};
use crate::{
    report::{PairView, Picture, TokenKind, TokenView},
    weights::{FeatureSelect, VlmConfig},
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
        let processor = &self.loaded.processor;
        let config = self.loaded.vlm.config();
        let pictures = processor.pictures(&*prepared.pixel_values(processor)?, 0);
        let picture = pictures
            .into_iter()
            .next()
            .ok_or(EngineError::NothingKept)?;
        let side = config.vision.patches_per_side();
        Ok(PairView {
            pair: index,
            name: prepared.name(),
            text: prepared.caption(),
            image: Picture {
                width: picture.width,
                height: picture.height,
                rgb: picture.data,
            },
            grid: [side, side],
            tokens: self.tokens(prepared, config),
            stages: describe::stages(config, prepared.prompt.input_ids.len()),
        })
    }

    fn tokens(&self, prepared: &Prepared, config: &VlmConfig) -> Vec<TokenView> {
        // Where the tower's class token is kept it stands before the patches and for none of them.
        let kept = config.vision_feature_select == FeatureSelect::Full;
        let before = usize::from(kept && config.vision.has_class_token());
        let ids = &prepared.prompt.input_ids;
        let mut tokens: Vec<TokenView> = (ids.iter())
            .map(|&id| TokenView {
                id,
                text: self.loaded.processor.token_text(id),
                kind: TokenKind::Scaffold,
                patch: None,
            })
            .collect();
        for &position in prepared.text(self.run.text_mask) {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Text;
            }
        }
        for (feature, &position) in prepared.prompt.vision.iter().enumerate() {
            if let Some(token) = tokens.get_mut(position as usize) {
                token.kind = TokenKind::Vision;
                token.patch = feature.checked_sub(before);
            }
        }
        tokens
    }
}
