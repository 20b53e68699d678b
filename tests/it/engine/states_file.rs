//! Files of states: written by a measurement, measured in a model's place.

use std::{collections::BTreeMap, fs, path::Path};

use half::{bf16, f16};
use mirscope::{
    engine::{
        Command, DeviceSettings, Event, MeasureSettings, MetricChoice, Session, StatesRequest,
    },
    platform::Cancel,
    report::{Definition, Report, TextMask},
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::{last, measure, refusal, report};

fn settings() -> MeasureSettings {
    MeasureSettings {
        metrics: MetricChoice::All,
        intervals: true,
        ..MeasureSettings::default()
    }
}

/// Measures pairs of the demo with the small checkpoint and exports their states.
fn exported(session: &mut Session, file: &Path, count: usize, settings: MeasureSettings) -> Report {
    let mut request = measure(count);
    request.keep = false;
    request.settings = MeasureSettings {
        export_states: Some(file.to_owned()),
        ..settings
    };
    report(session, request)
}

fn command(file: &Path, settings: MeasureSettings) -> Command {
    Command::MeasureStates(Box::new(StatesRequest {
        file: file.to_owned(),
        device: DeviceSettings::default(),
        settings,
    }))
}

#[track_caller]
fn of_file(session: &mut Session, file: &Path, settings: MeasureSettings) -> Report {
    match last(session, command(file, settings)) {
        Event::Report(report) => *report,
        other => panic!("expected a report, found {other:?}"),
    }
}

/// All that does not say where the numbers come from.
fn numbers(report: &Report) -> Report {
    Report {
        data: mirscope::report::DataSummary {
            num_pairs: report.data.num_pairs,
            ..Default::default()
        },
        timings: Vec::new(),
        ..report.clone()
    }
}

#[test]
fn a_file_of_states_gives_the_same_numbers_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    let first = exported(&mut session, &file, 5, settings());
    // One file is good for all definitions and masks, whatever the run that wrote it asked for.
    let written = fs::read(&file).unwrap();
    for definition in Definition::ALL {
        for text_mask in TextMask::ALL {
            if definition.is_official() && text_mask == TextMask::Content {
                continue;
            }
            let settings = MeasureSettings {
                definition,
                text_mask,
                ..settings()
            };
            let mut request = measure(5);
            request.settings = settings.clone();
            let modelled = report(&mut session, request);
            let read = of_file(&mut session, &file, settings);
            assert_eq!(
                numbers(&read),
                numbers(&modelled),
                "{definition}, {text_mask}"
            );
            assert!(read.contradiction().is_none());
            let source = format!("the first pairs, states in {}", file.display());
            assert_eq!(read.data.source, source);
            assert_eq!(read.data.prompt, modelled.data.prompt);
        }
    }
    assert_eq!(
        numbers(&of_file(&mut session, &file, settings())),
        numbers(&first)
    );
    // The same run writes the same bytes.
    let again = folder.path().join("again.safetensors");
    exported(&mut session, &again, 5, settings());
    assert!(written == fs::read(&again).unwrap());
    // A choice of pairs is the one that the list would give.
    let some = MeasureSettings {
        num_pairs: Some(3),
        seed: 4,
        ..settings()
    };
    let mut request = measure(5);
    request.settings = some.clone();
    let modelled = report(&mut session, request);
    let read = of_file(&mut session, &file, some);
    assert_eq!(
        numbers(&read),
        Report {
            notes: read.notes.clone(),
            ..numbers(&modelled)
        }
    );
    assert_eq!((read.data.num_pairs, read.data.seed), (3, 4));
}

