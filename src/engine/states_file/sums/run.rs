//! A shard whose states would take too much: the model runs over its pairs, and sums go into the file. Once in a while what
//! there is so far is saved beside it, for an interrupted run to go on with.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use web_time::Instant;

use super::{
    SUMS_KEY,
    read::SumsFile,
    state_names,
    write::{Origin, Part, write},
};
use crate::{
    alignment::{
        Metric, Modality, SavedPair, SavedSize, Setup, StreamPlan, Streamed, Vocabulary,
        by_position,
    },
    engine::{
        EngineError,
        forward::{Forward, Rate, Targets},
        measure::{kinds, several},
        news::News,
        prepare::Prepared,
        session::kept::DEFAULT_BYTES,
        states_file::{
            kept::words_text,
            piece::Piece,
            refused,
            there::{header_of, lost, piece_in, text_in},
        },
        streamed::STREAMED_BYTES,
    },
    gpu::Gpu,
    platform::PlacedFile,
    report::format_bytes,
};

/// What the name of the file ends in that has what was saved on the way.
const SAVED: &str = ".saved.safetensors";
/// Seconds between two saved states, where saving them takes no time to speak of.
const SAVE_SECONDS: f64 = 60.0;
/// How much longer than saving the work between two saved states takes.
const WORK_BY_SAVING: f64 = 20.0;

/// What a file calls what is kept for the quantities of images by their position.
pub(super) const BY_POSITION: &str = "by-position";

/// Whether sums of the states go into the file of a shard instead of the states: where these would take more than
/// `budget` allows, 1 GiB where nobody says otherwise, and the sums take less. `all` are the tokens of the shard's pairs,
/// `tokens` those that are measured; `piece` says how many pairs there are and in how many shards, so that shards
/// decide alike.
///
/// # Errors
/// Why the states cannot be summed up at all.
pub(in crate::engine::states_file) fn sums_fit(
    gpu: &Gpu,
    piece: &Piece,
    (all, tokens): (usize, &[[usize; 2]]),
    budget: Option<u64>,
    news: &mut News<'_>,
) -> Result<bool, EngineError> {
    let (layers, width) = (piece.model.num_hidden_layers, piece.model.hidden_size);
    let row = 4 * width as u64 * (layers as u64 + 2);
    let pairs = piece.pairs.div_ceil(piece.of.max(1));
    let of_states = row.saturating_mul(all as u64) / (tokens.len() as u64).max(1) * pairs;
    let allowed = budget.unwrap_or(DEFAULT_BYTES);
    if of_states <= allowed {
        return Ok(false);
    }
    let states = state_names(piece).len();
    let size = |modality: Modality| SavedSize {
        width,
        tokens: tokens.iter().map(|own| own[modality.index()]).sum(),
        waiting: 0,
        outliers: piece.settings.outliers,
    };
    let values = |modality| size(modality).values().iter().sum::<usize>() as u64;
    let of_sums: u64 = Modality::ALL.map(values).iter().sum::<u64>() * 4 * states as u64;
    if of_sums >= of_states {
        return Ok(false);
    }
    // Too few tokens for a covariance are enough for a file of states.
    let Ok(plan) = StreamPlan::new(gpu, width, tokens) else {
        return Ok(false);
    };
    let room = gpu.trimmed_budget().unwrap_or(u64::MAX).min(STREAMED_BYTES);
    if plan.total(states) > room {
        news.note(format!(
            "the states of all pairs are saved: their sums would need {} of device memory, {} are allowed",
            format_bytes(plan.total(states)),
            format_bytes(room)
        ));
        return Ok(false);
    }
    news.note(format!(
        "sums of the states are saved: the states themselves would take {}, {} are allowed",
        format_bytes(of_states),
        format_bytes(allowed)
    ));
    Ok(true)
}

/// A shard under way.
pub(in crate::engine::states_file) struct SumsRun<'a> {
    pub(in crate::engine::states_file) piece: &'a Piece,
    /// The model.
    pub(in crate::engine::states_file) forward: Forward<'a>,
    /// The pairs, their numbers, and their tokens that are measured: vision, text.
    pub(in crate::engine::states_file) prepared: &'a [Prepared],
    pub(in crate::engine::states_file) numbers: &'a [u64],
    pub(in crate::engine::states_file) tokens: &'a [[usize; 2]],
    /// The model's words, where they are asked for.
    pub(in crate::engine::states_file) vocabulary: Option<Arc<dyn Vocabulary>>,
    /// The file.
    pub(in crate::engine::states_file) path: &'a Path,
    /// Whether what another run has left is given up.
    pub(in crate::engine::states_file) anew: bool,
    /// Seconds between two saved states, where somebody says so.
    pub(in crate::engine::states_file) save_seconds: Option<f64>,
}

