//! Metrics of captured hidden states, computed on the device.
//!
//! [`Mir`] is the Modality Integration Rate (arXiv 2410.07167): for the states of the vision tokens
//! and of the text tokens after each decoder layer, both scaled so that the text's mean norm is 1,
//! the Fréchet distance of the two clouds
//!
//! ```text
//! F = ||mu_v - mu_t||^2 + Tr S_v + Tr S_t - 2 Tr (S_v S_t)^(1/2),   S = Xc^T Xc / (n - 1)
//! ```
//!
//! summed over the layers; the MIR is the decadic logarithm of the sum. Lower is better. How it is
//! computed in f32 without losing the small distances:
//!
//! 1. outliers: rows whose norm lies more than three standard deviations from the median norm
//!    give way to the median of each dimension, as in the released script.
//! 2. covariance: means in two parts, centering, traces, and Gram matrices in two parts, of which
//!    the larger is exact.
//! 3. [`cholesky`]: each Gram matrix is factored as `F^T F` in f64 on the CPU; a modality with no
//!    more tokens than dimensions needs no Gram matrix, its centered rows are the factor.
//! 4. The square root's trace is the sum of the singular values of `F_v F_t^T`: `polar` has it on the device,
//!    by matrix products alone; for small matrices, and where the device is the processor itself, [`singular`]
//!    has it in f64.
//! 5. [`LayerDistance`]: what remains is scalar and done in f64.
//!
//! [`Mir::calibrate`] maps the vision tokens before the distance is taken; [`Projector`] shows the
//! tokens of both modalities in a plane.

mod by_pair;
mod by_position;
mod calibrate;
pub mod cholesky;
mod covariance;
mod directions;
mod eigen;
mod error;
mod factors;
mod frechet;
mod group;
mod image_effect;
mod influence;
mod logarithm;
mod logit_lens;
mod metric;
mod metrics;
mod mir;
mod modality;
mod neighbors;
mod outliers;
mod plan;
mod polar;
mod pooled;
mod products;
mod projection;
mod rank_check;
mod rotations;
mod sample;
mod similarity;
pub mod singular;
mod spectrum;
mod statistics;
mod streamed;
mod traces;
mod transport;

pub use by_position::{by_position, by_position_bytes};
pub use error::{AlignmentError, FEWER_PAIRS};
pub use frechet::{Intervals, LayerDistance, MirResult};
pub use group::STAGES;
pub use image_effect::IMAGE_EFFECT;
pub use influence::Influence;
pub use logit_lens::LOGIT_LENS;
pub use metric::{
    Finding, Metric, MetricKind, Observation, PairSize, Restored, SavedPair, Saving, SecondPass,
    Setup, StateId, Vocabulary, state_of,
};
pub use metrics::METRICS;
pub use mir::{Mir, MirSettings};
pub use modality::Modality;
pub use plan::MemoryPlan;
pub use projection::{Plane, PlanePoints, Projector};
pub use spectrum::effective_ranks;
pub use streamed::{
    MergeError, MergedSums, Merging, SavedSize, SavedSums, Second, StreamPlan, Streamed,
};
