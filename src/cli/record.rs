//! `mirscope record-demo`: what the app shows of the demo before anything was measured. It is long because each view
//! asks the engine for something else.

mod asked;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use crate::{
    engine::{
        Command, DemoConnector, Event, Explore, MeasureRequest, MeasureSettings, MetricChoice,
        ModelSource, PairSource, Session, demo_connectors,
    },
    platform::{
        Cancel, FileError,
        native::{Target, block_on},
    },
    report::{AttentionRow, Axes, Definition, LogitLens, PairView, Projection, Report, TokenKind},
    study::{
        Contrast, ContrastSide, RecordedClouds, RecordedModel, RecordedRow, RecordedRun, Recording,
        StudyResults,
    },
};

use super::{args::RecordDemo, error::CliError, output::Output};

mod opening;

/// Tokens of a modality in each recorded projection: as many as leave `recorded.cbor` as small as a test wants it.
const POINTS: usize = 272;

/// Pairs that can be looked at; only where captions fit all of them have words and attention, with the
/// others the first has words.
const PAIRS: usize = 3;

/// Patches of a pair that are surest of a word: the first of them are followed through the model.
const PATCHES: usize = 6;

/// Words of a state that are recorded.
const WORDS: usize = 3;

/// Words of a pair whose attention is recorded.
const QUERIES: usize = 3;

/// Runs the two trainings that are set against each other and the demo with each of its connectors, and
/// writes what there is to see.
pub(crate) fn record(task: &RecordDemo, output: &Output) -> Result<(), CliError> {
    let target = Target::at(&task.out).and_then(|target| target.check().map(|()| target));
    let target = target.map_err(|error| CliError::Input(error.to_string()))?;
    let results = results(&task.results)?;
    let contrast = contrast(&task.results, &results)?;
    let mut recorder = Recorder::default();
    // The trained connector first: the patches chosen there are looked at with the others, too.
    let mut steps = Vec::new();
    for connector in demo_connectors().iter().rev() {
        steps.push(recorder.step(connector, &task.metrics)?);
    }
    let demo_pairs = recorder.pairs.clone();
    let mut runs = Vec::new();
    for side in contrast.sides() {
        runs.push(recorder.side(&contrast, side)?);
    }
    runs.extend(steps.into_iter().rev());
    let study_pairs = std::mem::take(&mut recorder.pairs);
    let assets = task.results.parent().and_then(Path::parent);
    let assets = assets.unwrap_or(Path::new(""));
    let opening = opening::record(&mut recorder, &contrast, &results, assets)?;
    let recording = Recording {
        contrast,
        study_pairs,
        demo_pairs,
        runs,
        opening,
    };
    let bytes = recording.to_bytes().map_err(failed)?;
    let unwritable = |error: FileError| CliError::Input(error.to_string());
    target.write(&bytes).map_err(unwritable)?;
    output.wrote(&task.out)
}

fn failed(reason: impl ToString) -> CliError {
    CliError::Failed(reason.to_string())
}

