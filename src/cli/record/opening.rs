//! The riddles, and one training step by step: asked of and measured with the study's checkpoints.

use std::path::Path;

use super::{Recorder, failed};
use crate::{
    cli::error::CliError,
    engine::{
        AskRequest, Command, DeviceSettings, Event, Explore, ImageInput, MeasureSettings,
        ModelSource, NamedBytes, PairSource, SamplingSettings,
    },
    report::{Axes, PairView, PlaneAxes, Projection},
    study::{
        Contrast, Metric, Opening, RecordedClouds, RecordedTraining, Riddle, RiddleModel, Scene,
        Score, StudyResults, TrainingStep, Variant, says,
    },
};

/// Tokens of a modality in each recorded projection: enough to see a cloud, and few beside the demo's.
const POINTS: usize = 200;
/// The state whose clouds are shown.
const STATE: usize = 1;
/// Pairs among which pictures are looked for.
const CANDIDATES: usize = 24;
/// Most tokens of an answer.
const MAX_TOKENS: usize = 8;
/// How the riddles' questions begin.
const KINDS: [&str; 4] = ["What is at", "What color", "Where is", "How many"];
/// For which of them A learned from shuffled captions.
const SWAPPED: [bool; 4] = [true, false, false, true];

/// A picture that may become a riddle.
struct Candidate {
    pair: PairView,
    image: NamedBytes,
    /// A question of each kind that it has, with the right answer.
    questions: [Option<(String, String)>; 4],
}

/// A model of the riddles, before it is known which tokens are kept.
struct Asked {
    model: RiddleModel,
    projection: Projection,
    /// Its answers by candidate and kind.
    answers: Vec<[Option<String>; 4]>,
}

/// Asks and measures all of it. `assets` is the folder that the study's one lies in.
pub(super) fn record(
    recorder: &mut Recorder,
    contrast: &Contrast,
    results: &StudyResults,
    assets: &Path,
) -> Result<Opening, CliError> {
    let study = &results.study;
    let mut settings = Vec::new();
    let mut numbers = [Vec::new(), Vec::new()];
    for (side, of) in contrast.sides().into_iter().zip(&mut numbers) {
        let first = study.variant(&side.variant);
        for variant in first.into_iter().chain(study.replicates(&side.variant)) {
            of.push(settings.len());
            settings.push(variant);
        }
    }
    let mut candidates = Vec::new();
    let mut asked = Vec::new();
    for variant in settings {
        measure(recorder, contrast, variant, results)?;
        if candidates.is_empty() {
            candidates = find_candidates(recorder, assets)?;
        }
        let projection = recorder.projection(STATE, Axes::Own)?;
        let mut answers = Vec::new();
        for candidate in &candidates {
            let mut of_one = [const { None }; 4];
            for (answer, question) in of_one.iter_mut().zip(&candidate.questions) {
                if let Some((question, _)) = question {
                    *answer = Some(ask(recorder, variant, &candidate.image, question)?);
                }
            }
            answers.push(of_one);
        }
        asked.push(Asked {
            model: RiddleModel {
                folder: variant.folder.clone(),
                seed: variant.seed,
                mir: known(Metric::Mir.value(results, variant), variant)?,
                answered: score(variant)?,
                clouds: RecordedClouds::default(),
            },
            projection,
            answers,
        });
    }
    let axis = study.pretraining();
    let steps: Vec<&Variant> = axis.map_or_else(Vec::new, |axis| study.settings(axis).collect());
    let riddles = choose(recorder, &candidates, &asked, &numbers, &steps)?;
    let shown: Vec<u32> = riddles.iter().map(|riddle| riddle.pair).collect();
    let kept = asked.into_iter().map(|asked| {
        Ok(RiddleModel {
            clouds: RecordedClouds::keeping(&[asked.projection], POINTS, &shown).map_err(failed)?,
            ..asked.model
        })
    });
    let models = kept.collect::<Result<_, CliError>>()?;
    let training = training(recorder, contrast, results, &riddles, &steps)?;
    Ok(Opening {
        models,
        riddles,
        training,
    })
}