/// What other programs find in the file.
#[test]
fn the_file_says_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let measured = exported(
        &mut Session::default(),
        &file,
        2,
        MeasureSettings::default(),
    );
    let bytes = fs::read(&file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let texts = header.metadata().clone().unwrap();
    let json = |key: &str| -> serde_json::Value { serde_json::from_str(&texts[key]).unwrap() };
    assert_eq!(texts["states_format"], "1");
    assert_eq!(
        json("model"),
        serde_json::to_value(&measured.model).unwrap()
    );
    assert_eq!(json("data")["source"], "the first pairs");
    let layers = measured.layers.len();
    let states = json("states");
    for (layer, k) in measured.layers.iter().zip(1..) {
        let name = match k == layers {
            true => format!("hidden_states.{k}.before_norm"),
            false => format!("hidden_states.{k}"),
        };
        assert_eq!(states[name], layer.state.as_str());
    }
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tokens: Vec<usize> = serde_json::from_value(json("tokens_by_pair")).unwrap();
    let all: usize = tokens.iter().sum();
    let width = measured.model.hidden_size;
    for name in states.as_object().unwrap().keys() {
        let state = tensors.tensor(name).unwrap();
        assert_eq!(
            (state.dtype(), state.shape()),
            (Dtype::F32, &[all, width][..])
        );
    }
    let owners = tensors.tensor("pair").unwrap();
    let owners: Vec<i64> = (owners.data().as_chunks::<8>().0.iter())
        .map(|number| i64::from_le_bytes(*number))
        .collect();
    let expected = tokens
        .iter()
        .zip(0_i64..)
        .flat_map(|(count, pair)| vec![pair; *count]);
    assert!(owners.into_iter().eq(expected));
    let count = |name: &str| -> usize {
        let mask = tensors.tensor(name).unwrap();
        mask.data().iter().map(|mark| usize::from(*mark)).sum()
    };
    assert_eq!((count("is_vision"), count("is_text")), measured.tokens());
    assert!(count("is_content") < count("is_text"));
}

#[test]
fn nothing_is_left_of_a_run_that_ends_early() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    fs::write(&file, "before").unwrap();
    let mut request = measure(4);
    request.keep = false;
    request.settings.export_states = Some(file.clone());
    let cancel = Cancel::default();
    let mut forwards = 0;
    let mut last = None;
    let mut session = Session::default();
    pollster::block_on(session.run(
        Command::Measure(Box::new(request.clone())),
        &cancel,
        &mut |event| {
            if let Event::Progress { stage, .. } = &event
                && stage.name() == "metric"
            {
                forwards += 1;
                cancel.cancel();
            }
            last = Some(event);
        },
    ));
    assert!(
        forwards > 0 && matches!(last, Some(Event::Cancelled)),
        "{last:?}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    request.settings.export_states = Some(folder.path().join("no/states.safetensors"));
    let reason = refusal(&mut session, Command::Measure(Box::new(request)));
    assert!(reason.contains("there is no folder"), "{reason}");
}

/// A file of states taken apart.
#[derive(Clone)]
struct Parts {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
    texts: BTreeMap<String, String>,
}

impl Parts {
    fn of(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
        let part = |(name, view): (String, TensorView<'_>)| {
            (
                name,
                view.dtype(),
                view.shape().to_vec(),
                view.data().to_vec(),
            )
        };
        Self {
            tensors: tensors.into_iter().map(part).collect(),
            texts: header.metadata().clone().unwrap().into_iter().collect(),
        }
    }

    fn tensor(&mut self, name: &str) -> &mut (String, Dtype, Vec<usize>, Vec<u8>) {
        self.tensors
            .iter_mut()
            .find(|tensor| tensor.0 == name)
            .unwrap()
    }

    fn write(&self, file: &Path) {
        let view = |(name, dtype, shape, data): &'_ (String, Dtype, Vec<usize>, Vec<u8>)| {
            (name.clone(), *dtype, shape.clone(), data.clone())
        };
        let parts: Vec<_> = self.tensors.iter().map(view).collect();
        let views = parts.iter().map(|(name, dtype, shape, data)| {
            (
                name.clone(),
                TensorView::new(*dtype, shape.clone(), data).unwrap(),
            )
        });
        let bytes =
            safetensors::serialize(views, Some(self.texts.clone().into_iter().collect())).unwrap();
        fs::write(file, bytes).unwrap();
    }

    /// Stores the states in 16 bits.
    fn halved(mut self, dtype: Dtype, half: impl Fn(f32) -> [u8; 2]) -> Self {
        for (name, stored, _, data) in &mut self.tensors {
            if name.starts_with("hidden_states.") {
                *stored = dtype;
                let values = data
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|value| f32::from_le_bytes(*value));
                *data = values.flat_map(&half).collect();
            }
        }
        self
    }
}