impl SumsRun<'_> {
    /// Runs the model over the pairs that an interrupted run has not left, and writes the file. Gives the number of those
    /// that it has left, and whether nothing had to run at all.
    ///
    /// # Errors
    /// What stands in the way; what was saved then stays beside the file.
    pub(in crate::engine::states_file) async fn run(
        &self,
        news: &mut News<'_>,
    ) -> Result<(usize, bool), EngineError> {
        if self.is_whole()? {
            return Ok((self.prepared.len(), true));
        }
        // It is locked as long as this run is under way.
        let mut file = PlacedFile::resume(self.path)?;
        if file.size()? > 0 && !self.anew {
            let reason = "expected nothing there, found what an interrupted run that saved the states has left; go on \
                          with its memory budget, or begin anew with --force";
            return Err(refused(&file.under_way().display().to_string(), reason));
        }
        file.keep(false);
        file.reset(0)?;
        let beside = beside(self.path);
        let left = self.left(&beside)?;
        let before = left.as_ref().map_or(0, pairs_of);
        let (mut done, mut pause) = (before, self.save_seconds.unwrap_or(SAVE_SECONDS));
        let gpu = self.forward.gpu;
        let width = self.piece.model.hidden_size;
        let states = self.forward.states;
        let settings = self.piece.settings.rate(width);
        let mut parts = Vec::new();
        if let Some(left) = &left {
            for part in 0..left.about.parts.len() {
                parts.push(self.part_of(left, part)?);
            }
        }
        let mut streamed = None;
        let mut metrics = Vec::new();
        if done < self.prepared.len() {
            let tokens = &self.tokens[done..];
            let new = Streamed::of_part(gpu, settings, states.len(), width, tokens)?;
            streamed = Some(new);
            metrics = self.metrics(done)?;
        }
        let names = self.names();
        let words = (self.vocabulary.as_ref()).map(|vocabulary| words_text(&**vocabulary));
        if let Some(streamed) = &mut streamed {
            let (mut since, first) = (Instant::now(), done);
            while done < self.prepared.len() {
                let rest: Vec<&Prepared> = self.prepared.iter().skip(done).collect();
                let mut targets = Targets {
                    rate: Rate::Streamed(streamed),
                    metrics: &mut metrics,
                    kept: None,
                    export: None,
                };
                let due = || since.elapsed().as_secs_f64() >= pause;
                done += (self.forward)
                    .run_until((&rest, done), &mut targets, &due, news)
                    .await?;
                if done < self.prepared.len() && streamed.can_be_saved() {
                    let begun = Instant::now();
                    streamed.settle_all(news.cancel).await?;
                    let own = self.own(streamed, &metrics, first..done).await?;
                    let all: Vec<&Part<'_>> = parts.iter().chain([&own]).collect();
                    let mut saved = PlacedFile::begin(&beside)?;
                    write(&mut saved, self.piece, (&names, &words), &all, news).await?;
                    saved.finish()?;
                    pause = pause.max(WORK_BY_SAVING * begun.elapsed().as_secs_f64());
                }
                since = Instant::now();
            }
            let again = streamed.conclude_part(news.cancel).await?;
            let once_more: Vec<&Prepared> = (again.iter())
                .filter_map(|pair| self.prepared.get(first + pair))
                .collect();
            if !again.is_empty() {
                let mut targets = Targets {
                    rate: Rate::Streamed(streamed),
                    metrics: &mut [],
                    kept: None,
                    export: None,
                };
                self.forward.run(&once_more, &mut targets, news).await?;
            }
            streamed.settle_all(news.cancel).await?;
            let own = self.own(streamed, &metrics, first..done).await?;
            parts.push(own);
        }
        news.end();
        let all: Vec<&Part<'_>> = parts.iter().collect();
        write(&mut file, self.piece, (&names, &words), &all, news).await?;
        drop(parts);
        file.finish()?;
        // What is in the file is whole; what is beside it is only in the way.
        drop(left);
        let _ = std::fs::remove_file(&beside);
        Ok((before, false))
    }

    /// Whether the file is there already.
    fn is_whole(&self) -> Result<bool, EngineError> {
        let header = header_of(self.path);
        let own = header.as_deref().is_some_and(|header| {
            let same = piece_in(header).is_some_and(|text| self.piece.is_run(&text));
            same && text_in(header, SUMS_KEY).is_some()
        });
        if self.anew || !self.path.is_file() {
            return Ok(false);
        }
        if own && pairs_of(&SumsFile::open(self.path)?) == self.prepared.len() {
            return Ok(true);
        }
        Err(lost(self.path, self.piece))
    }

    /// What an interrupted run has left at `path`.
    ///
    /// # Errors
    /// It is of another run; or no such file.
    fn left(&self, path: &Path) -> Result<Option<SumsFile>, EngineError> {
        if self.anew || !path.exists() {
            return Ok(None);
        }
        let found = SumsFile::open(path)?;
        let own = serde_json::to_string(&found.piece).unwrap_or_default();
        if !self.piece.is_run(&own)
            && let Some([field, own, other]) = self.piece.other_run(&own)
        {
            let reason = format!(
                "an interrupted run has left it, whose `{field}` is {other}, not {own}; go on with the settings of that \
                 run, or begin anew with --force"
            );
            return Err(refused(&found.name, reason));
        }
        let parts = found.about.parts.iter();
        let numbers = parts.clone().flat_map(|part| part.numbers.iter());
        let tokens = parts.flat_map(|part| part.tokens.iter());
        let is_own = pairs_of(&found) <= self.numbers.len()
            && numbers.zip(self.numbers).all(|(found, own)| found == own)
            && tokens.zip(self.tokens).all(|(found, own)| found == own)
            && found.about.metrics == self.names();
        // One token alone has no cloud of its own: its run begins anew.
        let rest = &self.tokens[pairs_of(&found).min(self.tokens.len())..];
        let is_cloud = |side: usize| rest.iter().map(|own| own[side]).sum::<usize>() > 1;
        let goes_on = rest.is_empty() || (is_cloud(0) && is_cloud(1));
        Ok((is_own && goes_on).then_some(found))
    }

    /// A part of what an interrupted run has left.
    fn part_of<'a>(&self, left: &'a SumsFile, part: usize) -> Result<Part<'a>, EngineError> {
        let about = left.about.parts.get(part).cloned().unwrap_or_default();
        let kept = left.about.metrics.iter().map(|name| left.kept(part, name));
        Ok(Part {
            origin: Origin::File(left, part),
            numbers: about.numbers,
            tokens: about.tokens,
            kept: kept.collect::<Result<_, _>>()?,
        })
    }

    /// What this run has of the pairs `own`.
    async fn own<'a>(
        &self,
        streamed: &'a Streamed,
        metrics: &[Box<dyn Metric>],
        own: std::ops::Range<usize>,
    ) -> Result<Part<'a>, EngineError> {
        let mut kept = Vec::with_capacity(metrics.len());
        for metric in metrics {
            // Of a metric that does not keep so many pairs apart there is nothing.
            let found = metric.saved().await?;
            kept.push(found.unwrap_or_else(|| vec![SavedPair::default(); own.len()]));
        }
        Ok(Part {
            origin: Origin::Device(streamed),
            numbers: self.numbers.get(own.clone()).unwrap_or_default().to_vec(),
            tokens: self.tokens.get(own).unwrap_or_default().to_vec(),
            kept,
        })
    }

    /// The other metrics, for the pairs from `first` on; they keep pairs apart.
    fn metrics(&self, first: usize) -> Result<Vec<Box<dyn Metric>>, EngineError> {
        let tokens = &self.tokens[first..];
        let setup = Setup {
            gpu: self.forward.gpu,
            layers: self.piece.model.num_hidden_layers,
            hidden_size: self.piece.model.hidden_size,
            pairs: tokens.len(),
            vision: tokens.iter().map(|own| own[0]).sum(),
            vocabulary: self.vocabulary.as_ref(),
            intervals: true,
        };
        let settings = &self.piece.settings;
        let mut found = Vec::new();
        for kind in kinds(settings) {
            found.push((kind.new)(&setup)?);
        }
        if let Some(images) = several(self.piece.images.clone(), settings.metrics) {
            let own = images.get(first..).unwrap_or_default().to_vec();
            found.push(by_position(&setup, own)?);
        }
        Ok(found)
    }

    /// What these metrics are called in the file.
    fn names(&self) -> Vec<String> {
        let settings = &self.piece.settings;
        let own = kinds(settings).into_iter().map(|kind| kind.ids[0]);
        let of_images = several(self.piece.images.clone(), settings.metrics).map(|_| BY_POSITION);
        own.chain(of_images).map(str::to_owned).collect()
    }
}

/// Pairs that a file has.
fn pairs_of(file: &SumsFile) -> usize {
    file.about.parts.iter().map(|part| part.numbers.len()).sum()
}

/// Where what is saved on the way lies.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(SAVED);
    path.with_file_name(name)
}
