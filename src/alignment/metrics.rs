//! All quantities that can be asked for.

use super::{
    AlignmentError, directions,
    metric::{Metric, Setup},
    pooled,
};

/// A metric that can be asked for.
pub struct MetricKind {
    /// The ids of what it gives.
    pub ids: &'static [&'static str],
    /// Makes it.
    pub new: fn(&Setup<'_>) -> Result<Box<dyn Metric>, AlignmentError>,
}

/// All but the Modality Integration Rate and what follows from its layers ([`crate::report::of_layers`]), in the order
/// in which they are shown.
pub const METRICS: &[MetricKind] = &[
    MetricKind {
        ids: &directions::IDS,
        new: directions::new,
    },
    MetricKind {
        ids: &pooled::IDS,
        new: pooled::new,
    },
];
