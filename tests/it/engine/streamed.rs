//! States that do not fit the memory are streamed, and the report says so.

use mirscope::{
    engine::{Command, Event, MeasureRequest, Session},
    report::{Definition, Report},
};

use super::{events, last, measure, report};

/// The largest relative difference of a layer.
fn error(held: &Report, streamed: &Report) -> f64 {
    let layers = held.layers.iter().zip(&streamed.layers);
    let errors = layers.map(|(held, found)| {
        assert_eq!(
            (found.n_vision, found.outliers_vision, found.near_limit),
            (held.n_vision, held.outliers_vision, held.near_limit)
        );
        assert_eq!(found.outliers_text, held.outliers_text);
        (found.frechet / held.frechet - 1.0).abs()
    });
    errors.fold(0.0, f64::max)
}

/// The runs with which every budget streams, from the smallest that is enough on, with the number of forward passes.
fn streamed_runs(session: &mut Session, request: &MeasureRequest) -> Vec<(u64, Report, usize)> {
    let mut found = Vec::new();
    for mebibytes in [1, 2, 16] {
        let mut request = request.clone();
        let budget = mebibytes << 20;
        request.settings.memory_budget = Some(budget);
        match last(session, Command::Measure(Box::new(request))) {
            Event::Report(report) => {
                let note = report
                    .notes
                    .iter()
                    .find(|note| note.starts_with("streamed"));
                let Some(note) = note else {
                    break;
                };
                let ran = note.split_once("the model ran ").map(|(_, rest)| rest);
                let passes = ran.map_or(1, |rest| rest[..1].parse().expect("a digit"));
                found.push((budget, *report, passes));
            }
            Event::Failed(reason) => assert!(reason.contains("the metric needs"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    found
}

#[test]
#[allow(clippy::print_stdout)]
fn a_small_budget_streams_and_gives_the_same_numbers() {
    let mut session = Session::default();
    for definition in [Definition::Exact, Definition::OfficialFast] {
        let mut request = measure(100);
        request.keep = false;
        request.settings.intervals = false;
        request.settings.definition = definition;
        let held = report(&mut session, request.clone());
        assert!(!held.notes.iter().any(|note| note.starts_with("streamed")));
        let streamed = streamed_runs(&mut session, &request);
        for (budget, streamed, passes) in &streamed {
            let error = error(&held, streamed);
            println!("{definition}, {budget} bytes: {error:.1e}, {passes} passes");
            assert!(error < 1e-5, "{definition}: {error}");
            assert_eq!(held.metrics.len(), streamed.metrics.len());
            let mut quantities = held.metrics.iter().zip(&streamed.metrics);
            assert!(quantities.all(|(held, found)| held.id == found.id));
        }
        let passes = || streamed.iter().map(|(_, _, passes)| *passes);
        assert_eq!(passes().min(), Some(1), "all layers at once");
        assert!(passes().max() > Some(1), "some layers at a time");
    }
}

#[test]
fn what_is_streamed_cannot_be_kept_and_has_its_interval_from_another_run() {
    let mut session = Session::default();
    let mut request = measure(100);
    request.settings.intervals = true;
    let held = report(&mut session, request.clone());
    let (budget, _, _) = streamed_runs(&mut session, &request)
        .pop()
        .expect("some are");
    request.settings.memory_budget = Some(budget);
    let events = events(&mut session, Command::Measure(Box::new(request)));
    let [.., Event::Kept(kept), Event::Report(report)] = events.as_slice() else {
        panic!("expected what is kept and then the report");
    };
    let refused = kept.refused.as_deref().expect("it is refused");
    assert!(refused.contains("keeping the states needs"), "{refused}");
    let (held, found) = (held.interval("mir"), report.interval("mir"));
    let held = held.expect("there are enough tokens");
    for (held, found) in held.iter().zip(found.expect("as there are here")) {
        assert!((held - found).abs() < 1e-4, "{held}, {found}");
    }
}
