//! One measurement of the files that its shards left.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{
    StatesFile,
    kept::same_words,
    piece::Piece,
    refused,
    source::{FromFiles, Place, measured},
    sums::has_sums,
};
use crate::{
    engine::{EngineError, MergeRequest, Session, Shard, news::News},
    report::{DataSummary, DeviceSummary, Report, Skipped},
    words::counted,
};

/// Most shards that a message names.
const MOST_NAMED: usize = 5;

/// A file and what it says of itself.
struct Opened {
    file: StatesFile,
    piece: Piece,
}

impl Session {
    /// Measures the states in files of statistics as a run over all their pairs would.
    ///
    /// # Errors
    /// The files are not those of one whole measurement, or one of them cannot be used; what the device reports.
    pub(in crate::engine) async fn merge(
        &mut self,
        request: MergeRequest,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        self.live = None;
        self.loaded = None;
        self.talk = None;
        if request.files.iter().any(|file| has_sums(file)) {
            return self.merge_sums(request, news).await;
        }
        let Gathered {
            opened,
            places,
            skipped,
        } = gathered(&request.files, news).await?;
        let Some(first) = opened.first() else {
            let reason = "no file".to_owned();
            return Err(EngineError::NoPairs { reason });
        };
        let own: Vec<(&str, &Piece)> = (opened.iter())
            .map(|own| (&*own.file.name, &own.piece))
            .collect();
        let present = places.keys().chain(skipped.keys()).copied().collect();
        checked(&own, present, places.len(), request.whole, news)?;
        if places.is_empty() {
            let reason = first.file.name.clone();
            return Err(EngineError::NoPairs { reason });
        }
        let gpu = self.device(&request.device, news).await?;
        let mut settings = first.piece.settings.clone();
        settings.memory_budget = request.memory_budget;
        notes(&own, &gpu.summary(), news);
        let (model, data) = (
            first.piece.model.clone(),
            data(&first.piece, places.len(), skipped),
        );
        let (pairs, images): (Vec<Place>, Vec<Vec<usize>>) = places.into_values().unzip();
        let files: Vec<StatesFile> = opened.into_iter().map(|opened| opened.file).collect();
        let from = FromFiles {
            gpu: &gpu,
            files: &files,
            pairs: &pairs,
            images: &images,
        };
        from.report(&settings, model, data, news).await
    }
}

/// The files of one measurement in the order of their shards, and what they hold.
pub(super) struct Gathered {
    opened: Vec<Opened>,
    /// Where each pair lies, with the vision tokens of its images.
    places: BTreeMap<u64, (Place, Vec<usize>)>,
    skipped: BTreeMap<u64, Skipped>,
}

/// Opens `files` and reads which pairs they have.
///
/// # Errors
/// One of them cannot be used, or they do not fit together.
pub(super) async fn gathered(
    files: &[PathBuf],
    news: &mut News<'_>,
) -> Result<Gathered, EngineError> {
    let mut opened: Vec<Opened> = Vec::new();
    for path in files {
        let mut next = open(path)?;
        if let Some(first) = opened.first() {
            first.agrees(&next)?;
            let words = (&*next.file.name, &mut next.file.kept.words);
            same_words((&first.file.name, &first.file.kept.words), words)?;
        }
        let others = opened.iter().map(|own| (&*own.file.name, &own.piece));
        once(others, (&next.file.name, &next.piece))?;
        opened.push(next);
    }
    opened.sort_by_key(|opened| opened.piece.shard);
    let (mut places, mut skipped) = (BTreeMap::new(), BTreeMap::new());
    for (index, Opened { file, piece }) in opened.iter().enumerate() {
        let mut images = piece.images.iter();
        let pairs = file.marks.pairs()?;
        file.kept.check(pairs.len())?;
        file.check_sums(&pairs, news).await?;
        for (place, rows) in pairs.into_iter().enumerate() {
            let own = images.next().cloned().unwrap_or_default();
            of_images(&file.name, &own, rows.tokens[0], rows.number)?;
            let number = u64::try_from(rows.number)
                .ok()
                .filter(|number| piece.has(*number));
            let Some(number) = number else {
                return Err(piece.stray(&file.name, "pair", &rows.number.to_string()));
            };
            let place = Place {
                file: index,
                index: place,
                rows,
            };
            places.insert(number, (place, own));
        }
        for (number, what) in &piece.skipped {
            if places.contains_key(number) || skipped.contains_key(number) {
                return Err(piece.stray(&file.name, "skipped", &format!("{number} twice")));
            }
            skipped.insert(*number, what.clone());
        }
    }
    Ok(Gathered {
        opened,
        places,
        skipped,
    })
}

/// Opens a file of statistics.
fn open(path: &std::path::Path) -> Result<Opened, EngineError> {
    // The mask is known only when the file has been opened once; both are in every file of statistics.
    let found = StatesFile::open(path, crate::report::TextMask::Official)?;
    let piece = Piece::parse(&found.name, found.piece.as_deref())?;
    let file = StatesFile::open(path, piece.settings.text_mask)?;
    let states = measured(&piece.settings, file.layers);
    file.check(states.iter().map(|state| state.id))?;
    Ok(Opened { file, piece })
}

