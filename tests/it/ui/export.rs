//! Taking things home: what is offered, and by the keyboard.

use eframe::egui::{Key, Rect, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{
        App,
        export::Plot,
        store::{Known, View},
    },
    figures::{Palette, svg_of},
    study::REAL_PARTS,
};

use super::support::opened;

/// The study's tab, once what ships has been read.
fn study(link: &str, size: [f32; 2]) -> Harness<'static, App> {
    let (mut harness, _link) = opened(size);
    harness.state_mut().store.restore(View::from_link(link));
    for _ in 0..1000 {
        harness.run_steps(1);
        let store = &harness.state().store;
        if store.study.results().is_some() && store.real.results().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    harness.run_steps(6);
    harness
}

#[test]
fn the_charts_of_real_parts_can_be_taken_home() {
    let mut harness = study("#tab=study&study_shows=real-parts", [1280.0, 720.0]);
    for plot in [Plot::RealChoice, Plot::RealLoss] {
        let store = &harness.state().store;
        assert!(plot.is_there(store), "{plot:?}");
        let svg = svg_of(&plot.figure(store, Palette::LIGHT).unwrap());
        let real = store.real.results().unwrap();
        let [part, ..] = REAL_PARTS[0];
        let (verdict, adapter) = (&real.sentences()[0], &real.points[0].adapter);
        assert!(!adapter.is_empty());
        // Lines are broken somewhere.
        for words in [part, &verdict[..24], adapter, "6,400 vision"] {
            assert!(svg.contains(words), "{plot:?} without {words}");
        }
    }
    harness.get_by_label("Export").click();
    harness.run_steps(4);
    // They are what is on the screen, so they are there at once.
    let label = "Real parts: MIR against right choices as SVG";
    // Not clicked: it would be saved into the current folder, or ask where.
    harness.get_by_label(label);
    harness.state_mut().store.real = Known::Absent;
    assert!(!Plot::RealChoice.is_there(&harness.state().store));
}

/// Where what has the keyboard's focus is, and its label.
fn focused(harness: &Harness<'_, App>) -> Option<(Rect, String)> {
    let nodes = harness.query_all_by(|node| node.is_focused());
    let node = nodes.last()?;
    let label = node.accesskit_node().label().unwrap_or_default();
    Some((node.rect(), label))
}

#[test]
fn the_menu_is_gone_through_by_the_keyboard() {
    for (size, name) in [
        ([1280.0, 720.0], "Export"),
        ([390.0, 844.0], "Menu"),
        ([195.0, 422.0], "Menu"),
    ] {
        let mut harness = study("#tab=study", size);
        harness.get_by_label(name).focus();
        harness.run_steps(2);
        harness.key_press(Key::Enter);
        harness.run_steps(4);
        let window = Rect::from_min_size(eframe::egui::Pos2::ZERO, vec2(size[0], size[1]));
        let mut met = Vec::new();
        for _ in 0..120 {
            harness.key_press(Key::ArrowDown);
            harness.run_steps(6);
            let Some((rect, label)) = focused(&harness) else {
                continue;
            };
            assert!(
                window.expand(1.0).contains_rect(rect),
                "{label} in {size:?}: {rect:?}"
            );
            if label == "Export" && name == "Menu" && !met.contains(&label) {
                harness.key_press(Key::Enter);
                harness.run_steps(12);
            }
            let last = label == "Open a link";
            met.push(label);
            if last {
                break;
            }
        }
        // The cards of the claims are unfolded: they are what is on the screen.
        for label in [
            "This run",
            "Does MoCa help? as PNG",
            "Copy a link to this view",
            "Open a link",
        ] {
            assert!(
                met.iter().any(|it| it == label),
                "{label} in {size:?}: {met:?}"
            );
        }
    }
}