/// Of each kind of question a picture on which the two models differ: the one with captions that fit answers rightly,
/// the other does not. The first one that the long training gets wrong at its beginning and right at its end, so that
/// its steps show what was learned; where there is none, the first.
fn choose(
    recorder: &mut Recorder,
    candidates: &[Candidate],
    asked: &[Asked],
    numbers: &[Vec<usize>; 2],
    training: &[&Variant],
) -> Result<Vec<Riddle>, CliError> {
    let mut riddles: Vec<Riddle> = Vec::new();
    for (kind, begin) in KINDS.into_iter().enumerate() {
        // Seeds take turns.
        let models = (numbers.each_ref()).map(|of| of.get(kind % of.len().max(1)).copied());
        let [Some(fitting), Some(shuffled)] = models else {
            return Err(failed("a side of the study without a checkpoint"));
        };
        let mut telling = differing(candidates, asked, kind, [fitting, shuffled]);
        telling.retain(|new| riddles.iter().all(|riddle| riddle.pair != new.pair));
        let mut learned = None;
        for (at, riddle) in telling.iter().enumerate() {
            if is_learned(recorder, training, riddle)? {
                learned = Some(at);
                break;
            }
        }
        if telling.is_empty() {
            let text = format!(
                "expected a picture with a question `{begin} ...` that only the model with captions that fit \
                 answers rightly, found none among {CANDIDATES}"
            );
            return Err(failed(text));
        }
        riddles.push(telling.swap_remove(learned.unwrap_or(0)));
    }
    Ok(riddles)
}

/// The pictures with a question of a kind that the first of two models answers rightly and the second one wrongly.
fn differing(
    candidates: &[Candidate],
    asked: &[Asked],
    kind: usize,
    models: [usize; 2],
) -> Vec<Riddle> {
    let of_one = |(at, candidate): (usize, &Candidate)| {
        let (question, right) = candidate.questions[kind].as_ref()?;
        let answers = models.map(|model| asked[model].answers[at][kind].clone());
        let [Some(rightly), Some(wrongly)] = answers else {
            return None;
        };
        (says(&rightly, right) && !says(&wrongly, right)).then(|| Riddle {
            pair: candidate.pair.pair as u32,
            name: candidate.pair.name.clone(),
            image: candidate.image.bytes.clone(),
            caption: candidate.pair.text.clone(),
            question: question.clone(),
            models,
            answers: [rightly, wrongly],
            swapped: SWAPPED[kind],
        })
    };
    candidates.iter().enumerate().filter_map(of_one).collect()
}

/// Whether a training answers a riddle wrongly at its beginning and rightly at its end.
fn is_learned(
    recorder: &mut Recorder,
    training: &[&Variant],
    riddle: &Riddle,
) -> Result<bool, CliError> {
    let [first, .., last] = training else {
        return Ok(false);
    };
    let mut answer = |variant| ask(recorder, variant, &image_of(riddle), &riddle.question);
    Ok(riddle.is_right(&answer(last)?) && !riddle.is_right(&answer(first)?))
}

fn image_of(riddle: &Riddle) -> NamedBytes {
    NamedBytes {
        name: riddle.name.clone(),
        bytes: riddle.image.clone(),
    }
}

/// The first pairs of the run that was just measured, with their image files and questions.
fn find_candidates(recorder: &mut Recorder, assets: &Path) -> Result<Vec<Candidate>, CliError> {
    let mut candidates = Vec::new();
    for index in 0..CANDIDATES {
        let pair = recorder.whole_pair(index)?;
        let path = assets.join(&pair.name);
        let read = std::fs::read(&path);
        let bytes =
            read.map_err(|error| failed(format!("{}: cannot read it: {error}", path.display())))?;
        let pair = super::bare(pair);
        let known = Scene::read(&pair.text).map_or_else(Vec::new, |scene| scene.questions());
        let questions = KINDS.map(|begin| {
            let mut known = known.iter();
            let found = known.find(|known| known.question.starts_with(begin))?;
            Some((found.question.clone(), found.right.clone()))
        });
        candidates.push(Candidate {
            image: NamedBytes {
                name: pair.name.clone(),
                bytes,
            },
            pair,
            questions,
        });
    }
    Ok(candidates)
}

