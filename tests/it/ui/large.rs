//! A large window: letters and plots grow with it.

use eframe::egui::{Role, TextStyle, Theme};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::app::{
    App,
    store::{Tab, View},
};

use super::{
    scale::{VIEWS, widgets},
    support::opened,
};

const LAPTOP: [f32; 2] = [1280.0, 720.0];
const LARGE: [f32; 2] = [1920.0, 1080.0];

fn at(link: &str, size: [f32; 2]) -> Harness<'static, App> {
    let (mut harness, _link) = opened(size);
    harness.state_mut().store.restore(View::from_link(link));
    harness.run_steps(8);
    harness
}

/// The sizes of all letters, in points.
fn letters(harness: &Harness<'_, App>) -> Vec<(TextStyle, f32)> {
    let style = harness.ctx.style_of(Theme::Light);
    let sizes = style.text_styles.iter();
    sizes
        .map(|(name, font)| (name.clone(), font.size))
        .collect()
}

/// The area of the largest plot.
fn largest_plot(harness: &Harness<'_, App>) -> f32 {
    let plots = harness.query_all_by_role(Role::Image);
    let plots = plots.filter(|plot| {
        let label = plot.accesskit_node().label().unwrap_or_default();
        !label.starts_with("The picture.")
    });
    plots.map(|plot| plot.rect().area()).fold(0.0, f32::max)
}

#[test]
fn letters_are_larger_in_a_large_window() {
    let [usual, large] = [LAPTOP, LARGE].map(|size| letters(&at("#tab=alignment", size)));
    for ((name, usual), (_, large)) in usual.into_iter().zip(large) {
        assert!(usual >= 13.0, "{name:?}: {usual}");
        assert!(large >= 1.15 * usual, "{name:?}: {usual} and {large}");
    }
}

#[test]
fn a_window_that_becomes_smaller_has_smaller_letters_again() {
    let mut harness = at("#tab=alignment", LARGE);
    harness.set_size(LAPTOP.into());
    harness.run_steps(4);
    assert_eq!(letters(&harness), letters(&at("#tab=alignment", LAPTOP)));
}

#[test]
fn plots_take_their_share_of_a_large_window() {
    for link in VIEWS {
        let [usual, large] = [LAPTOP, LARGE].map(|size| largest_plot(&at(link, size)));
        // The window has 2.25 times the area.
        assert!(large >= 1.6 * usual, "{link}: {usual} and {large}");
    }
}

/// No view ends before three quarters of a large window.
#[test]
fn a_large_window_is_not_left_empty() {
    for link in VIEWS {
        // Its pictures come from the engine.
        if View::from_link(link).tab == Tab::Ask {
            continue;
        }
        let harness = at(link, LARGE);
        let lowest = widgets(&harness)
            .into_iter()
            .map(|(_, rect, _)| rect.bottom());
        let lowest = lowest.fold(0.0, f32::max);
        assert!(lowest >= 0.75 * LARGE[1], "{link}: down to {lowest}");
    }
}
