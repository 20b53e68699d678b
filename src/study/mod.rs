//! A study of checkpoints: what was trained, what was measured of it, and what that says about the
//! claims of the papers.
//!
//! [`Study`] is what the recipe wrote, [`StudyResults`] what `mirscope study` makes of it: every
//! variant's [`Measured`], the noise between seeds ([`SeedNoise`]), rank correlations
//! ([`Correlation`]; of the score with every quantity [`WithScore`]) and a [`Verdict`] per claim, by one rule ([`VERDICT_RULE`]).
//! The app shows claims by [`Topic`], beside figures that papers give ([`Published`]), and connectors between published
//! models ([`RealParts`]).

mod along;
mod claim;
mod contrast;
mod correlation;
mod csv;
mod data;
mod error;
mod evidence;
mod json;
mod metric;
mod noise;
#[cfg(feature = "app")]
mod opening;
#[cfg(feature = "app")]
mod plain;
#[cfg(any(feature = "app", fuzzing))]
mod protocol;
#[cfg(feature = "app")]
mod published;
mod quantity;
mod rank;
#[cfg(feature = "app")]
mod real;
#[cfg(feature = "app")]
mod recorded_lens;
#[cfg(feature = "app")]
mod recorded_pair;
#[cfg(feature = "app")]
mod recorded_path;
#[cfg(feature = "app")]
mod recorded_what_if;
#[cfg(feature = "app")]
mod recording;
mod results;
mod ruler_text;
#[cfg(feature = "app")]
mod scene;
mod sentences;
#[cfg(feature = "app")]
mod sketch;
mod terminal;
mod text;
#[cfg(feature = "app")]
mod topic;
mod verdict;

pub use along::{NO_PROGRESS, Step, along, pairs_seen};
pub use claim::{Claim, Expectation};
pub use contrast::{BestTraining, Contrast, ContrastSide};
pub use correlation::{Correlation, Over, correlations};
pub use csv::{correlations_csv, study_csv};
pub use data::{Chance, Score, Scores, Study, StudyAxis, Variant};
pub use error::StudyError;
pub use evidence::OtherSeed;
pub use json::results_json;
pub use metric::Metric;
pub(crate) use metric::kind_words;
pub use noise::{SeedNoise, seed_noise};
#[cfg(feature = "app")]
pub use opening::{Opening, RecordedTraining, Riddle, RiddleModel, TrainingStep};
#[cfg(feature = "app")]
pub use plain::{plain, plain_name};
#[cfg(any(feature = "app", fuzzing))]
pub use protocol::Protocol;
#[cfg(feature = "app")]
pub use published::{Paper, Published};
pub use quantity::{MeasuredQuantity, WithScore};
pub use rank::{
    Certainty, Kendall, RankCorrelation, average_ranks, kendall, kendall_correlation,
    rank_correlation, spearman,
};
#[cfg(feature = "app")]
pub use real::{REAL_CHANCE, REAL_COMMANDS, REAL_PARTS, RealParts, RealRun};
#[cfg(feature = "app")]
pub use recorded_path::RecordedPath;
#[cfg(feature = "app")]
pub use recorded_what_if::{RecordedAnswer, RecordedWhatIfs, ScaledDistance};
#[cfg(feature = "app")]
pub use recording::{
    RecordedClouds, RecordedModel, RecordedRow, RecordedRun, Recording, RecordingError,
};
pub use results::{Measured, MeasuredLayer, StudyResults, StudySettings};
pub(crate) use ruler_text::{FARTHER, NEARER, SIDES};
pub use ruler_text::{NOT_SAID, ruler_text};
#[cfg(feature = "app")]
pub use scene::{Known, Scene, says};
pub use sentences::sentences;
#[cfg(feature = "app")]
pub use sketch::{Item, Piece, Sketch, SketchRow};
pub use terminal::study_text;
pub use text::study_markdown;
#[cfg(feature = "app")]
pub use topic::{Shown, Topic};
pub use verdict::{Outcome, VERDICT_RULE, Verdict, verdicts};

/// Version of the layout of `variants.json` and `results.json`.
pub const STUDY_SCHEMA: u32 = 1;