#[test]
fn states_in_16_bits_and_without_what_is_not_needed_are_measured() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    let first = exported(&mut session, &file, 3, settings());
    let mir = first.mir.unwrap();
    let parts = Parts::of(&file);
    for half in [
        parts
            .clone()
            .halved(Dtype::F16, |value| f16::from_f32(value).to_le_bytes()),
        parts
            .clone()
            .halved(Dtype::BF16, |value| bf16::from_f32(value).to_le_bytes()),
    ] {
        half.write(&file);
        let found = of_file(&mut session, &file, settings()).mir.unwrap();
        assert!(found != mir && (found - mir).abs() < 0.01, "{found}, {mir}");
    }

    // As somebody writes it who knows of the format only what a definition takes.
    let last = format!("hidden_states.{}.before_norm", first.layers.len());
    let mut bare = parts.clone();
    bare.texts.clear();
    bare.tensors.retain(|(name, ..)| {
        !["hidden_states.0", "input_ids", "is_content", &last].contains(&name.as_str())
    });
    bare.write(&file);
    let official = MeasureSettings {
        definition: Definition::OfficialAccurate,
        ..settings()
    };
    let read = of_file(&mut session, &file, official.clone());
    let mut request = measure(3);
    request.settings = official;
    let modelled = report(&mut session, request);
    assert_eq!((read.mir, &read.layers), (modelled.mir, &modelled.layers));
    assert!(read.contradiction().is_none());
    let said = |text: &str| read.notes.iter().any(|note| note.contains(text));
    assert!(
        said("does not say of the model: its name, architecture"),
        "{:?}",
        read.notes
    );
    assert!(said("not computed: chamfer"), "{:?}", read.notes);
    assert!(said(&last), "{:?}", read.notes);
    assert!(read.data.prompt.contains("unknown"));
    assert_eq!(read.model.name, file.display().to_string());

    let reason = refusal(&mut session, command(&file, settings()));
    assert!(
        reason.contains(&last) && reason.contains("before the final norm"),
        "{reason}"
    );
    assert!(reason.contains("use an official definition"), "{reason}");
    let content = MeasureSettings {
        text_mask: TextMask::Content,
        ..settings()
    };
    let reason = refusal(&mut session, command(&file, content));
    assert!(
        reason.contains("`is_content`") && reason.contains("found none"),
        "{reason}"
    );
}

