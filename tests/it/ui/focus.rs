//! What has the keyboard's focus shows it.

use std::collections::{BTreeSet, HashSet};

use eframe::egui::{Id, Key, Pos2, Rect, Shape, vec2};
use egui_kittest::{Harness, Node, kittest::NodeT};
use mirscope::app::{App, store::View};

use super::{scale::VIEWS, support::opened};

/// More than any view has.
const MOST: usize = 400;

/// What has the focus: its label, its role, its place.
fn focused(harness: &Harness<'_, App>) -> Option<(String, String, Rect)> {
    fn find<'a>(node: Node<'a>) -> Option<Node<'a>> {
        if node.is_focused() && node.accesskit_node().bounding_box().is_some() {
            return Some(node);
        }
        node.children().find_map(find)
    }
    let node = find(harness.root())?;
    let inner = node.accesskit_node();
    let label = inner.label().or_else(|| inner.value()).unwrap_or_default();
    Some((label, format!("{:?}", inner.role()), node.rect()))
}

/// What is drawn at a place and belongs to it alone: nothing that reaches far beyond.
fn drawn(harness: &Harness<'_, App>, place: Rect) -> Vec<Shape> {
    let around = place.expand(8.0);
    let shapes = harness.output().shapes.iter();
    let here = shapes.filter(|it| {
        let rect = it.shape.visual_bounding_rect();
        rect.is_positive() && around.contains_rect(rect)
    });
    here.map(|it| it.shape.clone()).collect()
}

#[test]
fn every_control_comes_into_sight_and_shows_that_it_has_the_focus() {
    let (mut without, mut hidden, mut looked_at) = (BTreeSet::new(), BTreeSet::new(), 0);
    let window = Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 720.0));
    for link in VIEWS {
        let (mut harness, _link) = opened([1280.0, 720.0]);
        harness.state_mut().store.restore(View::from_link(link));
        harness.run_steps(6);
        let mut known: HashSet<Id> = HashSet::new();
        for _ in 0..MOST {
            harness.key_press(Key::Tab);
            harness.run_steps(4);
            let Some(id) = harness.ctx.memory(|memory| memory.focused()) else {
                continue;
            };
            if !known.insert(id) {
                break;
            }
            let (label, role, place) = focused(&harness).unwrap_or_else(|| {
                panic!("{link}: what has the focus is told to nobody, {known:?}")
            });
            // Of what is higher than the window a part.
            let seen = place.intersect(window);
            if !seen.is_positive() || seen.height() < place.height().min(28.0) - 1.0 {
                hidden.insert(format!(
                    "{link}: {role} \u{201c}{label:.60}\u{201d} at {place:?}"
                ));
            }
            let with = drawn(&harness, place);
            harness.ctx.memory_mut(|memory| memory.surrender_focus(id));
            harness.run_steps(2);
            let plain = drawn(&harness, place);
            harness.ctx.memory_mut(|memory| memory.request_focus(id));
            harness.run_steps(2);
            looked_at += 1;
            if with == plain {
                without.insert(format!(
                    "{link}: {role} \u{201c}{label:.60}\u{201d} at {place:?}"
                ));
            }
        }
        assert!(
            known.len() > 8 && known.len() < MOST,
            "{link}: {}",
            known.len()
        );
    }
    let hidden: Vec<String> = hidden.into_iter().collect();
    assert!(hidden.is_empty(), "out of sight:\n{}", hidden.join("\n"));
    let without: Vec<String> = without.into_iter().collect();
    assert!(
        without.is_empty(),
        "of {looked_at}:\n{}",
        without.join("\n")
    );
}
