//! What a file of statistics says beside its states: of which measurement it is a piece.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refused;
use crate::{
    engine::{EngineError, MeasureSettings, Shard},
    report::{DeviceSummary, ModelSummary, Skipped},
};

/// The key of [`Piece`] in a header's texts.
pub(super) const PIECE_KEY: &str = "piece";
/// Version of the format, raised when a field changes its meaning.
pub(super) const PIECE_FORMAT: u64 = 1;
/// The fields that all pieces of a measurement have in common.
const COMMON: [&str; 6] = [
    "of",
    "settings",
    "pairs",
    "checkpoint",
    "pairs_sum",
    "unread",
];
/// The fields by which a run is the one that an interrupted run was.
const OWN: [&str; 13] = [
    "shard",
    "of",
    "settings",
    "pairs",
    "checkpoint",
    "pairs_sum",
    "unread",
    "device",
    "version",
    "source",
    "prompt",
    "model",
    "skipped",
];

/// One shard of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// [`PIECE_FORMAT`].
    pub(super) format: u64,
    /// Number of the shard, from 1 on.
    pub(super) shard: u64,
    /// Number of shards.
    pub(super) of: u64,
    /// Number of pairs of the whole measurement.
    pub(super) pairs: u64,
    /// The settings, without those that concern where the work is done.
    pub(super) settings: MeasureSettings,
    /// Sum of the checkpoint.
    pub(super) checkpoint: String,
    /// Sum of all pairs of the whole measurement.
    pub(super) pairs_sum: String,
    /// What was left out before pairs were chosen.
    pub(super) unread: Vec<Skipped>,
    /// Pairs of this shard that were left out, by their numbers.
    pub(super) skipped: Vec<(u64, Skipped)>,
    /// The model.
    pub(super) model: ModelSummary,
    /// Where the pairs came from.
    pub(super) source: String,
    /// Where the prompts' form came from.
    pub(super) prompt: String,
    /// Vision tokens of each image of the pairs that the file has, in its order.
    pub(super) images: Vec<Vec<usize>>,
    /// The device that ran the model.
    pub(super) device: DeviceSummary,
    /// The program's version.
    pub(super) version: String,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

impl Piece {
    /// The one that `text` of `file` says.
    ///
    /// # Errors
    /// There is none; it is of another format; a field is missing or is not what it should be.
    pub(super) fn parse(file: &str, text: Option<&str>) -> Result<Self, EngineError> {
        let Some(text) = text else {
            let reason = format!(
                "expected a file of statistics, found no `{PIECE_KEY}` in the header; a measurement that saves \
                 its statistics writes one"
            );
            return Err(refused(file, reason));
        };
        let bad = |error: serde_json::Error| {
            let reason = format!(
                "`{PIECE_KEY}` in the header: expected a JSON object that says which shard it is, found an error \
                 ({error}); measure the shard again"
            );
            refused(file, reason)
        };
        let value: Value = serde_json::from_str(text).map_err(bad)?;
        let format = &value["format"];
        if *format != PIECE_FORMAT {
            let reason = format!(
                "`format` of its `{PIECE_KEY}`: expected {PIECE_FORMAT}, found {format}; measure the shard again \
                 with this version of mirscope"
            );
            return Err(refused(file, reason));
        }
        let piece: Self = serde_json::from_value(value).map_err(bad)?;
        piece
            .settings
            .check()
            .map_err(|error| refused(file, error.to_string()))?;
        if piece.shard < 1 || piece.shard > piece.of {
            let reason = format!(
                "`shard` of its `{PIECE_KEY}`: expected a number from 1 to {}, found {}; measure the shard again",
                piece.of, piece.shard
            );
            return Err(refused(file, reason));
        }
        for (number, _) in &piece.skipped {
            if !piece.has(*number) {
                return Err(piece.stray(file, "skipped", &number.to_string()));
            }
        }
        Ok(piece)
    }

    /// Which shard it is.
    pub(super) fn shard(&self) -> Shard {
        Shard {
            number: self.shard,
            of: self.of,
        }
    }

    /// Whether a pair is one of this shard.
    pub(super) fn has(&self, number: u64) -> bool {
        number < self.pairs && self.shard().has(number)
    }

    /// A pair that another shard has, or none.
    pub(super) fn stray(&self, file: &str, place: &str, number: &str) -> EngineError {
        let reason = format!(
            "`{place}`: expected numbers of pairs of shard {}, of {} in all from 0 on, found {number}; measure the \
             shard again",
            self.shard(),
            self.pairs
        );
        refused(file, reason)
    }

    /// Fails where `other` is no piece of the same measurement.
    ///
    /// # Errors
    /// Naming both files and the field.
    pub(super) fn fits(
        &self,
        file: &str,
        other: &Self,
        other_file: &str,
    ) -> Result<(), EngineError> {
        match difference(self, other, &COMMON) {
            None => Ok(()),
            Some([field, own, found]) => {
                let reason = format!(
                    "expected the same `{field}` as in {file}, which is {own}, found {found}; merge shards of one \
                     measurement"
                );
                Err(refused(other_file, reason))
            }
        }
    }

    /// Whether `text` tells of the same run.
    pub(super) fn is_run(&self, text: &str) -> bool {
        let other = serde_json::from_str::<Value>(text);
        let own = serde_json::to_value(self);
        matches!((own, other), (Ok(own), Ok(other)) if differing(&own, &other, &OWN).is_none())
    }

    /// Where an interrupted run, which `text` tells, was another one than this: the field, and what it is here and
    /// there. None where `text` tells nothing.
    pub(super) fn other_run(&self, text: &str) -> Option<[String; 3]> {
        let other: Value = serde_json::from_str(text).ok()?;
        let own = serde_json::to_value(self).ok()?;
        let found = differing(&own, &other, &OWN);
        Some(found.unwrap_or_else(|| ["pairs".to_owned(), "these".to_owned(), "others".to_owned()]))
    }
}

/// The first of `fields` in which two pieces differ, with both values.
fn difference(one: &Piece, other: &Piece, fields: &[&str]) -> Option<[String; 3]> {
    let value = |piece: &Piece| serde_json::to_value(piece).unwrap_or_default();
    differing(&value(one), &value(other), fields)
}

fn differing(one: &Value, other: &Value, fields: &[&str]) -> Option<[String; 3]> {
    for field in fields {
        let (own, found) = (&one[field], &other[field]);
        if own == found {
            continue;
        }
        // Of the settings the one that differs.
        let inside = own.as_object().into_iter().flatten();
        for (name, own) in inside {
            if *own != found[name] {
                return Some([
                    format!("{field}.{name}"),
                    own.to_string(),
                    found[name].to_string(),
                ]);
            }
        }
        return Some([(*field).to_owned(), short(own), short(found)]);
    }
    None
}

/// A value that is not longer than a line.
fn short(value: &Value) -> String {
    const MOST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
