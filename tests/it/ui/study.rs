//! The tab of the study, over made-up results.

use std::sync::Arc;

use eframe::egui::Role;
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        export::Plot,
        store::{KnownStudy, Tab},
    },
    engine::{Command, ModelSource, PairSource},
    figures::{Palette, svg_of},
};

use super::support::{FakeLink, app};
use crate::made_up_study::{NEW_QUANTITY, results};

/// Results as the app has them.
pub fn made_up() -> KnownStudy {
    KnownStudy::There(Arc::new(results()))
}

fn opened() -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = app([1280.0, 2800.0]);
    harness.state_mut().store.study = made_up();
    harness.state_mut().store.view.tab = Tab::Study;
    harness.run_ok();
    (harness, link)
}

#[test]
fn an_axis_is_chosen_and_everything_follows() {
    let (mut harness, _link) = opened();
    assert!(harness.query_by_label_contains("All settings").is_some());
    harness
        .get_by_role_and_label(Role::Button, "Learning rate")
        .click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.axis, "learning_rate");
    let link = harness.state().store.view.to_link();
    assert!(
        link.contains("tab=study") && link.contains("axis=learning_rate"),
        "{link}"
    );
    let scatter = harness.get_by_label_contains("MIR against score: Learning rate");
    assert!(scatter.rect().width() > 300.0);
    // The table has the axis' settings only, with the second seed.
    assert!(harness.query_by_label("6e-4 (seed 2)").is_some());
    assert!(harness.query_by_label("linear, 64").is_none());
}

#[test]
fn a_claim_stands_with_its_verdict_and_the_rule() {
    let (mut harness, _link) = opened();
    harness.state_mut().store.view.axis = "moca".to_owned();
    harness.run_ok();
    assert!(harness.query_by_label("MoCa raises the score").is_some());
    assert!(harness.query_by_label("within noise").is_some());
    assert!(
        harness
            .query_by_label("Mismatched texts raise MIR")
            .is_none()
    );
    assert!(
        harness
            .query_by_label_contains("Within noise: the change is less")
            .is_some()
    );
    harness.get_by_label("7 other claims").click();
    harness.run_ok();
    assert!(
        harness
            .query_by_label("Mismatched texts raise MIR")
            .is_some()
    );
}

#[test]
fn a_row_is_selected_and_its_checkpoint_opened() {
    let (mut harness, link) = opened();
    harness.state_mut().store.view.axis = "unfrozen".to_owned();
    harness.run_ok();
    harness
        .get_by_role_and_label(Role::Button, "upper half of the decoder")
        .click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.variant, "unfrozen-half");
    harness.get_by_label("Open this checkpoint").click();
    harness.run_ok();
    let Some(Command::Measure(request)) = link.last() else {
        panic!("a measurement is asked for");
    };
    assert!(matches!(&request.model, ModelSource::Study(folder) if folder == "unfrozen-half"));
    assert!(matches!(&request.pairs, PairSource::Study(list) if list == "pairs.jsonl"));
    assert_eq!(
        (request.settings.num_pairs, request.keep),
        (Some(100), true)
    );
}

#[test]
fn how_the_score_goes_with_each_quantity_is_drawn_and_told_as_numbers() {
    let (mut harness, _link) = opened();
    let drawn = harness.get_by_label_contains("Over 21 settings that can be compared");
    assert!(drawn.rect().width() > 300.0);
    assert!(harness.query_by_label(NEW_QUANTITY).is_none());
    harness.get_by_label("The correlations as numbers").click();
    harness.run_ok();
    assert!(harness.query_by_label(NEW_QUANTITY).is_some());
    assert!(harness.query_by_label("score rises with it").is_some());
    // Results of older versions have none.
    let mut older = results();
    older
        .measured
        .values_mut()
        .for_each(|it| it.quantities.clear());
    harness.state_mut().store.study = KnownStudy::There(Arc::new(older));
    harness.run_ok();
    assert!(harness.query_by_label("What the score goes with").is_none());
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let (mut harness, _link) = opened();
    harness.state_mut().store.study = KnownStudy::Absent;
    harness.run_ok();
    assert!(harness.query_by_label_contains("./dev study").is_some());
    let reason = "results.json: expected results of a study";
    harness.state_mut().store.study = KnownStudy::Wrong(reason.to_owned());
    harness.run_ok();
    assert!(harness.query_by_label(reason).is_some());
}

#[test]
fn every_plot_of_the_study_can_be_taken_home() {
    let (mut harness, _link) = opened();
    let store = &mut harness.state_mut().store;
    for axis in ["", "connector"] {
        axis.clone_into(&mut store.view.axis);
        for plot in [
            Plot::StudyScore,
            Plot::StudyQuantities,
            Plot::StudySettings,
            Plot::StudyLayers,
        ] {
            assert!(plot.is_there(store));
            let svg = svg_of(&plot.figure(store, Palette::DARK).unwrap());
            assert!(svg.contains("made-up adapter"), "{plot:?}");
        }
    }
    store.study = KnownStudy::Absent;
    assert!(!Plot::StudyScore.is_there(store));
    assert!(Plot::StudyScore.figure(store, Palette::DARK).is_none());
}