impl Opened {
    /// Fails where `other` is of another measurement.
    fn agrees(&self, other: &Self) -> Result<(), EngineError> {
        self.piece
            .fits(&self.file.name, &other.piece, &other.file.name)?;
        let (own, found) = (self.file.sizes(), other.file.sizes());
        if own == found {
            return Ok(());
        }
        let reason = format!(
            "expected {} states of width {} as in {}, found {} of width {}; merge shards of one measurement",
            own[0], own[1], self.file.name, found[0], found[1]
        );
        Err(refused(&other.file.name, reason))
    }
}

/// Fails where a file has another number of `vision` tokens of a pair than its images have.
pub(super) fn of_images(
    file: &str,
    images: &[usize],
    vision: usize,
    number: impl std::fmt::Display,
) -> Result<(), EngineError> {
    let all = (images.iter()).fold(0, |sum: usize, tokens| sum.saturating_add(*tokens));
    if all == vision {
        return Ok(());
    }
    let reason = format!(
        "`images` of its `piece`: expected {vision} vision tokens of pair {number}, found {images:?}; measure the shard \
         again"
    );
    Err(refused(file, reason))
}

/// Fails where the shard of `next` is among `others`.
pub(super) fn once<'a>(
    mut others: impl Iterator<Item = (&'a str, &'a Piece)>,
    (name, next): (&str, &Piece),
) -> Result<(), EngineError> {
    match others.find(|(_, piece)| piece.shard == next.shard) {
        None => Ok(()),
        Some((other, _)) => {
            let reason = format!(
                "expected pairs that no other file has, found shard {}, which is in {other}, too; name each shard once",
                next.shard()
            );
            Err(refused(name, reason))
        }
    }
}

/// Fails where pairs are missing of files that have to be `whole`; tells of which shard alone a report is.
pub(super) fn checked(
    opened: &[(&str, &Piece)],
    present: BTreeSet<u64>,
    pairs: usize,
    whole: bool,
    news: &mut News<'_>,
) -> Result<(), EngineError> {
    let Some((_, first)) = opened.first() else {
        return Ok(());
    };
    if whole {
        return complete(opened, present);
    }
    if first.of > 1 {
        let all = usize::try_from(first.pairs).unwrap_or(usize::MAX);
        news.note(format!(
            "of shard {} alone: {pairs} of {}",
            first.shard(),
            counted(all, "pair")
        ));
    }
    Ok(())
}

/// Fails where pairs are missing.
fn complete(opened: &[(&str, &Piece)], present: BTreeSet<u64>) -> Result<(), EngineError> {
    let Some((file, piece)) = opened.first() else {
        return Ok(());
    };
    if present.len() as u64 == piece.pairs {
        return Ok(());
    }
    let given: BTreeSet<u64> = opened.iter().map(|(_, piece)| piece.shard).collect();
    // A shard beyond the last pair has none.
    let missing = (1..=piece.of.min(piece.pairs)).filter(|shard| !given.contains(shard));
    let missing: Vec<String> = missing
        .take(MOST_NAMED)
        .map(|shard| shard.to_string())
        .collect();
    if let Some(shard) = missing.first() {
        let reason = format!(
            "expected beside it the files of all {} shards, found none of shard {}; name its file, or measure \
             shard {shard}/{}",
            piece.of,
            missing.join(", "),
            piece.of
        );
        return Err(refused(file, reason));
    }
    let absent = (0..).zip(&present).find(|(number, found)| number != *found);
    let number = absent.map_or(present.len() as u64, |(number, _)| number);
    let shard = Shard::of_pair(number, piece.of);
    let of = (opened.iter()).find(|(_, piece)| piece.shard == shard.number);
    let reason = format!(
        "expected all pairs of shard {shard}, found none with the number {number}; measure the shard again"
    );
    Err(refused(of.map_or("", |(file, _)| file), reason))
}

/// Tells what the shards had to say, and where they do not come from one machine.
pub(super) fn notes(opened: &[(&str, &Piece)], device: &DeviceSummary, news: &mut News<'_>) {
    let mut told = BTreeSet::new();
    for note in opened.iter().flat_map(|(_, piece)| &piece.notes) {
        if told.insert(note) {
            news.note(note.clone());
        }
    }
    if opened.len() > 1 {
        news.note(format!("merged of {}", counted(opened.len(), "shard")));
    }
    let devices: BTreeSet<String> = opened
        .iter()
        .map(|(_, piece)| piece.device.line())
        .collect();
    if devices.len() != 1 || !devices.contains(&device.line()) {
        let devices: Vec<String> = devices.into_iter().take(MOST_NAMED).collect();
        news.note(format!("the model ran on {}", devices.join("; ")));
    }
    let versions: BTreeSet<&str> = opened.iter().map(|(_, piece)| &*piece.version).collect();
    if versions.len() != 1 || !versions.contains(env!("CARGO_PKG_VERSION")) {
        let versions: Vec<&str> = versions.into_iter().take(MOST_NAMED).collect();
        news.note(format!("the model ran in mirscope {}", versions.join(", ")));
    }
}

/// The pairs as a report of all of them names them.
pub(super) fn data(
    piece: &Piece,
    num_pairs: usize,
    skipped: BTreeMap<u64, Skipped>,
) -> DataSummary {
    DataSummary {
        source: piece.source.clone(),
        num_pairs,
        seed: piece.settings.seed,
        prompt: piece.prompt.clone(),
        protocol: piece.settings.protocol_summary(num_pairs),
        skipped: (piece.unread.iter().cloned())
            .chain(skipped.into_values())
            .collect(),
    }
}
