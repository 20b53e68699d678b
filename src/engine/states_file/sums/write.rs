//! Writes the sums of one part after another.

use serde_json::{Map, Value, json};

use super::{PartAbout, SUMS_FORMAT, SUMS_KEY, SumsAbout, read::SumsFile, state_names};
use crate::{
    alignment::{Modality, SavedPair, SavedSums, Streamed},
    engine::{
        EngineError,
        news::News,
        states_file::{
            SUMS,
            kept::WORDS_KEY,
            piece::{PIECE_KEY, Piece},
            planned::{Planned, header, sums, values},
        },
        sum::Sum,
    },
    platform::{self, PlacedFile},
};

/// Where the sums of a part come from.
pub(super) enum Origin<'a> {
    /// The device.
    Device(&'a Streamed),
    /// A part of a file.
    File(&'a SumsFile, usize),
}

impl Origin<'_> {
    async fn saved(&self, state: usize, modality: Modality) -> Result<SavedSums, EngineError> {
        match self {
            Self::Device(streamed) => Ok(streamed.saved(state, modality).await?),
            Self::File(file, part) => file.saved(*part, state, modality),
        }
    }
}

/// A part of a file to be.
pub(super) struct Part<'a> {
    pub(super) origin: Origin<'a>,
    pub(super) numbers: Vec<u64>,
    pub(super) tokens: Vec<[usize; 2]>,
    /// What each metric kept of each pair.
    pub(super) kept: Vec<Vec<SavedPair>>,
}

impl Part<'_> {
    fn about(&self, states: usize) -> PartAbout {
        let waiting = |state: usize| match &self.origin {
            Origin::Device(streamed) => {
                Modality::ALL.map(|modality| streamed.saved_size(state, modality).waiting)
            }
            Origin::File(file, part) => {
                let own = file.about.parts.get(*part);
                own.and_then(|own| own.waiting.get(state).copied())
                    .unwrap_or_default()
            }
        };
        let lens = |kept: &Vec<SavedPair>| kept.iter().map(|pair| pair.values.len()).collect();
        PartAbout {
            numbers: self.numbers.clone(),
            tokens: self.tokens.clone(),
            waiting: (0..states).map(waiting).collect(),
            kept: self.kept.iter().map(lens).collect(),
        }
    }
}

/// Writes the `parts` of a piece, with what these `metrics` kept and the model's `words`, into `file` from its beginning.
///
/// # Errors
/// What the device, a file or the system says; or that somebody asked to stop.
pub(super) async fn write(
    file: &mut PlacedFile,
    piece: &Piece,
    (metrics, words): (&[String], &Option<String>),
    parts: &[&Part<'_>],
    news: &News<'_>,
) -> Result<(), EngineError> {
    let states = state_names(piece).len();
    let about = SumsAbout {
        format: SUMS_FORMAT,
        width: piece.model.hidden_size,
        metrics: metrics.to_vec(),
        parts: parts.iter().map(|part| part.about(states)).collect(),
    };
    let mut tensors: Vec<Planned> = (about.tensors(piece).into_iter())
        .map(|(name, count)| values(name, count))
        .collect();
    tensors.insert(0, sums(tensors.len()));
    let texts = [
        ("format", "pt".to_owned()),
        ("mirscope_version", env!("CARGO_PKG_VERSION").to_owned()),
        (PIECE_KEY, json!(piece).to_string()),
        (SUMS_KEY, json!(about).to_string()),
    ];
    let words = words.clone().map(|words| (WORDS_KEY, words));
    let texts: Map<String, Value> = (texts.into_iter().chain(words))
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect();
    file.write_at(0, &header(&mut tensors, &texts))?;
    let mut writer = Writer {
        file,
        tensors: tensors.iter().filter(|tensor| tensor.name != SUMS),
        sums: Vec::with_capacity(tensors.len()),
    };
    for part in parts {
        for state in 0..states {
            for modality in Modality::ALL {
                news.check()?;
                let saved = part.origin.saved(state, modality).await?;
                saved.parts().iter().try_for_each(|own| writer.next(own))?;
                platform::yield_now().await;
            }
        }
        for kept in &part.kept {
            let all: Vec<f32> = (kept.iter())
                .flat_map(|pair| pair.values.iter().copied())
                .collect();
            writer.next(&all)?;
        }
    }
    let said: Vec<u8> = (writer.sums.iter())
        .flat_map(|sum| sum.to_le_bytes())
        .collect();
    let place = tensors.iter().find(|tensor| tensor.name == SUMS);
    if let Some(place) = place.filter(|_| !said.is_empty()) {
        file.write_at(place.begin, &said)?;
    }
    Ok(())
}

struct Writer<'a, I> {
    file: &'a mut PlacedFile,
    tensors: I,
    sums: Vec<u64>,
}

impl<'a, I: Iterator<Item = &'a Planned>> Writer<'a, I> {
    /// Writes the next tensor; one without values has no place.
    fn next(&mut self, values: &[f32]) -> Result<(), EngineError> {
        if values.is_empty() {
            return Ok(());
        }
        let Some(tensor) = self.tensors.next() else {
            return Ok(());
        };
        let bytes = bytemuck::cast_slice(values);
        let mut sum = Sum::default();
        sum.add(bytes);
        self.sums.push(sum.number());
        Ok(self.file.write_at(tensor.begin, bytes)?)
    }
}