#[test]
fn files_that_cannot_be_measured_are_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    let measured = exported(&mut session, &file, 2, settings());
    let width = measured.model.hidden_size;
    let whole = Parts::of(&file);
    let tokens = whole.clone().tensor("pair").2[0];
    type Change = Box<dyn Fn(&mut Parts)>;
    let change = |change: fn(&mut Parts)| -> Change { Box::new(change) };
    let cases: Vec<(Change, &[&str])> = vec![
        (
            change(|parts| parts.tensor("pair").3[0] = 7),
            &["tensor `pair`", "numbers that ascend", "found 0 at token 1"],
        ),
        (
            change(|parts| parts.tensor("is_vision").3[3] = 2),
            &["tensor `is_vision`: expected 0 or 1, found 2 at token 3"],
        ),
        (
            change(|parts| parts.tensor("is_text").3.fill(0)),
            &[
                "tensor `is_text`",
                "pair 1",
                "found none; leave the pair out",
            ],
        ),
        (
            change(|parts| parts.tensor("is_text").3.fill(1)),
            &["tensor `is_text`: expected 0 where `is_vision` is 1, found 1"],
        ),
        (
            change(|parts| {
                let last = parts.tensor("is_vision");
                last.2[0] -= 1;
                last.3.pop();
            }),
            &["tensor `is_vision`: expected one number for each of"],
        ),
        (
            change(|parts| parts.tensor("is_vision").1 = Dtype::I8),
            &["tensor `is_vision`", "whole numbers", "I8"],
        ),
        (
            change(|parts| parts.tensor("hidden_states.1").1 = Dtype::I32),
            &["tensor `hidden_states.1`: expected F32, F16 or BF16, found I32"],
        ),
        (
            Box::new(move |parts| parts.tensor("hidden_states.1").2 = vec![tokens * width]),
            &[
                "tensor `hidden_states.1`: expected shape [",
                "export the states again",
            ],
        ),
        (
            change(|parts| parts.tensors.retain(|tensor| tensor.0 != "hidden_states.1")),
            &["expected a tensor `hidden_states.1`, which is hidden_states[1], found none"],
        ),
        (
            change(|parts| {
                let huge = format!("hidden_states.{}", usize::MAX);
                parts.tensors.push((huge, Dtype::F32, vec![0], Vec::new()));
            }),
            &[
                "found no tensor `hidden_states.",
                "beside `hidden_states.18446744073709551615`",
            ],
        ),
        (
            change(|parts| parts.tensors.retain(|tensor| tensor.0 != "pair")),
            &["expected a tensor `pair`", "found none"],
        ),
        (
            change(|parts| {
                parts.tensor("hidden_states.1").3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
                parts.tensor("is_vision").3[0] = 1;
            }),
            &[
                "tensor `hidden_states.1`: expected finite numbers, found NaN or infinity in 1 vision token;",
            ],
        ),
        (
            change(|parts| {
                for (_, _, shape, data) in &mut parts.tensors {
                    shape[0] = 0;
                    data.clear();
                }
            }),
            &["expected at least one image-text pair, found none in"],
        ),
        (
            change(|parts| drop(parts.texts.insert("states_format".into(), "2".into()))),
            &["`states_format` in the header: expected 1, found 2"],
        ),
        (
            change(|parts| drop(parts.texts.insert("model".into(), "[1]".into()))),
            &["`model` in the header: expected a JSON object"],
        ),
        (
            change(|parts| {
                drop(
                    parts
                        .texts
                        .insert("model".into(), r#"{"hidden_size": 3}"#.into()),
                )
            }),
            &["`hidden_size` in the header's `model` is 3, but the states have"],
        ),
    ];
    for (change, expected) in cases {
        let mut parts = whole.clone();
        change(&mut parts);
        parts.write(&file);
        let reason = refusal(&mut session, command(&file, settings()));
        for words in expected {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        assert!(
            reason.contains("states.safetensors") && !reason.contains('\n'),
            "{reason}"
        );
    }
    // Damaged on the way: cut at any of many places, it is refused by the file's name.
    whole.write(&file);
    let bytes = fs::read(&file).unwrap();
    for length in [0, 4, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&file, &bytes[..length]).unwrap();
        let reason = refusal(&mut session, command(&file, settings()));
        assert!(reason.contains("states.safetensors"), "{length}: {reason}");
    }
    for (path, words) in [
        (
            folder.path().join("none.safetensors"),
            "found nothing there",
        ),
        (folder.path().to_owned(), "found a folder"),
    ] {
        let reason = refusal(&mut session, command(&path, settings()));
        assert!(reason.contains(words), "{reason}");
    }
    let small = MeasureSettings {
        memory_budget: Some(1000),
        ..settings()
    };
    fs::write(&file, &bytes).unwrap();
    let reason = refusal(&mut session, command(&file, small));
    assert!(reason.contains("memory budget"), "{reason}");
}

/// With a budget that holds no states: sums of them, of all layers or of some at a time. The run that exports
/// writes each pair once, whatever runs again.
#[test]
fn streamed_states_are_exported_and_measured_alike() {
    const PAIRS: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let mut session = Session::default();
    exported(&mut session, &file, PAIRS, settings());
    let held = fs::read(&file).unwrap();
    for budget in [3 << 20, 1 << 20] {
        let settings = MeasureSettings {
            memory_budget: Some(budget),
            ..settings()
        };
        fs::remove_file(&file).unwrap();
        let modelled = exported(&mut session, &file, PAIRS, settings.clone());
        assert!(fs::read(&file).unwrap() == held, "{budget}");
        let read = of_file(&mut session, &file, settings);
        let told =
            |report: &Report, words: &str| report.notes.iter().any(|note| note.contains(words));
        assert!(told(&modelled, "streamed:") && told(&modelled, "; the model ran "));
        assert!(told(&read, "; the file was read "), "{:?}", read.notes);
        let numbers = |report: &Report| Report {
            notes: Vec::new(),
            ..numbers(report)
        };
        assert_eq!(numbers(&read), numbers(&modelled), "{budget}");
        // All quantities are there, however often the model ran.
        assert!(read.metrics.iter().any(|metric| metric.id == "linear-cka"));
    }
}