/// The results of the study.
fn results(path: &Path) -> Result<StudyResults, CliError> {
    let wrong = |reason: String| CliError::Input(format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let found = StudyResults::parse(&text, &path.display().to_string());
    found.map_err(|error| CliError::Input(error.to_string()))
}

/// The two trainings in them.
fn contrast(path: &Path, results: &StudyResults) -> Result<Contrast, CliError> {
    Contrast::new(results, Definition::Exact).ok_or_else(|| {
        CliError::Input(format!(
            "{}: expected a control and seeds to compare the base with, found none: run `mirscope study`",
            path.display()
        ))
    })
}

/// A pair with the bare names of its files: the images of study and demo have the same names in two folders.
fn bare(mut pair: PairView) -> PairView {
    let names = pair.pictures.iter_mut().map(|view| &mut view.name);
    for name in names.chain([&mut pair.name]) {
        *name = name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    pair
}

#[derive(Default)]
struct Recorder {
    session: Session,
    /// The pairs that can be looked at.
    pairs: Vec<PairView>,
    /// Pair and position of the patches that are surest of a word of their pair's own, the surest first.
    patches: Vec<(usize, usize)>,
}

impl Recorder {
    /// One of the two trainings, measured as its study was.
    fn side(&mut self, contrast: &Contrast, side: &ContrastSide) -> Result<RecordedRun, CliError> {
        let settings = MeasureSettings {
            num_pairs: Some(contrast.settings.num_pairs),
            seed: contrast.settings.seed,
            text_mask: contrast.settings.text_mask,
            metrics: MetricChoice::All,
            intervals: true,
            ..MeasureSettings::default()
        };
        let report = self.measure(
            ModelSource::Study(side.folder.clone()),
            PairSource::Study(contrast.pairs.clone()),
            settings,
        )?;
        let shown = if side == &contrast.fitting {
            [PAIRS, PAIRS]
        } else {
            [1, 1]
        };
        Ok(RecordedRun {
            model: RecordedModel::Study(side.folder.clone()),
            samples: contrast.samples,
            answered: Some(side.answered.value),
            ..self.run(report, shown)?
        })
    }

    /// The demo with its connector as of a step of its training.
    fn step(&mut self, connector: &DemoConnector, metrics: &Path) -> Result<RecordedRun, CliError> {
        let model = ModelSource::Demo {
            connector: connector.file.is_some().then(|| connector.name.clone()),
        };
        let settings = MeasureSettings {
            metrics: MetricChoice::All,
            intervals: true,
            ..MeasureSettings::default()
        };
        let report = self.measure(model, PairSource::Demo, settings)?;
        let shown = if connector.file.is_none() {
            [1, 1]
        } else {
            [1, 0]
        };
        Ok(RecordedRun {
            model: RecordedModel::Demo(connector.name.clone()),
            samples: connector.samples,
            answered: answered(metrics, &connector.name)?,
            ..self.run(report, shown)?
        })
    }

    /// What there is to see in the run that was just measured; words of `told` pairs, attention of
    /// `looking` ones.
    fn run(
        &mut self,
        report: Report,
        [told, looking]: [usize; 2],
    ) -> Result<RecordedRun, CliError> {
        let mut projections = Vec::new();
        for axes in [Axes::Own, Axes::Shared] {
            for state in 0..=report.layers.len() {
                projections.push(self.projection(state, axes)?);
            }
        }
        if self.pairs.is_empty() {
            self.choose()?;
        } else {
            self.take_pairs()?;
        }
        let lenses = self.lenses(told)?;
        let paths = self.paths()?;
        let what_ifs = Some(self.what_ifs(report.data.num_pairs)?);
        let words: Vec<(usize, usize)> = (self.pairs.iter().take(looking).enumerate())
            .flat_map(|(index, pair)| {
                let words = telling_words(pair, &own_words(&self.pairs, index));
                words.into_iter().map(move |word| (index, word))
            })
            .collect();
        let mut attention = Vec::new();
        for (pair, position) in words {
            for layer in 1..=report.layers.len() {
                attention.push(RecordedRow::from(&self.attention(pair, position, layer)?));
            }
        }
        Ok(RecordedRun {
            model: RecordedModel::Demo(String::new()),
            samples: 0,
            answered: None,
            report,
            clouds: RecordedClouds::new(&projections, POINTS).map_err(failed)?,
            lenses,
            attention,
            what_ifs,
            paths,
        })
    }

    /// Takes the pairs of another run; fails where their tokens are not those of the run before, for which
    /// patches and words were chosen.
    fn take_pairs(&mut self) -> Result<(), CliError> {
        for index in 0..PAIRS {
            let pair = self.pair(index)?;
            if self.pairs[index].tokens != pair.tokens {
                return Err(failed(format!(
                    "pair {}: expected the tokens of the runs before, found others in {}",
                    index + 1,
                    pair.name
                )));
            }
            self.pairs[index] = pair;
        }
        Ok(())
    }

    /// Chooses the pairs, and of each the patches that are surest of a word of its own.
    fn choose(&mut self) -> Result<(), CliError> {
        for index in 0..PAIRS {
            let pair = self.pair(index)?;
            self.pairs.push(pair);
        }
        for index in 0..PAIRS {
            let own = own_words(&self.pairs, index);
            let positions: Vec<usize> = (self.pairs[index].tokens.iter().enumerate())
                .filter(|(_, token)| token.kind == TokenKind::Vision)
                .map(|(position, _)| position)
                .collect();
            let mut told = Vec::new();
            for position in positions {
                let lens = self.lens(index, position)?;
                if let Some((word, probability)) = surest(&lens, &own) {
                    told.push((probability, word, position));
                }
            }
            told.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut seen = HashMap::new();
            // Two patches of a thing at most.
            told.retain(|(_, word, _)| {
                let times = seen.entry(word.clone()).or_insert(0);
                *times += 1;
                *times <= 2
            });
            let told = told.iter().take(PATCHES);
            self.patches
                .extend(told.map(|(.., position)| (index, *position)));
        }
        Ok(())
    }

    /// Carries out a command and gives its last event.
    fn ask(&mut self, command: Command) -> Result<Event, CliError> {
        let mut last = None;
        let mut emit = |event| last = Some(event);
        block_on(self.session.run(command, &Cancel::default(), &mut emit));
        match last {
            Some(Event::Failed(reason)) => Err(CliError::Failed(reason)),
            Some(event) => Ok(event),
            None => Err(failed("the engine gave no answer")),
        }
    }

    fn measure(
        &mut self,
        model: ModelSource,
        pairs: PairSource,
        settings: MeasureSettings,
    ) -> Result<Report, CliError> {
        let request = MeasureRequest {
            model,
            pairs,
            device: Default::default(),
            settings,
            keep: true,
        };
        match self.ask(Command::Measure(Box::new(request)))? {
            Event::Report(mut report) => {
                // What the app compares; the rest would be a tenth of what a page loads first.
                let others = report.metrics.iter_mut().filter(|it| it.id != "mir");
                others.for_each(|metric| metric.by_pair.clear());
                Ok(*report)
            }
            other => Err(CliError::unexpected(&other)),
        }
    }

    fn projection(&mut self, state: usize, axes: Axes) -> Result<Projection, CliError> {
        match self.ask(Command::Explore(Explore::Projection { state, axes }))? {
            Event::Projection(projection) => Ok(*projection),
            other => Err(CliError::unexpected(&other)),
        }
    }

    fn pair(&mut self, index: usize) -> Result<PairView, CliError> {
        self.whole_pair(index).map(bare)
    }

    /// A pair whose files' names have their folders.
    fn whole_pair(&mut self, index: usize) -> Result<PairView, CliError> {
        match self.ask(Command::Explore(Explore::Pair(index)))? {
            Event::Pair(pair) => Ok(*pair),
            other => Err(CliError::unexpected(&other)),
        }
    }

    fn attention(
        &mut self,
        pair: usize,
        position: usize,
        layer: usize,
    ) -> Result<AttentionRow, CliError> {
        let question = Explore::Attention {
            pair,
            position,
            layer,
        };
        match self.ask(Command::Explore(question))? {
            Event::Attention(row) => Ok(*row),
            other => Err(CliError::unexpected(&other)),
        }
    }

    fn lens(&mut self, pair: usize, position: usize) -> Result<LogitLens, CliError> {
        match self.ask(Command::Explore(Explore::LogitLens { pair, position }))? {
            Event::LogitLens(mut lens) => {
                for state in &mut lens.states {
                    state.tokens.truncate(WORDS);
                }
                Ok(*lens)
            }
            other => Err(CliError::unexpected(&other)),
        }
    }
}

/// The words of a pair's text that no other pair's text has.
fn own_words(pairs: &[PairView], index: usize) -> HashSet<String> {
    let words = |pair: &PairView| -> HashSet<String> {
        let words = pair.text.split(|letter: char| !letter.is_alphabetic());
        words
            .filter(|word| word.len() > 2)
            .map(str::to_lowercase)
            .collect()
    };
    let mut own = words(&pairs[index]);
    for (other, pair) in pairs.iter().enumerate() {
        if other != index {
            for word in words(pair) {
                own.remove(&word);
            }
        }
    }
    own
}

/// Of the words of `own` the one that a patch is surest of at any state, and how sure.
fn surest(lens: &LogitLens, own: &HashSet<String>) -> Option<(String, f32)> {
    lens.states
        .iter()
        .flat_map(|state| &state.tokens)
        .map(|token| (token.text.trim().to_lowercase(), token.probability))
        .filter(|(word, _)| own.contains(word))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The positions of the first words of a pair's own, each once.
fn telling_words(pair: &PairView, own: &HashSet<String>) -> Vec<usize> {
    let mut seen = HashSet::new();
    pair.tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| {
            let word = token.text.trim().to_lowercase();
            token.kind == TokenKind::Text && own.contains(&word) && seen.insert(word)
        })
        .map(|(position, _)| position)
        .take(QUERIES)
        .collect()
}

/// The share of held-out questions that a connector's model answers rightly, by the training's figures.
fn answered(metrics: &Path, connector: &str) -> Result<Option<f64>, CliError> {
    let wrong = |reason: String| CliError::Input(format!("{}: {reason}", metrics.display()));
    let text = std::fs::read_to_string(metrics).map_err(|error| wrong(error.to_string()))?;
    let figures: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(figures["conditions"][connector]["accuracy"]["all"]["value"].as_f64())
}
