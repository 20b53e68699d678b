//! The engine as its drivers see it: commands in, events out.

mod ask;
mod ask_looks;
mod documents;
mod extras;
mod kept;
mod looks;
mod pieces;
mod projection;
mod session;
#[cfg(target_os = "linux")]
mod soak;
mod speed;
mod states_file;
mod streamed;
mod summed_pieces;
mod variants;
mod weights;
mod what_if;

use std::path::PathBuf;

use mirscope::{
    engine::{
        Command, DeviceSettings, Event, Explore, ImageInput, KernelChoice, MeasureRequest,
        MeasureSettings, ModelSource, PairInput, PairSource, Session,
    },
    platform::Cancel,
    report::{Report, WhatIf, WhatIfSettings},
};

use crate::golden;

/// Carries out a command and returns all its events.
pub fn events(session: &mut Session, command: Command) -> Vec<Event> {
    let mut events = Vec::new();
    let cancel = Cancel::default();
    pollster::block_on(session.run(command, &cancel, &mut |event| events.push(event)));
    let last = events.iter().filter(|event| event.is_last()).count();
    assert_eq!(last, 1, "exactly one event ends a command");
    assert!(events.last().is_some_and(Event::is_last));
    events
}

/// Carries out a command and returns its last event.
pub fn last(session: &mut Session, command: Command) -> Event {
    events(session, command).pop().unwrap()
}

/// The sentence with which a command fails.
#[track_caller]
pub fn refusal(session: &mut Session, command: Command) -> String {
    match last(session, command) {
        Event::Failed(reason) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// A small checkpoint: the demo's pairs run through it in a moment.
pub fn small() -> ModelSource {
    ModelSource::Folder(golden::root().join("clip_mlp_gqa_tied_f32"))
}

/// The first pairs of the demo.
pub fn pairs(count: usize) -> PairSource {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let lines = std::fs::read_to_string(folder.join("pairs.jsonl")).unwrap();
    let pair = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let image = ImageInput::Path(folder.join(value["image"].as_str().unwrap()));
        PairInput::new(image, value["text"].as_str().unwrap())
    };
    PairSource::Pairs {
        name: "the first pairs".to_owned(),
        pairs: lines.lines().take(count).map(pair).collect(),
    }
}

/// A measurement of `count` pairs that keeps them.
pub fn measure(count: usize) -> MeasureRequest {
    MeasureRequest {
        model: small(),
        pairs: pairs(count),
        device: DeviceSettings::default(),
        settings: MeasureSettings::default(),
        keep: true,
    }
}

/// The device with a variant of the kernels.
pub fn variant(kernel: KernelChoice) -> DeviceSettings {
    DeviceSettings {
        kernel,
        ..DeviceSettings::default()
    }
}

/// Carries out a measurement that succeeds.
#[track_caller]
pub fn report(session: &mut Session, request: MeasureRequest) -> Report {
    match last(session, Command::Measure(Box::new(request))) {
        Event::Report(report) => *report,
        other => panic!("expected a report, found {other:?}"),
    }
}

/// Asks a what-if question that has an answer.
#[track_caller]
pub fn what_if(session: &mut Session, settings: WhatIfSettings) -> WhatIf {
    match last(session, Command::Explore(Explore::WhatIf(settings))) {
        Event::WhatIf(what_if) => *what_if,
        other => panic!("expected an answer, found {other:?}"),
    }
}
