//! Runs that were recorded with what there is to see in them, small enough to be part of the program.
//!
//! A recording is CBOR. Points and weights are kept in 16 bits: they are for looking at, and the numbers
//! of the reports stay whole.

use half::f16;
use serde::{Deserialize, Serialize};

use super::{Contrast, Opening, RecordedPath, RecordedWhatIfs, recorded_lens, recorded_pair};
use crate::report::{
    AttentionRow, Axes, CloudShape, LogitLens, PairView, ProjectedToken, Projection, Report,
};

/// Runs that were recorded, in the order in which they are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The two trainings that are set against each other; their runs are among the recorded ones.
    pub contrast: Contrast,
    /// Pairs of the study that can be looked at, the same in every run of its checkpoints.
    #[serde(with = "recorded_pair", alias = "family_pairs")]
    pub study_pairs: Vec<PairView>,
    /// The same of the demo: the same tokens over images of another size.
    #[serde(with = "recorded_pair")]
    pub demo_pairs: Vec<PairView>,
    /// The runs.
    pub runs: Vec<RecordedRun>,
    /// Riddles, and one training step by step.
    #[serde(default)]
    pub opening: Opening,
}

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Not CBOR, or not a recording.
    #[error("the recording: expected runs of this version of mirscope, found something else: {0}")]
    Read(String),
    /// It could not be put into bytes.
    #[error("the recording: cannot write it: {0}")]
    Write(String),
    /// Projections of one run list different tokens.
    #[error("the recording: expected the same tokens at every state, found others at state {0}")]
    Tokens(usize),
    /// Answers to other questions, or without what a layer's distance is made of.
    #[error(
        "the recording: expected answers to its what-if questions in their order, found others"
    )]
    Answers,
}

impl Recording {
    /// The pairs that can be looked at in a run of a model.
    pub fn pairs_of(&self, model: &RecordedModel) -> &[PairView] {
        match model {
            RecordedModel::Demo(_) => &self.demo_pairs,
            RecordedModel::Study(_) => &self.study_pairs,
        }
    }

    /// The recording in `bytes`.
    ///
    /// # Errors
    /// [`RecordingError::Read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordingError> {
        ciborium::from_reader(bytes).map_err(|error| RecordingError::Read(error.to_string()))
    }

    /// The recording as bytes.
    ///
    /// # Errors
    /// [`RecordingError::Write`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordingError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(self, &mut bytes)
            .map_err(|error| RecordingError::Write(error.to_string()))?;
        Ok(bytes)
    }
}

/// One run and what there is to see in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// What was measured.
    pub model: RecordedModel,
    /// Image-text pairs that the connector had seen.
    pub samples: u64,
    /// Share of held-out questions that the model answers rightly, 0 to 1.
    pub answered: Option<f64>,
    /// Its report.
    pub report: Report,
    /// Its projections.
    pub clouds: RecordedClouds,
    /// The words of patches of these pairs.
    #[serde(with = "recorded_lens")]
    pub lenses: Vec<LogitLens>,
    /// Where some words of these pairs look.
    pub attention: Vec<RecordedRow>,
    /// The run under other assumptions.
    #[serde(default)]
    pub what_ifs: Option<RecordedWhatIfs>,
    /// Image tokens on their way through the model.
    #[serde(default)]
    pub paths: Vec<RecordedPath>,
}

/// What a recorded run was measured with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordedModel {
    /// The demo with the connector of this name: steps of one training.
    Demo(String),
    /// The checkpoint in this folder of the study: the end of a training of its own.
    #[serde(alias = "Family")]
    Study(String),
}

/// Projections of the same tokens at several states.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedClouds {
    /// Pair and position of the vision tokens.
    vision: Vec<(u32, u32)>,
    /// The same of the text tokens.
    text: Vec<(u32, u32)>,
    states: Vec<RecordedState>,
}

/// One projection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RecordedState {
    state: usize,
    axes: Axes,
    explained: [f64; 2],
    vision_shape: CloudShape,
    text_shape: CloudShape,
    /// Both coordinates of the vision tokens, then of the text tokens, as f16.
    #[serde(with = "serde_bytes")]
    at: Vec<u8>,
}

impl RecordedClouds {
    /// Keeps at most `most` tokens of each modality, evenly taken.
    ///
    /// # Errors
    /// [`RecordingError::Tokens`].
    pub fn new(projections: &[Projection], most: usize) -> Result<Self, RecordingError> {
        Self::keeping(projections, most, &[])
    }

