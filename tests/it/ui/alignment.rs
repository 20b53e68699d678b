//! The alignment of a run: layers are chosen in the pipeline, in the charts and by playing, and the
//! two clouds and the image light each other up.

use eframe::egui::{Pos2, Vec2};
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{app::App, report::Axes};

use super::support::app;

const WINDOW: [f32; 2] = [1280.0, 900.0];

fn state(harness: &Harness<'_, App>) -> usize {
    harness.state().store.view.state()
}

#[test]
fn the_pipeline_tells_shapes_and_chooses_layers() {
    let (mut harness, _link) = app(WINDOW);
    harness.run_ok();
    harness.get_by_label_contains("Vision tower: 65 tokens");
    harness.get_by_label_contains("Connector: 64 tokens");
    harness.get_by_label_contains("Layer 3: distance").click();
    harness.run_ok();
    assert_eq!(state(&harness), 3);
}

#[test]
fn a_column_of_the_curve_chooses_its_layer() {
    let (mut harness, _link) = app(WINDOW);
    harness.run_ok();
    let curve = harness
        .get_by_label_contains("Fréchet distance by decoder layer.")
        .rect();
    let last = Pos2::new(curve.right() - 30.0, curve.center().y);
    harness.hover_at(last);
    harness.run_ok();
    harness.drag_at(last);
    harness.run_ok();
    harness.drop_at(last);
    harness.run_ok();
    assert_eq!(state(&harness), 6);
}

#[test]
fn playing_goes_on_by_itself_and_stops() {
    let (mut harness, _link) = app(WINDOW);
    harness.run_ok();
    let begin = state(&harness);
    harness.get_by_label("Play through the layers").click();
    // A step is a quarter of a second; each state is shown for a little more than a second.
    harness.run_steps(14);
    let later = state(&harness);
    assert!(later >= begin + 2, "from {begin} to {later}");
    harness
        .get_by_label("Stop playing through the layers")
        .click();
    harness.run_steps(3);
    let stopped = state(&harness);
    harness.run_steps(14);
    assert_eq!(state(&harness), stopped);
}

#[test]
fn a_patch_under_the_pointer_is_its_token_everywhere() {
    let (mut harness, _link) = app(WINDOW);
    harness.run_ok();
    let image = harness.get_by_label_contains("as the model sees it").rect();
    harness.hover_at(image.min + Vec2::splat(3.0));
    harness.run_ok();
    let store = &harness.state().store;
    let (pair, position) = store.hover.token.unwrap();
    let token = &store.run().unwrap().pairs[&pair].tokens[position];
    assert_eq!((pair, token.patch), (0, Some(0)));
    harness.get_by_label_contains("patch 1");
}

#[test]
fn axes_are_shared_on_request() {
    let (mut harness, _link) = app(WINDOW);
    harness.run_ok();
    harness.get_by_label("same axes for all layers").click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.axes, Axes::Shared);
    // Recorded, too: nothing is asked for.
    assert!(harness.query_by_label("Projecting the tokens").is_none());
    harness.get_by_label_contains("Vision and text tokens after layer 1");
}
