//! A quantity that no code knows is shown wherever reports are, by what the report says of it.

use eframe::egui::{self, Role, Vec2};
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{App, store::Tab},
    figures::{html, signed},
    report::{MetricReport, Report, StateValue, difference},
};

use super::support::app;

const LABEL: &str = "invented likeness";
const ABOUT: &str = "How alike things are that were made up; says nothing of anything <else>.";

/// Adds a quantity with an overall `value`, 7.125 at the first layer and an eighth more at each.
fn invent(report: &mut Report, value: f64) {
    let layers = report.layers.iter();
    let per_state = layers.map(|layer| StateValue {
        state: layer.state.clone(),
        value: Some(7.0 + layer.layer as f64 / 8.0),
        interval: None,
    });
    report.metrics.push(MetricReport {
        id: "invented".to_owned(),
        label: LABEL.to_owned(),
        about: ABOUT.to_owned(),
        value: Some(value),
        interval: Some([0.5, 0.75]),
        by_pair: Vec::new(),
        per_state: per_state.collect(),
        basis: "3 made-up pairs".to_owned(),
    });
}

/// The app in a window that holds the whole of a view.
fn tall() -> Harness<'static, App> {
    app([1280.0, 2200.0]).0
}

#[test]
fn the_alignment_shows_what_the_report_holds() {
    let mut harness = tall();
    invent(&mut harness.state_mut().store.runs[0].report, 0.625);
    harness.run_ok();
    for known in ["0.6250", "0.5000 to 0.7500"] {
        harness.get_by_label(known);
    }
    assert!(harness.query_by_label("7.375").is_none());
    harness.state_mut().store.select_state(3);
    harness.run_ok();
    harness.get_by_label("7.375");
    // A tap is enough to read what it is.
    harness.get_by_role_and_label(Role::Term, LABEL).click();
    harness.run_ok();
    harness.get_by_label(ABOUT);
    harness.key_press(egui::Key::Escape);
    let curve = format!("{LABEL} by decoder layer");
    let curve = harness.get_by_label_contains(&curve).rect();
    let first = curve.min + Vec2::new(5.0, 15.0);
    harness.hover_at(first);
    harness.drag_at(first);
    harness.drop_at(first);
    harness.run_ok();
    assert_eq!(harness.state().store.view.state(), 1);
}

#[test]
fn a_narrow_window_still_reaches_it() {
    let (mut harness, _link) = app([390.0, 844.0]);
    invent(&mut harness.state_mut().store.runs[0].report, 0.625);
    harness.run_ok();
    let label = harness.get_by_role_and_label(Role::Term, LABEL);
    label.scroll_to_me();
    harness.run_ok();
    let rect = harness.get_by_role_and_label(Role::Term, LABEL).rect();
    assert!(
        rect.left() >= 0.0 && rect.right() <= 390.0,
        "the name lies at {rect:?}"
    );
}

#[test]
fn what_either_run_holds_is_compared() {
    let mut harness = tall();
    harness.state_mut().store.view.tab = Tab::Compare;
    let other = |store: &mut mirscope::app::store::Store, value| {
        let number = store.difference().unwrap().1.number;
        let run = store.runs.iter_mut().find(|run| run.number == number);
        invent(&mut run.unwrap().report, value);
    };
    other(&mut harness.state_mut().store, 0.625);
    harness.run_ok();
    harness.get_by_role_and_label(Role::Term, LABEL);
    harness.get_by_label("0.6250");
    // The other run's and the difference are not there.
    assert_eq!(harness.query_all_by_label("-").count(), 2);
    let base = harness.state().store.difference().unwrap().0.number;
    let mut runs = harness.state_mut().store.runs.iter_mut();
    let base = runs.find(|run| run.number == base).unwrap();
    invent(&mut base.report, 0.5);
    harness.run_ok();
    harness.get_by_label("+0.1250");
    assert_eq!(harness.query_all_by_label("-").count(), 0);
    // Of the same pairs the difference has an interval of its own.
    let both = harness.state().store.difference().unwrap();
    let numbers = [both.0.number, both.1.number];
    for (run, size) in numbers.into_iter().zip([0.001, 0.004]) {
        let mut runs = harness.state_mut().store.runs.iter_mut();
        let report = &mut runs.find(|it| it.number == run).unwrap().report;
        let pairs = 0..report.data.num_pairs;
        let metric = report.metrics.last_mut().unwrap();
        let moved = pairs.map(|pair| if pair % 2 == 0 { size } else { -size });
        metric.by_pair = moved.collect();
    }
    let both = harness.state().store.difference().unwrap();
    let found = difference(&both.0.report, &both.1.report, "invented").unwrap();
    let [low, high] = found.interval.unwrap().map(signed);
    harness.run_ok();
    harness.get_by_label(&format!("{low} to {high}"));
}

#[test]
fn the_page_of_a_report_shows_it() {
    let mut harness = tall();
    let report = &mut harness.state_mut().store.runs[0].report;
    let before = html(report).unwrap().matches("<svg").count();
    invent(report, 0.625);
    let page = html(report).unwrap();
    assert_eq!(page.matches("<svg").count(), before + 1);
    for part in [
        "<td>invented likeness<small>",
        "made up; says nothing of anything &lt;else&gt;.</small>",
        "<td>0.6250</td><td>0.5000 to 0.7500</td>",
        "<td>3 made-up pairs</td>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<else>"));
}
