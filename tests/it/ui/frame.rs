//! The app's frame: runs, progress, messages.

use egui_kittest::kittest::Queryable;
use mirscope::{
    app::store::Tab,
    engine::{Command, Event, Stage},
};

use super::support::app;

#[test]
fn the_recorded_demo_is_there_at_once() {
    let (mut harness, link) = app([1280.0, 720.0]);
    harness.run();
    assert!(harness.state().store.report().is_some());
    assert!(link.0.borrow().commands.is_empty(), "nothing runs unasked");
}

#[test]
fn tabs_are_chosen_by_their_labels() {
    let (mut harness, _link) = app([1280.0, 720.0]);
    harness.run();
    for tab in Tab::ALL {
        harness.get_by_label(tab.title()).click();
        harness.run();
        assert_eq!(harness.state().store.view.tab, tab);
    }
}

#[test]
fn a_run_shows_progress_and_failure() {
    let (mut harness, link) = app([1280.0, 720.0]);
    harness.run();
    harness.state_mut().store.run_demo(None, Some(4));
    harness.run_steps(3);
    assert!(matches!(link.last(), Some(Command::Measure(_))));
    link.tell([Event::Progress {
        stage: Stage::Forward,
        done: 1,
        total: 4,
        unit: "pairs".to_owned(),
        detail: "layer 3 of 6".to_owned(),
    }]);
    harness.run_steps(3);
    assert!(harness.state().store.is_busy());
    link.tell([Event::Failed("the adapter is gone".to_owned())]);
    harness.run_steps(3);
    assert!(!harness.state().store.is_busy());
    harness.get_by_label_contains("the adapter is gone");
}
