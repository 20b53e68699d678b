//! What a reader of a report should know of a checkpoint that can be run all the same.

use super::{Checkpoint, language_model::LM_HEAD};
use crate::{
    families::{ConnectorKind, FeatureSelect, PositionTable, setting},
    weights::packaging,
};

const STRATEGY: &str = "vision_feature_select_strategy";

impl Checkpoint {
    /// Settings that contradict each other, each with the one that counts, and what the checkpoint
    /// lacks although it can be measured; a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let found = [
            self.picture_size(),
            self.strategy_of_tower(),
            self.strategy_of_processor(),
            self.missing_head(),
            self.adapter(),
        ];
        found.into_iter().flatten().collect()
    }

    fn picture_size(&self) -> Option<String> {
        let tower = &self.spec.vision.as_ref()?.tower;
        let (side, image_size) = (tower.picture_size, tower.image_size);
        let made = match tower.positions {
            PositionTable::Bicubic | PositionTable::BicubicAntialias => "interpolated",
            PositionTable::Buckets => "stretched, each patch taking the nearest before it",
            // Made for pictures of any size.
            PositionTable::BilinearCorners | PositionTable::None => return None,
        };
        (side != image_size).then(|| {
            format!(
                "the image processor makes pictures of {side} x {side} pixels, the vision tower's \
                 positions are for {image_size} x {image_size}: they are {made}"
            )
        })
    }

    fn strategy_of_tower(&self) -> Option<String> {
        let vision = self.spec.vision.as_ref()?;
        let tower = vision.tower.kind.model_type();
        match (vision.feature_select, vision.tower.class_token) {
            (FeatureSelect::Default, false) => Some(format!(
                "`{STRATEGY}` = default drops the first of the tower's positions, which is a class \
                 token in other towers; in this one ({tower}) it is a patch of the image, and `full` \
                 would keep it"
            )),
            (FeatureSelect::Full, true) => Some(format!(
                "`{STRATEGY}` = full keeps the class token of the tower ({tower}): it counts as a \
                 vision token"
            )),
            _ => None,
        }
    }

    /// The processor counts image tokens by a strategy of its own.
    fn strategy_of_processor(&self) -> Option<String> {
        let vision = self.spec.vision.as_ref()?;
        // Other connectors do not give a token per feature.
        if !matches!(vision.connector.kind, ConnectorKind::Mlp { .. }) {
            return None;
        }
        let counts = match vision.feature_select {
            FeatureSelect::Default => "default",
            FeatureSelect::Full => "full",
        };
        let (file, other) = setting(&**self.source(), STRATEGY)?;
        let other: String = other.chars().take(40).collect();
        (other != counts).then(|| {
            format!(
                "{file} has `{STRATEGY}` = {other}, config.json has {counts}, which counts here"
            )
        })
    }

    fn missing_head(&self) -> Option<String> {
        let missing = !self.spec.text.tie_word_embeddings && !self.has(LM_HEAD);
        missing.then(|| {
            format!(
                "the checkpoint has no tensor `{LM_HEAD}`: its hidden states can be measured, but no \
                 words can be read off them"
            )
        })
    }

    fn adapter(&self) -> Option<String> {
        packaging::has_adapter(&**self.source()).then(|| {
            "an adapter lies beside the weights (adapter_config.json): it is not applied".to_owned()
        })
    }
}
