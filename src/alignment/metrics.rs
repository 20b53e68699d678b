//! All quantities that can be asked for.

use super::{directions, metric::MetricKind, pooled};

/// All but the Modality Integration Rate and what follows from its layers ([`crate::report::of_layers`]), in the order
/// in which they are shown. What costs much is not among them.
pub const METRICS: &[MetricKind] = &[
    MetricKind {
        ids: &directions::IDS,
        new: directions::new,
        bytes: directions::bytes,
        of_model: None,
    },
    MetricKind {
        ids: &pooled::IDS,
        new: pooled::new,
        bytes: pooled::bytes,
        of_model: None,
    },
];
