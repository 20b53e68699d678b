//! One report of the sums that shards left.
//!
//! It is a whole measurement: files are compared, pairs put in order, metrics computed.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use super::{SUMS_KEY, read::SumsFile, run::BY_POSITION, state_names};
use crate::{
    alignment::{
        AlignmentError, Influence, MergeError, MergedSums, Merging, Metric, MirResult, Modality,
        SavedPair, SavedSums, Setup, by_position,
    },
    engine::{
        EngineError, Extra, MergeRequest, Session, Stage,
        measure::{kinds, several},
        metric,
        news::News,
        outcome::Outcome,
        samples,
        states_file::{
            kept::{same_words, words_of_all},
            merge::{checked, data, notes, of_images, once},
            piece::Piece,
            refused,
            source::{PAIRS_TOGETHER, measured},
            there::{header_of, text_in},
        },
    },
    gpu::{Gpu, Recording},
    report::{MetricReport, Report, Skipped, format_bytes, too_few_pairs},
};

/// Fewest shards whose spread tells of that of all.
const FEWEST_SHARDS: usize = 8;

/// Whether the file at `path` has sums of states.
pub(in crate::engine::states_file) fn has_sums(path: &Path) -> bool {
    let header = header_of(path);
    header.is_some_and(|header| text_in(&header, SUMS_KEY).is_some())
}

/// Where a pair is.
struct Place {
    file: usize,
    part: usize,
    /// Its place among the part's pairs.
    index: usize,
    /// Vision, text.
    tokens: [usize; 2],
    /// Vision tokens of its images.
    images: Vec<usize>,
}

impl Session {
    /// Measures the sums in files of statistics as a streamed run over all their pairs would.
    ///
    /// # Errors
    /// As [`Session::merge`]; or that a shard has decided about a token otherwise than the norms of all do.
    pub(in crate::engine::states_file) async fn merge_sums(
        &mut self,
        request: MergeRequest,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        let files = opened(&request)?;
        let (places, skipped) = places(&files)?;
        let Some(first) = files.first() else {
            let reason = "no file".to_owned();
            return Err(EngineError::NoPairs { reason });
        };
        let own: Vec<(&str, &Piece)> = (files.iter())
            .map(|file| (&*file.name, &file.piece))
            .collect();
        let present = places.keys().chain(skipped.keys()).copied().collect();
        checked(&own, present, places.len(), request.whole, news)?;
        if places.is_empty() {
            let reason = first.name.clone();
            return Err(EngineError::NoPairs { reason });
        }
        let gpu = self.device(&request.device, news).await?;
        let settings = first.piece.settings.clone();
        notes(&own, &gpu.summary(), news);
        let (model, data) = (
            first.piece.model.clone(),
            data(&first.piece, places.len(), skipped),
        );
        let places: Vec<Place> = places.into_values().collect();
        let few = settings.intervals.then(|| too_few_pairs(places.len()));
        news.note_all(few.flatten());
        let biased = settings.also.contains(&Extra::Bias);
        news.note_all(biased.then(|| samples::HELD_ONLY.to_owned()));
        let merge = Merge {
            gpu: &gpu,
            files: &files,
            places: &places,
        };
        let result = merge.rate(request.memory_budget, news).await?;
        let others = merge.others(news).await?;
        news.end();
        news.note(
            "streamed: shards saved sums of the states instead of the states, medians of dimensions are interpolated"
                .to_owned(),
        );
        let layers = model.num_hidden_layers;
        let outcome = Outcome {
            everything: &result,
            states: &measured(&settings, layers),
            own: layers,
            sampled: None,
            others,
        };
        let mut report = outcome.report(&settings, (model, data), &gpu, news);
        let pairs = places.len();
        // Derivatives by the weight of a shard are none by that of a pair.
        (report.metrics.iter_mut())
            .filter(|metric| metric.by_pair.len() != pairs)
            .for_each(|metric| metric.by_pair.clear());
        Ok(report)
    }
}

/// Opens the files in the order of their shards.
///
/// # Errors
/// One of them cannot be used, or they do not fit together.
fn opened(request: &MergeRequest) -> Result<Vec<SumsFile>, EngineError> {
    let mut opened: Vec<SumsFile> = Vec::new();
    for path in &request.files {
        if !has_sums(path)
            && let Some(other) = request.files.iter().find(|other| has_sums(other))
        {
            let reason = format!(
                "expected sums of states as in {}, found the states themselves or no file of statistics; measure all \
                 shards with one memory budget",
                other.display()
            );
            return Err(refused(&path.display().to_string(), reason));
        }
        let mut next = SumsFile::open(path)?;
        if let Some(first) = opened.first() {
            first.piece.fits(&first.name, &next.piece, &next.name)?;
            same_words((&first.name, &first.words), (&next.name, &mut next.words))?;
        }
        let others = opened.iter().map(|own| (&*own.name, &own.piece));
        once(others, (&next.name, &next.piece))?;
        opened.push(next);
    }
    opened.sort_by_key(|file| file.piece.shard);
    Ok(opened)
}

