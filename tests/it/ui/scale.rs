//! Twice as large letters, and a phone: nothing is cut off.

use std::collections::BTreeMap;

use eframe::egui::{Pos2, Rect, Role};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT, Queryable},
};
use mirscope::app::{
    App,
    store::{Tab, View},
};

use super::support::opened;

/// All views, by their links.
pub(super) const VIEWS: [&str; 15] = [
    "#part=riddle",
    "#part=trainings",
    "#part=steps",
    "#tab=alignment",
    "#tab=eyes",
    "#tab=eyes&words=true&layer=6",
    "#tab=eyes&follow=4",
    "#tab=ask",
    "#tab=ellipses",
    "#tab=ellipses&longer=true",
    "#tab=what-if&what_if_shows=run",
    "#tab=compare",
    "#tab=study",
    "#tab=data",
    "#tab=reference",
];

/// A window's size in pixels, and how large letters are in it.
const WINDOWS: [([f32; 2], f32); 3] = [
    ([1280.0, 720.0], 2.0),
    ([390.0, 844.0], 1.0),
    ([390.0, 844.0], 2.0),
];

fn at(link: &str, size: [f32; 2], scale: f32) -> Harness<'static, App> {
    let (mut harness, _link) = opened(size.map(|side| side / scale));
    harness.state_mut().store.restore(View::from_link(link));
    harness.run_steps(4);
    harness
}

/// A widget that says something: which, where, and its words.
pub(super) type Widget = (String, Rect, String);

/// The same for a widget in each frame.
fn key(node: &Node<'_>) -> String {
    format!("{:?}", node.accesskit_node().id())
}

/// Every widget that says something.
pub(super) fn widgets(harness: &Harness<'_, App>) -> Vec<Widget> {
    fn add(node: Node<'_>, found: &mut Vec<Widget>) {
        let inner = node.accesskit_node();
        let words = inner.label().or_else(|| inner.value()).unwrap_or_default();
        // What only holds others has no place.
        if inner.bounding_box().is_some() && !words.is_empty() {
            found.push((key(&node), node.rect(), words));
        }
        for child in node.children() {
            add(child, found);
        }
    }
    let mut found = Vec::new();
    add(harness.root(), &mut found);
    found
}

/// Scrolls until a widget can be seen, and says where it is then.
fn scrolled_to(harness: &mut Harness<'_, App>, id: &str) -> Option<Rect> {
    fn find<'a>(node: Node<'a>, id: &str) -> Option<Node<'a>> {
        if key(&node) == id {
            return Some(node);
        }
        node.children().find_map(|child| find(child, id))
    }
    find(harness.root(), id)?.scroll_to_me();
    harness.run_steps(6);
    Some(find(harness.root(), id)?.rect())
}

/// Whatever lies beyond an edge of the window at the side can be scrolled to; then all of its width is inside.
#[test]
fn nothing_is_cut_off_sideways() {
    let mut lost = Vec::new();
    for (size, scale) in WINDOWS {
        for link in VIEWS {
            let mut harness = at(link, size, scale);
            let window = Rect::from_min_size(Pos2::ZERO, (size[0] / scale, size[1] / scale).into());
            // The margins of the window are seen, too: otherwise a card goes on beyond its edge.
            let inside = |rect: Rect| rect.left() > 4.0 && rect.right() < window.right() - 4.0;
            let all = widgets(&harness);
            let aside = all.iter().filter(|(_, rect, _)| !inside(*rect));
            // One of each column of a table: it can be scrolled sideways.
            let columns: BTreeMap<i32, &Widget> =
                aside.map(|it| (it.1.left().round() as i32, it)).collect();
            for (id, before, words) in columns.into_values() {
                let Some(after) = scrolled_to(&mut harness, id) else {
                    continue;
                };
                if !inside(after) && !in_parts(&harness, window, after) {
                    lost.push(format!(
                        "{link}, {size:?} at {scale}: \u{201c}{words:.60}\u{201d} at {before:?}, then {after:?}"
                    ));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// Whether a cell of a table is wider than its place, so that it is seen in parts, to which arrows lead.
fn in_parts(harness: &Harness<'_, App>, window: Rect, cell: Rect) -> bool {
    let arrows = harness.query_all_by_label_contains("More on the").count();
    // Cards and their margins take 46 points.
    arrows > 0 && cell.width() > window.width() - 46.0 && window.x_range().contains(cell.center().x)
}

/// What can be pressed, and is seen: where and its words.
fn controls(harness: &Harness<'_, App>, window: Rect) -> Vec<(Rect, String)> {
    fn add(node: Node<'_>, found: &mut Vec<(Rect, String)>) {
        let inner = node.accesskit_node();
        let pressed = matches!(
            inner.role(),
            Role::Button
                | Role::Tab
                | Role::CheckBox
                | Role::Slider
                | Role::ComboBox
                | Role::RadioButton
        );
        if pressed && inner.bounding_box().is_some() {
            found.push((node.rect(), inner.label().unwrap_or_default()));
        }
        for child in node.children() {
            add(child, found);
        }
    }
    let mut found = Vec::new();
    add(harness.root(), &mut found);
    found.retain(|(rect, label)| {
        // The arrows lie over what they move.
        window.intersects(*rect) && !label.starts_with("More ")
    });
    found
}

#[test]
fn no_control_lies_over_another() {
    let mut wrong = Vec::new();
    for (size, scale) in WINDOWS {
        for link in VIEWS {
            let harness = at(link, size, scale);
            let window = Rect::from_min_size(Pos2::ZERO, (size[0] / scale, size[1] / scale).into());
            let all = controls(&harness, window);
            for (index, (one, name)) in all.iter().enumerate() {
                for (other, second) in &all[index + 1..] {
                    let both = one.intersect(*other);
                    if both.is_positive() && both.area() > 0.1 * one.area().min(other.area()) {
                        wrong.push(format!(
                            "{link}, {size:?} at {scale}: {name} {one:?}, {second} {other:?}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What lies lowest in each column of a view can be scrolled to, past whatever scrolls inside the view.
#[test]
fn nothing_is_cut_off_below() {
    let mut lost = Vec::new();
    for (size, scale) in WINDOWS {
        for link in VIEWS {
            let mut harness = at(link, size, scale);
            let window = Rect::from_min_size(Pos2::ZERO, (size[0] / scale, size[1] / scale).into());
            let inside = |rect: Rect| rect.top() > -1.0 && rect.bottom() < window.bottom() + 1.0;
            let mut all = widgets(&harness);
            all.sort_by(|a, b| b.1.bottom().total_cmp(&a.1.bottom()));
            let mut columns = BTreeMap::new();
            for it in &all {
                columns.entry(it.1.left().round() as i32).or_insert(it);
            }
            let below = columns.into_values().filter(|it| !inside(it.1));
            for (id, before, words) in below {
                let Some(after) = scrolled_to(&mut harness, id) else {
                    continue;
                };
                // Of what is higher than the window a part.
                let fits = after.height() < window.height() / 2.0;
                let seen = after.top() > -1.0 && after.top() < window.bottom();
                if !inside(after) && (fits || !seen) {
                    lost.push(format!(
                        "{link}, {size:?} at {scale}: \u{201c}{words:.60}\u{201d} at {before:?}, then {after:?}"
                    ));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

#[test]
fn every_tab_is_among_the_views() {
    for tab in Tab::ALL {
        assert!(
            VIEWS.iter().any(|link| View::from_link(link).tab == tab),
            "{tab:?}"
        );
    }
}