    /// The same with all tokens of some pairs.
    ///
    /// # Errors
    /// [`RecordingError::Tokens`].
    pub fn keeping(
        projections: &[Projection],
        most: usize,
        pairs: &[u32],
    ) -> Result<Self, RecordingError> {
        let thin = |tokens: &[ProjectedToken]| -> Vec<ProjectedToken> {
            let step = tokens.len().div_ceil(most.max(1)).max(1);
            let tokens = tokens.iter().enumerate();
            let kept =
                tokens.filter(|(index, token)| index % step == 0 || pairs.contains(&token.pair));
            kept.map(|(_, token)| *token).collect()
        };
        let origins = |tokens: &[ProjectedToken]| -> Vec<(u32, u32)> {
            let origin = |token: &ProjectedToken| (token.pair, token.position);
            tokens.iter().map(origin).collect()
        };
        let mut clouds = Self::default();
        for (index, projection) in projections.iter().enumerate() {
            let (vision, text) = (thin(&projection.vision), thin(&projection.text));
            let found = (origins(&vision), origins(&text));
            if index == 0 {
                (clouds.vision, clouds.text) = found;
            } else if (&found.0, &found.1) != (&clouds.vision, &clouds.text) {
                return Err(RecordingError::Tokens(projection.state));
            }
            clouds.states.push(RecordedState {
                state: projection.state,
                axes: projection.axes,
                explained: projection.explained,
                vision_shape: projection.vision_shape,
                text_shape: projection.text_shape,
                at: shorten(vision.iter().chain(&text).flat_map(|token| token.at)),
            });
        }
        Ok(clouds)
    }

    /// The projections.
    pub fn projections(&self) -> impl Iterator<Item = Projection> {
        self.states.iter().map(|state| {
            let mut points = lengthen(&state.at);
            let mut take = |origins: &[(u32, u32)]| -> Vec<ProjectedToken> {
                origins
                    .iter()
                    .map_while(|&(pair, position)| {
                        let at = [points.next()?, points.next()?];
                        Some(ProjectedToken { at, pair, position })
                    })
                    .collect()
            };
            Projection {
                state: state.state,
                axes: state.axes,
                explained: state.explained,
                vision: take(&self.vision),
                text: take(&self.text),
                vision_shape: state.vision_shape,
                text_shape: state.text_shape,
            }
        })
    }
}

/// Where a token looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedRow {
    pair: usize,
    position: usize,
    layer: usize,
    /// Each head's weights as f16.
    heads: Vec<serde_bytes::ByteBuf>,
}

impl From<&AttentionRow> for RecordedRow {
    fn from(row: &AttentionRow) -> Self {
        let heads = row.heads.iter();
        Self {
            pair: row.pair,
            position: row.position,
            layer: row.layer,
            heads: heads
                .map(|head| shorten(head.iter().copied()).into())
                .collect(),
        }
    }
}

impl From<&RecordedRow> for AttentionRow {
    fn from(row: &RecordedRow) -> Self {
        Self {
            pair: row.pair,
            position: row.position,
            layer: row.layer,
            heads: row
                .heads
                .iter()
                .map(|head| lengthen(head).collect())
                .collect(),
        }
    }
}

/// Values as f16.
pub(super) fn shorten(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values
        .flat_map(|value| f16::from_f32(value).to_le_bytes())
        .collect()
}

/// Values from f16.
pub(super) fn lengthen(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|&pair| f16::from_le_bytes(pair).to_f32())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projection(state: usize, number: usize) -> Projection {
        let token = |index: usize| ProjectedToken {
            at: [index as f32 * 0.25, state as f32],
            pair: index as u32,
            position: 2 * index as u32,
        };
        Projection {
            state,
            axes: Axes::Own,
            explained: [0.5, 0.25],
            vision: (0..number).map(token).collect(),
            text: (0..2).map(token).collect(),
            vision_shape: CloudShape::default(),
            text_shape: CloudShape::default(),
        }
    }

    #[test]
    fn clouds_are_thinned_and_come_back() {
        let all = [projection(0, 3), projection(1, 3)];
        let clouds = RecordedClouds::new(&all, 400).unwrap();
        assert_eq!(clouds.projections().collect::<Vec<_>>(), all);
        let thin = RecordedClouds::new(&all, 2).unwrap();
        let first = thin.projections().next().unwrap();
        assert_eq!((first.vision.len(), first.text.len()), (2, 2));
        assert_eq!(first.vision[1], all[0].vision[2]);
        let kept = RecordedClouds::keeping(&all, 1, &[2]).unwrap();
        let first = kept.projections().next().unwrap();
        assert_eq!(first.vision, [all[0].vision[0], all[0].vision[2]]);
        let mixed = RecordedClouds::new(&[projection(0, 3), projection(1, 4)], 400);
        assert!(matches!(mixed, Err(RecordingError::Tokens(1))));
    }

    #[test]
    fn rows_come_back_in_half_precision() {
        let row = AttentionRow {
            pair: 1,
            position: 2,
            layer: 3,
            heads: vec![vec![0.5, 0.25, 0.25], vec![0.1, 0.2, 0.7]],
        };
        let back = AttentionRow::from(&RecordedRow::from(&row));
        assert_eq!(back.heads[0], row.heads[0]);
        for (found, expected) in back.heads[1].iter().zip(&row.heads[1]) {
            assert!((found - expected).abs() < 5e-4);
        }
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let error = Recording::from_bytes(b"hello").unwrap_err().to_string();
        assert!(error.starts_with("the recording: expected runs"), "{error}");
    }
}
