//! The connector between tower and decoder.

use super::{activation::Activation, fields::Fields};
use crate::weights::error::WeightsError;

/// Form of the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectorKind {
    /// One linear layer, `multi_modal_projector.linear_1`.
    Linear,
    /// `linear_1`, the activation, `linear_2`; the width between them is the decoder's.
    Mlp,
}

/// What maps image features to the decoder's width.
///
/// The configuration class of transformers knows the MLP only. A connector is linear where
/// `config.json` says `"mm_projector_type": "linear"`, or where the checkpoint names its tensors
/// as one layer (see [`crate::weights::names`]).
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorConfig {
    /// Form.
    pub kind: ConnectorKind,
    /// Activation between the layers of an MLP; without effect in a linear connector.
    pub activation: Activation,
    /// Whether the layers have biases.
    pub bias: bool,
    /// Width of the features: the tower's width times the number of feature layers.
    pub in_features: usize,
    /// The decoder's width.
    pub out_features: usize,
}

impl ConnectorConfig {
    pub(super) fn parse(
        root: &Fields<'_>,
        in_features: usize,
        out_features: usize,
    ) -> Result<Self, WeightsError> {
        let kind = match root.string("mm_projector_type")? {
            Some("linear") => ConnectorKind::Linear,
            None | Some("mlp2x_gelu" | "mlp") => ConnectorKind::Mlp,
            Some(other) => {
                let supported = "linear, mlp, mlp2x_gelu";
                return Err(root.unsupported("mm_projector_type", other, supported));
            }
        };
        Ok(Self {
            kind,
            activation: Activation::parse(root, "projector_hidden_act", Activation::Gelu)?,
            bias: root.flag("multimodal_projector_bias")?.unwrap_or(true),
            in_features,
            out_features,
        })
    }
}
