//! The alignment under other assumptions, from kept states and without a new forward pass.

use serde::{Deserialize, Serialize};

use super::super::LayerReport;

/// What is changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatIfSettings {
    /// Whether tokens whose norm stands out are replaced.
    pub outliers: bool,
    /// Only the first so many pairs; all if absent.
    pub num_pairs: Option<usize>,
    /// How the vision tokens are calibrated at each layer.
    pub calibration: Calibration,
}

impl Default for WhatIfSettings {
    fn default() -> Self {
        Self {
            outliers: true,
            num_pairs: None,
            calibration: Calibration::None,
        }
    }
}

/// How the vision tokens of a layer are mapped before its distance is taken.
///
/// Each layer is calibrated alone, from its own statistics: the effect that a calibrated layer would
/// have on the layers after it is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibration {
    /// Not at all.
    #[default]
    None,
    /// Modality calibration in closed form (arXiv 2410.07167, section 4): `h <- u * h + v` with the
    /// diagonal Gaussian map `u_i = s_t,i / s_v,i`, `v = mu_t - u * mu_v`.
    Moca,
}

/// The alignment under changed assumptions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// What was changed.
    pub settings: WhatIfSettings,
    /// As in [`super::super::Report::mir`].
    pub mir: Option<f64>,
    /// As in [`super::super::Report::norm_matched_mir`].
    pub norm_matched_mir: Option<f64>,
    /// As in [`super::super::Report::layers`].
    pub layers: Vec<LayerReport>,
    /// Pairs that were measured.
    pub num_pairs: usize,
}
