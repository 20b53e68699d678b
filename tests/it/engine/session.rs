//! What a session keeps, and what it gives up.

use mirscope::{
    engine::{Command, Event, Explore, KernelChoice, ModelSource, Session, Stage},
    platform::Cancel,
    report::WhatIfSettings,
};

use super::{events, last, measure, refusal, report, variant, what_if};
use crate::golden;

fn question() -> Command {
    Command::Explore(Explore::WhatIf(WhatIfSettings::default()))
}

/// What the stage told, with its details.
fn told(events: &[Event], wanted: Stage) -> Vec<(u64, u64, String)> {
    let told = events.iter().filter_map(|event| match event {
        Event::Progress {
            stage,
            done,
            total,
            detail,
            ..
        } if *stage == wanted => Some((*done, *total, detail.clone())),
        _ => None,
    });
    told.collect()
}

#[test]
fn nothing_can_be_asked_before_a_measurement_that_keeps() {
    let mut session = Session::default();
    assert!(
        refusal(&mut session, question())
            .contains("no hidden states are stored: run a measurement first")
    );
    let mut request = measure(2);
    request.keep = false;
    report(&mut session, request);
    assert!(
        refusal(&mut session, question())
            .contains("no hidden states are stored: run a measurement first")
    );
}

#[test]
fn device_and_model_are_used_again() {
    let mut session = Session::default();
    let command = || Command::Measure(Box::new(measure(3)));
    let first = events(&mut session, command());
    let again = events(&mut session, command());
    for stage in [Stage::Device, Stage::Load] {
        let as_before = |events: &[Event]| {
            let told = told(events, stage);
            told.last()
                .is_some_and(|(.., detail)| detail == "as before")
        };
        assert!(!as_before(&first), "{stage:?}");
        assert!(as_before(&again), "{stage:?}");
        assert_eq!(told(&again, stage).last().unwrap().0, 1);
    }
    let (Some(Event::Report(first)), Some(Event::Report(again))) = (first.last(), again.last())
    else {
        panic!("expected reports");
    };
    assert_eq!(first.layers, again.layers);

    // Another model, and then another device, begin anew.
    let mut request = measure(2);
    request.model = ModelSource::Folder(golden::root().join("siglip_full_f16"));
    let other = events(&mut session, Command::Measure(Box::new(request.clone())));
    assert!(
        told(&other, Stage::Load)
            .iter()
            .all(|told| told.2.is_empty())
    );
    request.device = variant(KernelChoice::Tiled);
    let other = events(&mut session, Command::Measure(Box::new(request)));
    assert!(
        told(&other, Stage::Device)
            .iter()
            .all(|told| told.2.is_empty())
    );
    assert!(matches!(last(&mut session, question()), Event::WhatIf(_)));
}

#[test]
fn a_new_measurement_drops_what_was_kept() {
    let mut session = Session::default();
    report(&mut session, measure(2));
    assert_eq!(
        what_if(&mut session, WhatIfSettings::default()).num_pairs,
        2
    );
    report(&mut session, measure(4));
    assert_eq!(
        what_if(&mut session, WhatIfSettings::default()).num_pairs,
        4
    );
    let cancel = Cancel::default();
    cancel.cancel();
    let mut heard = Vec::new();
    let command = Command::Measure(Box::new(measure(2)));
    pollster::block_on(session.run(command, &cancel, &mut |event| heard.push(event)));
    assert!(matches!(heard.as_slice(), [Event::Cancelled]), "{heard:?}");
    // Cancelled before it began.
    assert_eq!(
        what_if(&mut session, WhatIfSettings::default()).num_pairs,
        4
    );
}

#[test]
fn progress_says_where_the_work_is() {
    let mut session = Session::default();
    let events = events(&mut session, Command::Measure(Box::new(measure(3))));
    assert!(told(&events, Stage::Fetch).is_empty(), "nothing is fetched");
    let forward = told(&events, Stage::Forward);
    assert_eq!(forward.last().unwrap().0, 3, "{forward:?}");
    let metric = told(&events, Stage::Metric);
    let (done, total, detail) = metric.last().unwrap();
    assert_eq!((done, detail.as_str()), (total, ""), "{metric:?}");
    for (done, total, detail) in &metric {
        let expected = format!("layer {} of {total}", done + 1);
        assert!(detail.is_empty() || *detail == expected, "{metric:?}");
    }
}
