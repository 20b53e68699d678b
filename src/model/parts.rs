//! The parts of a model, made of its description alone.

use super::{
    connector::Connector, language_model::LanguageModel, parameters::Parameters,
    vision_tower::VisionTower,
};
use crate::families::ModelSpec;

/// Tower, connector and decoder, without weights.
pub(super) struct Parts {
    pub(super) eyes: Option<(VisionTower, Connector)>,
    pub(super) language_model: LanguageModel,
}

impl Parts {
    /// The parts, and what they need.
    pub(super) fn new(spec: &ModelSpec) -> (Self, Parameters) {
        let mut parameters = Parameters::new();
        let p = &mut parameters;
        let eyes = spec.vision.as_ref().map(|vision| {
            let tower = VisionTower::new(p, &vision.tower, vision.normed_features);
            (tower, Connector::new(p, vision))
        });
        let language_model = LanguageModel::new(p, &spec.text);
        let parts = Self {
            eyes,
            language_model,
        };
        (parts, parameters)
    }

    /// What the parts need.
    pub(super) fn parameters(spec: &ModelSpec) -> Parameters {
        Self::new(spec).1
    }
}

/// The tensors of the model that `spec` describes, in the order of a forward pass.
pub fn parameters(spec: &ModelSpec) -> Vec<super::Parameter> {
    Parts::parameters(spec).list
}
