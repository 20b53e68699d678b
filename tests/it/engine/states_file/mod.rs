//! Files of states: written by a measurement, measured in a model's place.

mod refusals;

use std::{fs, path::Path};

use mirscope::{
    engine::{
        Command, DeviceSettings, Event, Extra, MeasureSettings, MetricChoice, Session,
        StatesRequest,
    },
    platform::Cancel,
    report::{Definition, Report, TextMask},
};
use safetensors::{Dtype, SafeTensors};

use super::{last, looks::golden_request, measure, refusal, report};
use crate::golden;

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
    // All definitions from one run; what needs the model itself is told.
    let also = MeasureSettings {
        also: vec![Extra::Definitions, Extra::LogitLens],
        ..settings()
    };
    let read = of_file(&mut session, &file, also);
    let mut request = measure(5);
    request.settings = MeasureSettings {
        also: vec![Extra::Definitions],
        ..settings()
    };
    let modelled = report(&mut session, request);
    assert_eq!(read.metrics, modelled.metrics);
    let told = |note: &String| {
        note.contains("logit-lens-entropy, logit-lens-content, as it takes the model")
    };
    assert!(read.notes.iter().any(told), "{:?}", read.notes);
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

#[test]
fn quantities_by_the_position_of_an_image_come_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("states.safetensors");
    let case = golden::documents().into_iter().next().unwrap();
    let mut session = Session::default();
    let mut request = golden_request(&case);
    request.settings = MeasureSettings {
        export_states: Some(file.clone()),
        ..settings()
    };
    let modelled = report(&mut session, request);
    assert!(modelled.metric("norm-ratio-image-2").is_some());
    let read = of_file(&mut session, &file, settings());
    assert_eq!(numbers(&read).metrics, numbers(&modelled).metrics);

    // The header says of one image that it has a token more than there are.
    let bytes = fs::read(&file).unwrap();
    let (from, at) = (b"images", |part: &[u8]| {
        bytes.windows(part.len()).position(|found| found == part)
    });
    let begin = at(from).expect("the header has it");
    let digit = bytes[begin..].iter().position(u8::is_ascii_digit).unwrap() + begin;
    let mut other = bytes.clone();
    other[digit] += 1;
    fs::write(&file, other).unwrap();
    let reason = refusal(&mut session, command(&file, settings()));
    for word in [
        "`images`",
        "pair 0",
        "expected 12 vision tokens",
        "found 13",
    ] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
}