type Places = (BTreeMap<u64, Place>, BTreeMap<u64, Skipped>);

/// Where each pair is, and those that were left out.
fn places(files: &[SumsFile]) -> Result<Places, EngineError> {
    let (mut places, mut skipped) = (BTreeMap::new(), BTreeMap::new());
    for (file, own) in files.iter().enumerate() {
        let mut images = own.piece.images.iter();
        for (part, about) in own.about.parts.iter().enumerate() {
            let pairs = about.numbers.iter().zip(&about.tokens);
            for (index, (&number, &tokens)) in pairs.enumerate() {
                let images = images.next().cloned().unwrap_or_default();
                of_images(&own.name, &images, tokens[0], number)?;
                let place = Place {
                    file,
                    part,
                    index,
                    tokens,
                    images,
                };
                places.insert(number, place);
            }
        }
        for (number, what) in &own.piece.skipped {
            if places.contains_key(number) || skipped.insert(*number, what.clone()).is_some() {
                let twice = format!("{number} twice");
                return Err(own.piece.stray(&own.name, "skipped", &twice));
            }
        }
    }
    Ok((places, skipped))
}

/// Files that fit together.
struct Merge<'a> {
    gpu: &'a Gpu,
    files: &'a [SumsFile],
    /// The pairs in the order of the run.
    places: &'a [Place],
}

