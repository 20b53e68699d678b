//! A measurement in pieces: which pairs each has.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{DeviceSettings, EngineError, MeasureRequest};
use crate::{
    report::Skipped,
    words::{counted, plural},
};

/// One of several parts of a measurement. The pairs that a seed chose are dealt out one by one, so that every pair is in
/// one shard and each shard has as many as the others, or one less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, from 1 to [`Shard::of`].
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

impl Shard {
    /// All pairs.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// Whether it has the pair with this number, from 0 on.
    pub fn has(self, pair: u64) -> bool {
        self == Self::of_pair(pair, self.of)
    }

    /// The shard that has a pair.
    pub(super) fn of_pair(pair: u64, of: u64) -> Self {
        let number = pair % of.max(1) + 1;
        Self { number, of }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// From `I/N`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let shard = parts.and_then(|(own, of)| {
            Some(Self {
                number: number(own)?,
                of: number(of)?,
            })
        });
        shard
            .filter(|shard| shard.number >= 1 && shard.number <= shard.of)
            .ok_or_else(|| "expected I/N with I from 1 to N, for example 2/3".to_owned())
    }
}

/// A shard without pairs.
pub(crate) fn refused_shard(shard: Shard, pairs: u64) -> EngineError {
    let count = usize::try_from(pairs).unwrap_or(usize::MAX);
    EngineError::NoPairs {
        reason: format!(
            "shard {shard}: there {} {}, so use at most {pairs} {}",
            match count {
                1 => "is",
                _ => "are",
            },
            counted(count, "pair"),
            plural(count, "shard"),
        ),
    }
}

/// Which pairs to run the model over, and where their states go. Native only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardRequest {
    /// The whole measurement; nothing is kept or exported. Its memory budget, 1 GiB where there is none, bounds what the
    /// states in the file may take: beyond it their sums are saved, where these take less.
    pub measure: MeasureRequest,
    /// The part of it.
    pub shard: Shard,
    /// The file of statistics.
    pub file: PathBuf,
    /// What was left out before pairs were chosen.
    #[serde(default)]
    pub unread: Vec<Skipped>,
    /// What a reader should know of how the pairs were collected.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Gives up what an interrupted run of other settings has left.
    #[serde(default)]
    pub anew: bool,
    /// Seconds between two saved states of a run that sums up, a minute where nobody says otherwise.
    #[serde(default)]
    pub save_seconds: Option<f64>,
}

/// A file of statistics that is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardSummary {
    /// The file.
    pub file: PathBuf,
    /// Which shard it has.
    pub shard: Shard,
    /// Number of its pairs.
    pub pairs: usize,
    /// Number of pairs of all shards.
    pub of_pairs: u64,
    /// Pairs of it that were left out.
    pub skipped: usize,
    /// Pairs that did not run, because an earlier run had their states.
    pub before: usize,
    /// Whether the file has sums of the states instead of the states.
    #[serde(default)]
    pub sums: bool,
}

/// Which files of statistics to measure together. Native only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MergeRequest {
    /// The files, in any order.
    pub files: Vec<PathBuf>,
    /// Which device computes.
    #[serde(default)]
    pub device: DeviceSettings,
    /// As [`MeasureSettings::memory_budget`](super::MeasureSettings::memory_budget).
    #[serde(default)]
    pub memory_budget: Option<u64>,
    /// Whether all pairs of the measurement have to be there.
    pub whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_in_one_shard_of_about_the_same_size() {
        for of in 1..6 {
            let shards = || (1..=of).map(|number| Shard { number, of });
            for pair in 0..20 {
                assert_eq!(shards().filter(|shard| shard.has(pair)).count(), 1);
            }
            let sizes = shards().map(|shard| (0..20).filter(|pair| shard.has(*pair)).count());
            let sizes: Vec<usize> = sizes.collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn a_shard_is_read_as_written() {
        assert_eq!("2/3".parse(), Ok(Shard { number: 2, of: 3 }));
        for text in ["0/3", "4/3", "1", "1/", "/1", "a/b", "-1/3", "1/3/4", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
