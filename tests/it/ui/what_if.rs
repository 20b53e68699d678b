//! The what-if view: the ellipses to hold, and the run under other assumptions.

use eframe::egui::{Key, Vec2};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};
use mirscope::app::{
    App,
    store::{Tab, View},
};

use super::support::{FakeLink, app};

const PLANE: &str = "Plane with two ellipses";

fn opened(link: &str) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, engine) = app([1280.0, 900.0]);
    harness.state_mut().store.view = View::from_link(link);
    harness.run_ok();
    (harness, engine)
}

/// What a node says to those who do not see it.
pub fn said(node: &Node<'_>) -> String {
    let node = node.accesskit_node();
    node.label().or_else(|| node.value()).unwrap_or_default()
}

/// The four numbers of a line, as they are told to those who do not see them.
fn numbers(harness: &Harness<'_, App>, line: &str) -> [f64; 4] {
    let label = format!("{line}: location");
    let node = harness.get_by_label_contains(&label);
    let label = said(&node);
    let parsed = label.split([' ', ',']).filter_map(|word| word.parse().ok());
    parsed.collect::<Vec<f64>>().try_into().unwrap()
}

#[test]
fn the_ellipse_is_dragged_and_the_numbers_follow() {
    let (mut harness, engine) = opened("#tab=ellipses");
    assert_eq!(harness.state().store.view.tab, Tab::WhatIf);
    let [location, .., sum] = numbers(&harness, "as you hold it");
    // Means 1.4 and 0.25 apart on the two axes.
    assert!((location - 2.0225).abs() < 1e-3, "{location}");
    let plane = harness.get_by_label_contains(PLANE).rect();
    // The plane shows -1.6 to 2.0 by -0.8 to 1.7, with one unit on both axes.
    let unit = (plane.width() / 3.6).min(plane.height() / 2.5);
    let mean = plane.center() + unit * Vec2::new(-0.5 - 0.2, -(0.7 - 0.45));
    harness.hover_at(mean);
    harness.run_ok();
    harness.drag_at(mean);
    harness.run_ok();
    harness.hover_at(mean + unit * Vec2::new(0.7, 0.0));
    harness.run_ok();
    harness.drop_at(mean + unit * Vec2::new(0.7, 0.0));
    harness.run_ok();
    let held = harness.state().store.view.ellipse;
    assert!(
        (held.x - 0.2).abs() < 0.02 && (held.y - 0.7).abs() < 0.02,
        "{held:?}"
    );
    let [nearer, spread, shape, less] = numbers(&harness, "as you hold it");
    assert!(
        (nearer - (0.7f64.powi(2) + 0.25f64.powi(2))).abs() < 0.03,
        "{nearer}"
    );
    assert!(less < sum && (less - nearer - spread - shape).abs() < 1e-3);
    assert!(
        engine.0.borrow().commands.is_empty(),
        "nothing is asked of the engine"
    );
}

#[test]
fn the_keyboard_moves_resizes_and_turns() {
    let (mut harness, _engine) = opened("#tab=ellipses");
    harness.get_by_label_contains(PLANE).focus();
    harness.run_ok();
    for key in [Key::ArrowRight, Key::ArrowUp, Key::OpenBracket, Key::Plus] {
        harness.key_press(key);
        harness.run_ok();
    }
    let held = harness.state().store.view.ellipse;
    let start = View::HELD;
    assert!((held.x - start.x - 0.05).abs() < 1e-9 && (held.y - start.y - 0.05).abs() < 1e-9);
    assert!((held.turn - start.turn - 5.0).abs() < 1e-9, "{held:?}");
    assert!((held.length / start.length - 1.06).abs() < 1e-2, "{held:?}");
    harness.key_press(Key::Minus);
    harness.key_press(Key::CloseBracket);
    harness.run_ok();
    let back = harness.state().store.view.ellipse;
    assert!((back.length - start.length).abs() < 2e-3 && back.turn == start.turn);
}

#[test]
fn each_button_takes_its_part_away() {
    let (mut harness, _engine) = opened("#tab=ellipses");
    for (button, part) in [("Same place", 0), ("Same size", 1), ("Same shape", 2)] {
        assert!(numbers(&harness, "as you hold it")[part] > 1e-3);
        harness.get_by_label(button).click();
        harness.run_ok();
        assert_eq!(numbers(&harness, "as you hold it")[part], 0.0, "{button}");
    }
    assert_eq!(numbers(&harness, "as you hold it")[3], 0.0);
    harness.get_by_label_contains("two clouds agree");
}

#[test]
fn longer_tokens_are_told_with_and_without_their_norms_matched() {
    let (mut harness, _engine) = opened("#tab=ellipses&layer=2");
    let as_held = numbers(&harness, "as you hold it");
    let report = harness.state().store.report().unwrap().clone();
    harness
        .get_by_label("Vision tokens 30 times longer")
        .click();
    harness.run_ok();
    let lines = |start: &str| -> Vec<[f64; 4]> {
        let label = format!("{start}: location");
        let nodes = harness.query_all_by_label_contains(&label);
        nodes
            .map(|node| {
                let label = said(&node);
                let words = label.rsplit(": ").next().unwrap().to_owned();
                let parsed = words.split([' ', ',']).filter_map(|word| word.parse().ok());
                parsed.collect::<Vec<f64>>().try_into().unwrap()
            })
            .collect()
    };
    let longer = lines("30 times longer");
    let matched = lines("both clouds then scaled to norm 1");
    assert_eq!(
        (longer.len(), matched.len()),
        (2, 2),
        "the held clouds and the layer"
    );
    // Shape is linear in the length of one side.
    assert!((longer[0][2] / as_held[2] - 30.0).abs() < 0.02);
    assert!(longer[0][3] > 100.0 * as_held[3]);
    let expected = report.layers[1].frechet_norm_matched;
    assert!((matched[1][3] / expected - 1.0).abs() < 1e-3, "{matched:?}");
}

#[test]
fn the_numbers_have_a_column_for_each_thing_that_is_told() {
    let (mut harness, _engine) = opened("#tab=what-if&what_if_shows=run");
    let count = |harness: &Harness<'_, App>, label: &str| harness.query_all_by_label(label).count();
    let width = harness.state().store.report().unwrap().model.hidden_size;
    let width = width.to_string();
    assert_eq!(count(&harness, "as measured"), 1);
    assert_eq!(count(&harness, "what if"), 0, "nothing was changed");
    assert_eq!(count(&harness, &width), 1);
    harness.state_mut().store.view.vision_scale = 2.0;
    harness.run_ok();
    assert_eq!(count(&harness, "what if"), 1);
    assert_eq!(count(&harness, &width), 2, "the same width in both columns");
}