impl Merge<'_> {
    fn first(&self) -> &SumsFile {
        &self.files[0]
    }

    /// All parts of all files: numbers of the file and of the part.
    fn parts(&self) -> impl Iterator<Item = (usize, usize)> {
        let files = self.files.iter().enumerate();
        files.flat_map(|(number, file)| (0..file.about.parts.len()).map(move |part| (number, part)))
    }

    /// The rate, of all states that are measured.
    async fn rate(
        &self,
        budget: Option<u64>,
        news: &mut News<'_>,
    ) -> Result<MirResult, EngineError> {
        let piece = &self.first().piece;
        let width = piece.model.hidden_size;
        let settings = piece.settings.rate(width);
        let tokens: Vec<[usize; 2]> = self.places.iter().map(|place| place.tokens).collect();
        let merging = Merging::new(self.gpu, settings, width, &tokens)?;
        let allowed = budget.or_else(|| self.gpu.trimmed_budget());
        if let Some(allowed) = allowed.filter(|allowed| merging.bytes() > *allowed) {
            let error = AlignmentError::OverBudget {
                needed: format_bytes(merging.bytes()),
                budget: format_bytes(allowed),
            };
            return Err(error.into());
        }
        let left_out = self.left_out(&merging, settings.intervals, news);
        let states = state_names(piece).len();
        let total = states as u64;
        news.begin(Stage::Metric, total, metric::UNIT)?;
        let mut distances = Vec::with_capacity(states);
        for state in 0..states {
            let vision = self.sums(&merging, (state, Modality::Vision), &left_out, news);
            let vision = vision.await?;
            let text = self.sums(&merging, (state, Modality::Text), &left_out, news);
            let mut both = vision
                .into_iter()
                .zip(text.await?)
                .map(|(vision, text)| [vision, text]);
            let mut found = Vec::with_capacity(1 + left_out.len());
            loop {
                let some: Vec<[MergedSums; 2]> =
                    both.by_ref().take(merging.layers_at_once()).collect();
                if some.is_empty() {
                    break;
                }
                found.extend(merging.distances(state, some, news.cancel).await?);
            }
            let mut found = found.into_iter();
            distances.extend(found.next());
            if let Some(distance) = distances.last_mut()
                && !left_out.is_empty()
            {
                distance.influence = Some(Influence::of_groups(&found.collect::<Vec<_>>()));
            }
            news.progress(Stage::Metric, state as u64 + 1, total, metric::UNIT);
            news.check()?;
        }
        Ok(MirResult::new(distances))
    }

    /// The shards that are left out in turn for intervals; none where there are none.
    fn left_out(&self, merging: &Merging, wanted: bool, news: &mut News<'_>) -> Vec<usize> {
        let shards = self.files.len();
        let reason = match merging.no_intervals() {
            _ if !wanted => return Vec::new(),
            Some(reason) => reason.to_owned(),
            None if shards < FEWEST_SHARDS => format!(
                "no interval of the rate: the shards saved sums, so that one of them is left out at a time, and {shards} are \
                 fewer than {FEWEST_SHARDS}"
            ),
            None => {
                news.note(format!(
                    "intervals of the rate are over {shards} shards, one of which is left out at a time"
                ));
                return (0..shards).collect();
            }
        };
        news.note(reason);
        Vec::new()
    }

    /// The sums of a modality at a state: of all shards, and without each of `left_out`.
    async fn sums(
        &self,
        merging: &Merging,
        (state, modality): (usize, Modality),
        left_out: &[usize],
        news: &News<'_>,
    ) -> Result<Vec<MergedSums>, EngineError> {
        let saved = self
            .parts()
            .map(|(file, part)| self.files[file].saved(part, state, modality));
        let saved: Vec<SavedSums> = saved.collect::<Result<_, _>>()?;
        let shards: Vec<usize> = self.parts().map(|(file, _)| file).collect();
        let place = (state + 1, modality);
        let found = merging
            .sums(&saved, (&shards, left_out), place, news.cancel)
            .await;
        found.map_err(|error| match error {
            MergeError::Alignment(error) => error.into(),
            MergeError::Decided {
                part,
                layer,
                tokens,
                ..
            } => {
                let file = self.parts().nth(part).map_or("", |(file, _)| &self.files[file].name);
                let reason = format!(
                    "at state {layer} its run took {tokens} {modality} tokens for outliers, or not, of which the norms of \
                     all shards say otherwise; measure all shards with a memory budget that has room for the states"
                );
                refused(file, reason)
            }
        })
    }

    /// What the other metrics say.
    async fn others(&self, news: &mut News<'_>) -> Result<Vec<MetricReport>, EngineError> {
        let piece = &self.first().piece;
        let settings = &piece.settings;
        let vocabulary = match settings.also.contains(&Extra::LogitLens) {
            true => Some(words_of_all(
                (self.files.iter()).map(|file| (&*file.name, file.words.as_deref())),
            )?),
            false => None,
        };
        let setup = Setup {
            gpu: self.gpu,
            layers: piece.model.num_hidden_layers,
            hidden_size: piece.model.hidden_size,
            pairs: self.places.len(),
            vision: self.places.iter().map(|place| place.tokens[0]).sum(),
            vocabulary: vocabulary.as_ref(),
            intervals: settings.intervals,
        };
        let mut all: Vec<(&str, Box<dyn Metric>)> = Vec::new();
        for kind in kinds(settings) {
            all.push((kind.ids[0], (kind.new)(&setup)?));
        }
        let images = self.places.iter().map(|place| place.images.clone());
        if let Some(images) = several(images.collect(), settings.metrics) {
            all.push((BY_POSITION, by_position(&setup, images)?));
        }
        let mut found = Vec::new();
        for (name, metric) in all {
            match self.restored(name, metric).await? {
                Some(metric) => found.extend(metric.finish(news.cancel.clone()).await?),
                None => news.note(format!(
                    "not computed: {name}, of which a shard did not keep so many pairs apart; measure more shards"
                )),
            }
            news.check()?;
        }
        Ok(found)
    }

    /// A metric that has taken what was kept of each pair, in the order of the run; none where a part has kept nothing.
    async fn restored(
        &self,
        name: &str,
        mut metric: Box<dyn Metric>,
    ) -> Result<Option<Box<dyn Metric>>, EngineError> {
        let mut kept: HashMap<(usize, usize), Vec<SavedPair>> = HashMap::new();
        for (file, part) in self.parts() {
            let pairs = self.files[file].kept(part, name)?;
            if pairs.iter().all(|pair| pair.values.is_empty()) {
                return Ok(None);
            }
            kept.insert((file, part), pairs);
        }
        for places in self.places.chunks(PAIRS_TOGETHER) {
            let mut recording = Recording::new();
            for place in places {
                let pairs = kept.get(&(place.file, place.part));
                let Some(pair) = pairs.and_then(|pairs| pairs.get(place.index)) else {
                    return Ok(None);
                };
                let taken = metric.restore(&mut recording, pair);
                taken.map_err(|error| refused(&self.files[place.file].name, error.to_string()))?;
            }
            self.gpu.run(&recording).await?;
        }
        Ok(Some(metric))
    }
}
