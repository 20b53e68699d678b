//! What the app opens with: two trainings beside each other.

use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{FITTING, SHUFFLED, Tab},
    },
    engine::{Command, ModelSource, PairSource},
    study::NO_PROGRESS,
};

use super::support::{FakeLink, opened};

const STAKE: &str = "never sees the picture, only what the connector makes of it.";

fn laptop() -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened([1280.0, 720.0]);
    harness.run_ok();
    (harness, link)
}

#[test]
fn both_sides_stand_on_one_ruler_with_what_they_answer() {
    for size in [[1280.0, 720.0], [390.0, 844.0]] {
        let (mut harness, _link) = opened(size);
        harness.run_ok();
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
fn steps_of_one_training_are_compared_with_what_goes_along() {
    let (mut harness, _link) = opened([1280.0, 1000.0]);
    harness.run_ok();
    assert!(harness.state().store.along_compared().is_none());
    harness
        .get_by_label("See one training step by step")
        .click();
    harness.run_ok();
    let store = &harness.state().store;
    assert_eq!(store.view.tab, Tab::Compare);
    let words = store.along_compared().unwrap();
    assert!(words.contains("of the words' length"), "{words}");
    harness.get_by_label(&words);
}