/// The steps of the study's long run, the clouds of all in the plane of the last one.
fn training(
    recorder: &mut Recorder,
    contrast: &Contrast,
    results: &StudyResults,
    riddles: &[Riddle],
    variants: &[&Variant],
) -> Result<RecordedTraining, CliError> {
    let mut plane = None;
    let (mut steps, mut projections) = (Vec::new(), Vec::new());
    for variant in variants.iter().rev() {
        measure(recorder, contrast, variant, results)?;
        let plane = match &plane {
            Some(plane) => plane,
            None => plane.insert(axes(recorder)?),
        };
        projections.push(on_plane(recorder, plane)?.about_text());
        let mut answers = Vec::new();
        for riddle in riddles {
            answers.push(ask(recorder, variant, &image_of(riddle), &riddle.question)?);
        }
        steps.push(TrainingStep {
            folder: variant.folder.clone(),
            label: variant.label.clone(),
            samples: variant.samples,
            mir: known(Metric::Mir.value(results, variant), variant)?,
            norm_matched: Metric::NormMatchedMir.value(results, variant),
            norm_ratio: known(Metric::NormRatio.value(results, variant), variant)?,
            answered: score(variant)?,
            answers,
        });
    }
    steps.reverse();
    projections.reverse();
    Ok(RecordedTraining {
        steps,
        clouds: RecordedClouds::new(&projections, POINTS).map_err(failed)?,
    })
}

/// A value that the results have to have.
fn known(value: Option<f64>, variant: &Variant) -> Result<f64, CliError> {
    let missing = || {
        failed(format!(
            "{}: expected its values in the results of the study, found none: run `mirscope study`",
            variant.name
        ))
    };
    value.ok_or_else(missing)
}

fn score(variant: &Variant) -> Result<Score, CliError> {
    let missing = || failed(format!("{}: expected a score, found none", variant.name));
    variant.scores.choice.ok_or_else(missing)
}

/// Measures a checkpoint as its study was; fails where that gives another rate than the results have.
fn measure(
    recorder: &mut Recorder,
    contrast: &Contrast,
    variant: &Variant,
    results: &StudyResults,
) -> Result<(), CliError> {
    let settings = MeasureSettings {
        num_pairs: Some(contrast.settings.num_pairs),
        seed: contrast.settings.seed,
        text_mask: contrast.settings.text_mask,
        ..MeasureSettings::default()
    };
    let report = recorder.measure(
        ModelSource::Study(variant.folder.clone()),
        PairSource::Study(contrast.pairs.clone()),
        settings,
    )?;
    let expected = known(Metric::Mir.value(results, variant), variant)?;
    match report.mir {
        Some(found) if (found - expected).abs() < 1e-3 => Ok(()),
        found => Err(failed(format!(
            "{}: expected the rate {expected} of the results, found {found:?}: run `mirscope study`",
            variant.name
        ))),
    }
}

fn axes(recorder: &mut Recorder) -> Result<PlaneAxes, CliError> {
    match recorder.ask(Command::Explore(Explore::Plane(STATE)))? {
        Event::Plane(plane) => Ok(*plane),
        other => Err(CliError::unexpected(&other)),
    }
}

fn on_plane(recorder: &mut Recorder, plane: &PlaneAxes) -> Result<Projection, CliError> {
    let question = Explore::OnPlane(STATE, Box::new(plane.clone()));
    match recorder.ask(Command::Explore(question))? {
        Event::Projection(projection) => Ok(*projection),
        other => Err(CliError::unexpected(&other)),
    }
}

/// What a checkpoint answers, always the likeliest token.
fn ask(
    recorder: &mut Recorder,
    variant: &Variant,
    image: &NamedBytes,
    question: &str,
) -> Result<String, CliError> {
    let request = AskRequest {
        model: ModelSource::Study(variant.folder.clone()),
        device: DeviceSettings::default(),
        images: vec![ImageInput::Bytes(image.clone())],
        earlier: Vec::new(),
        question: question.to_owned(),
        raw: false,
        max_tokens: MAX_TOKENS,
        sampling: SamplingSettings::default(),
        watch: None,
    };
    match recorder.ask(Command::Ask(Box::new(request)))? {
        Event::Answer(answer) => Ok(answer.text.trim().to_owned()),
        other => Err(CliError::unexpected(&other)),
    }
}
