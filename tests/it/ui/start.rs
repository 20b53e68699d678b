//! What the app opens with: two trainings beside each other.

use eframe::egui::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{
        App,
        store::{FITTING, Origin, SHUFFLED, StartPart, Tab},
    },
    engine::{Command, ModelSource, PairSource},
    study::{NO_PROGRESS, NOT_SAID},
};

use super::{
    scale::widgets,
    support::{FakeLink, opened},
};

const STAKE: &str = "never sees the picture, only what the connector makes of it.";

/// The app at the two trainings, past the riddle.
fn trainings(size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened(size);
    harness.state_mut().store.riddles.met = true;
    harness.run_ok();
    (harness, link)
}

fn laptop() -> (Harness<'static, App>, FakeLink) {
    trainings([1280.0, 720.0])
}

#[test]
fn both_sides_stand_on_one_ruler_with_what_they_answer() {
    for size in [[1280.0, 720.0], [390.0, 844.0]] {
        let (harness, _link) = trainings(size);
        assert_eq!(harness.state().store.view.tab, Tab::Start);
        harness.get_by_label_contains(STAKE);
        let contrast = harness.state().store.contrast.clone().unwrap();
        harness.get_by_label_contains("From nearer to the words to farther:");
        for side in contrast.sides() {
            let mir = format!("MIR {:.3},", side.mir());
            harness.get_by_label(&mir);
            let answered = format!("{:.0} % right answers", 100.0 * side.answered.value);
            harness.get_by_label(&answered);
        }
        harness.get_by_label_contains("Right answers to the same questions.");
        assert_eq!(
            harness
                .query_all_by_label_contains("Vision and text tokens after layer 1")
                .count(),
            2
        );
        harness.get_by_label_contains(NO_PROGRESS);
    }
}

/// Right below every chart stands what its marks mean.
#[test]
fn every_chart_says_what_its_marks_mean() {
    for size in [[1280.0, 1600.0], [1920.0, 1600.0], [390.0, 6000.0]] {
        for part in StartPart::ALL {
            for guessed in [false, true] {
                let (mut harness, _link) = opened(size);
                let store = &mut harness.state_mut().store;
                if guessed {
                    store.guess(0);
                }
                store.view.part = Some(part);
                harness.run_steps(8);
                let all = widgets(&harness);
                let images = harness.query_all_by_role(Role::Image);
                let charts = images.filter(|image| {
                    let label = image.accesskit_node().label().unwrap_or_default();
                    !label.starts_with("The picture.")
                });
                let mut count = 0;
                for chart in charts {
                    let rect = chart.rect();
                    let told = all.iter().any(|(_, words, text)| {
                        let below = words.top() - rect.bottom();
                        let marks = ["Disc", "disc", "Ellipses", "lines:"];
                        (-1.0..20.0).contains(&below)
                            && rect.x_range().contains(words.left() + 1.0)
                            && marks.iter().any(|mark| text.contains(mark))
                    });
                    let label = chart.accesskit_node().label().unwrap_or_default();
                    assert!(told, "{part:?} in {size:?}: {label:.60}");
                    count += 1;
                }
                assert!(count >= 3, "{part:?}: {count} charts");
            }
        }
    }
}

#[test]
fn each_side_leads_into_its_own_run() {
    for name in [FITTING, SHUFFLED] {
        let (mut harness, _link) = laptop();
        let label = format!("Look inside: {name}");
        harness.get_by_label(&label).click();
        harness.run_ok();
        let store = &harness.state().store;
        assert_eq!(store.view.tab, Tab::Alignment);
        assert_eq!(store.run().unwrap().name, name);
        harness.get_by_label_contains("this run: ");
    }
}

#[test]
fn what_is_shown_is_what_runs_on_this_device() {
    let (mut harness, link) = laptop();
    harness.get_by_label("Run on this device").click();
    harness.run_ok();
    let Some(Command::Measure(request)) = link.last() else {
        panic!("a measurement is asked for");
    };
    let contrast = harness.state().store.contrast.clone().unwrap();
    let folder = &contrast.fitting.folder;
    assert!(matches!(&request.model, ModelSource::Study(found) if found == folder));
    let list = &contrast.pairs;
    assert!(matches!(&request.pairs, PairSource::Study(found) if found == list));
    assert_eq!(
        request.settings.num_pairs,
        Some(contrast.settings.num_pairs)
    );
}

#[test]
fn one_training_is_a_click_away() {
    let (mut harness, _link) = trainings([1280.0, 1000.0]);
    harness
        .get_by_label("See one training step by step")
        .click();
    harness.run_steps(3);
    assert_eq!(harness.state().store.start_part(), StartPart::Steps);
    harness.get_by_label("Step of the training");
}

/// Every headline number has the study's ruler beside it, or why it has none, and what it does not say.
#[test]
fn every_number_has_a_ruler() {
    for tab in [Tab::Alignment, Tab::Compare] {
        let (mut harness, _link) = opened([1280.0, 1600.0]);
        harness.state_mut().store.view.tab = tab;
        harness.run_ok();
        let contrast = harness.state().store.contrast.clone().unwrap();
        let best = contrast.best.unwrap();
        let said = format!("({:.0} %): {:.3}", 100.0 * best.answered.value, best.mir);
        harness.get_by_label_contains(&said);
        harness.get_by_label_contains("bands: seed noise");
        harness.get_by_label(NOT_SAID);
        // A report of something else has no place on it.
        let store = &mut harness.state_mut().store;
        let mut report = store.report().unwrap().clone();
        report.model.name = "another model".to_owned();
        store.runs.clear();
        store.add("other".to_owned(), Origin::Opened, report);
        harness.run_ok();
        harness.get_by_label_contains("There is no ruler for this number");
        harness.get_by_label(NOT_SAID);
        assert!(harness.query_by_label_contains(&said).is_none());
    }
}
