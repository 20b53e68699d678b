//! Quantities that are asked for by name.

use std::collections::BTreeMap;

use mirscope::{
    engine::{Command, Event, Extra, ModelSource, Session},
    report::{Definition, Report, TextMask},
};

use super::{last, measure, report};

fn measured(also: &[Extra], definition: Definition, mask: TextMask) -> Report {
    let mut request = measure(4);
    request.keep = false;
    request.settings.also = also.to_vec();
    request.settings.definition = definition;
    request.settings.text_mask = mask;
    report(&mut Session::default(), request)
}

fn value(report: &Report, id: &str) -> f64 {
    let metric = report.metric(id).unwrap_or_else(|| panic!("no {id}"));
    metric.value.unwrap_or_else(|| panic!("{id} is absent"))
}

#[test]
fn they_stand_beside_a_rate_that_they_do_not_change() {
    let plain = measured(&[], Definition::Exact, TextMask::Official);
    let full = measured(&Extra::ALL, Definition::Exact, TextMask::Official);
    assert_eq!(full.mir, plain.mir);
    assert_eq!(full.layers, plain.layers);
    assert_eq!(full.contradiction(), None);
    let layers = plain.layers.len();
    for id in ["effective-rank-vision", "effective-rank-text"] {
        assert!(value(&full, id) > 1.0, "{id}");
        assert!(plain.metric(id).is_none());
    }
    assert!((0.0..=1.0).contains(&value(&full, "logit-lens-content")));
    let vocabulary = 2f64.powi(17);
    assert!((0.0..vocabulary.ln()).contains(&value(&full, "logit-lens-entropy")));
    assert!(value(&full, "image-effect-distance") > 1e-3);
    assert!(value(&full, "image-effect-cosine") < 1.0 - 1e-6);
    let with = full.metric("mir-with-embeddings").unwrap();
    assert_eq!(with.per_state.len(), layers + 1);
    assert_eq!(with.per_state[0].state, "hidden_states[0]");
    assert!(value(&full, "mir-with-embeddings") > value(&full, "mir"));
}

#[test]
fn one_run_gives_what_three_give() {
    let also = [Extra::Definitions];
    let of = |definition| measured(&also, definition, TextMask::Official);
    let runs = Definition::ALL.map(of);
    for (definition, own) in Definition::ALL.into_iter().zip(&runs) {
        let id = format!("mir-{}", definition.name());
        for run in &runs {
            let (found, expected) = (value(run, &id), own.mir.unwrap());
            assert!((found - expected).abs() < 1e-9, "{id}: {found}, {expected}");
            let last = run.metric(&id).unwrap().per_state.last().unwrap();
            assert_eq!(last.state, own.layers.last().unwrap().state);
        }
    }
    // Of other tokens than the script's there is only the exact rate.
    let content = measured(&also, Definition::Exact, TextMask::Content);
    assert_eq!(value(&content, "mir-exact"), content.mir.unwrap());
    assert!(content.metric("mir-official-accurate").is_none());
}

/// Tokenizer, prompt, images, forward passes and metrics together (`tests/golden/make_demo_quantities.py`).
#[test]
fn of_the_demo_they_are_what_transformers_gives() {
    let golden = include_str!("../../golden/demo_quantities.json");
    let golden: BTreeMap<String, Vec<f64>> = serde_json::from_str(golden).unwrap();
    let mut request = measure(4);
    request.model = ModelSource::Demo { connector: None };
    request.keep = false;
    request.settings.also = vec![Extra::LogitLens, Extra::WithoutImage];
    let found = report(&mut Session::default(), request);
    for (id, expected) in golden {
        let states = &found.metric(&id).unwrap().per_state;
        assert_eq!(states.len(), expected.len());
        for (state, expected) in states.iter().zip(expected) {
            let error = (state.value.unwrap() / expected - 1.0).abs();
            assert!(error < 1e-5, "{id} at {}: {error:.1e}", state.state);
        }
    }
}

/// The smallest budget within which two pairs are measured with their states held, to 4 KiB.
fn least_budget(session: &mut Session, also: &[Extra]) -> u64 {
    let mut is_held = |budget: u64| {
        let mut request = measure(2);
        request.model = ModelSource::Demo { connector: None };
        request.keep = false;
        request.settings.also = also.to_vec();
        request.settings.intervals = false;
        request.settings.memory_budget = Some(budget);
        match last(session, Command::Measure(Box::new(request))) {
            Event::Report(report) => !report.notes.iter().any(|it| it.contains("streamed")),
            _ => false,
        }
    };
    let (mut too_small, mut enough) = (1 << 20, 1 << 24);
    assert!(is_held(enough) && !is_held(too_small));
    while enough - too_small > 4 << 10 {
        let middle = u64::midpoint(too_small, enough);
        match is_held(middle) {
            true => enough = middle,
            false => too_small = middle,
        }
    }
    enough
}

#[test]
#[allow(clippy::print_stdout)]
fn the_pass_without_the_image_counts_in_the_budget() {
    let mut session = Session::default();
    let plain = least_budget(&mut session, &[]);
    let more = least_budget(&mut session, &[Extra::WithoutImage]) - plain;
    // Eight states of width 128, of the tokens that a prompt has beside its image: some dozens.
    let of_token = 8 * 128 * 4;
    println!("{plain} bytes, {more} more: {} tokens", more / of_token);
    assert!((15 * of_token..100 * of_token).contains(&more), "{more}");
}
