//! Opens a file of sums and reads them, each compared with the sum that its run has left of it.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use super::{SUMS_KEY, SumsAbout, metric_tensor, state_names, tensor};
use crate::{
    alignment::{Modality, SavedPair, SavedSums},
    engine::{
        EngineError,
        states_file::{
            SUMS,
            kept::WORDS_KEY,
            piece::{PIECE_KEY, Piece},
            read::contents,
            refused,
        },
        sum::Sum,
    },
    weights::{StorageType, TensorInfo},
};

/// A file of sums whose header has been checked.
pub(super) struct SumsFile {
    /// Its path, for messages.
    pub(super) name: String,
    pub(super) piece: Piece,
    pub(super) about: SumsAbout,
    /// The text of the model's words.
    pub(super) words: Option<String>,
    states: Vec<String>,
    tensors: BTreeMap<String, TensorInfo>,
    /// The sum of each tensor.
    sums: HashMap<String, u64>,
}

impl SumsFile {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, is no file of sums, or one whose header contradicts itself.
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        let name = path.display().to_string();
        let (texts, tensors) = contents(path)?;
        let piece = Piece::parse(&name, texts.get(PIECE_KEY).map(|text| &**text))?;
        let Some(text) = texts.get(SUMS_KEY) else {
            let reason = "expected a file with sums of states, found one of states".to_owned();
            return Err(refused(&name, reason));
        };
        let about = SumsAbout::parse(&name, text, &piece)?;
        let all = about.tensors(&piece);
        let Some(said) = tensors.get(SUMS).filter(|said| said.shape == [all.len()]) else {
            let reason = format!(
                "expected a tensor `{SUMS}` with a sum of each of {} tensors; measure the shard again",
                all.len()
            );
            return Err(refused(&name, reason));
        };
        let said = said.numbers()?.into_iter().map(i64::cast_unsigned);
        Ok(Self {
            sums: (all.into_iter().map(|(name, _)| name)).zip(said).collect(),
            words: texts.get(WORDS_KEY).cloned(),
            states: state_names(&piece),
            name,
            piece,
            about,
            tensors,
        })
    }

    /// The values of a tensor, which are so many; nothing is none at all.
    fn values(&self, tensor: &str, count: usize) -> Result<Vec<f32>, EngineError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let wrong = |found: String| {
            let reason = format!(
                "tensor `{tensor}`: expected {count} F32 values, found {found}; copy the file again, or measure the \
                 shard again"
            );
            refused(&self.name, reason)
        };
        let Some(info) = self.tensors.get(tensor) else {
            return Err(wrong("none".to_owned()));
        };
        if info.shape != [count] || info.storage() != Some(StorageType::F32) {
            return Err(wrong(format!("{:?} {:?}", info.dtype, info.shape)));
        }
        let read = info.read()?;
        let mut sum = Sum::default();
        sum.add(&read.bytes);
        if self.sums.get(tensor) != Some(&sum.number()) {
            return Err(wrong(format!("others by their sum in `{SUMS}`")));
        }
        Ok(read.to_f32())
    }

    /// What a part has of a modality at a state.
    ///
    /// # Errors
    /// A tensor is missing, or is not what its run has written; the file cannot be read.
    pub(super) fn saved(
        &self,
        part: usize,
        state: usize,
        modality: Modality,
    ) -> Result<SavedSums, EngineError> {
        let (Some(own), Some(state_name)) = (self.about.parts.get(part), self.states.get(state))
        else {
            return Ok(SavedSums::default());
        };
        let size = own.size(&self.about, &self.piece, state, modality);
        let mut parts = SavedSums::NAMES.map(|_| Vec::new());
        let names = SavedSums::NAMES.into_iter().zip(size.values());
        for ((name, count), values) in names.zip(&mut parts) {
            *values = self.values(&tensor(part, state_name, modality, name), count)?;
        }
        SavedSums::from_parts(parts, size).map_err(|(name, expected, found)| {
            let tensor = tensor(part, state_name, modality, name);
            let reason = format!(
                "tensor `{tensor}`: expected {expected}, found {found}; measure the shard again"
            );
            refused(&self.name, reason)
        })
    }

    /// What a metric kept of the pairs of a part.
    ///
    /// # Errors
    /// As [`SumsFile::saved`].
    pub(super) fn kept(&self, part: usize, metric: &str) -> Result<Vec<SavedPair>, EngineError> {
        let index = self.about.metrics.iter().position(|own| own == metric);
        let (Some(own), Some(index)) = (self.about.parts.get(part), index) else {
            return Ok(Vec::new());
        };
        let values = self.values(&metric_tensor(part, metric), own.values(index))?;
        let mut rest = &*values;
        let lens = own.kept.get(index).into_iter().flatten();
        let pairs = own.tokens.iter().zip(lens).map(|(&tokens, &len)| {
            let (values, behind) = rest.split_at(len.min(rest.len()));
            rest = behind;
            SavedPair {
                tokens,
                values: values.to_vec(),
            }
        });
        Ok(pairs.collect())
    }
}

/// Opens the file at `path` as a merge of sums does, and reads all of it.
///
/// # Errors
/// What that reports.
#[cfg(fuzzing)]
pub(in crate::engine::states_file) fn tried(path: &Path) -> Result<(), EngineError> {
    let file = SumsFile::open(path)?;
    for part in 0..file.about.parts.len() {
        for state in 0..file.states.len() {
            for modality in Modality::ALL {
                file.saved(part, state, modality)?;
            }
        }
        for metric in &file.about.metrics {
            file.kept(part, metric)?;
        }
    }
    Ok(())
}
