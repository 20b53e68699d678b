//! What lies under the fold is announced, in every view.

use eframe::egui::Rect;
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::app::{App, store::View};

use super::{
    scale::{VIEWS, widgets},
    support::{FakeLink, opened},
};

const MORE: &str = "More below";

fn at(link: &str, size: [f32; 2]) -> Harness<'static, App> {
    let (mut harness, _link) = opened(size);
    harness.state_mut().store.restore(View::from_link(link));
    harness.run_steps(6);
    harness
}

#[test]
fn a_view_that_goes_on_below_says_so() {
    let mut wrong = Vec::new();
    for size in [[1280.0, 720.0], [1920.0, 1080.0], [390.0, 844.0]] {
        for link in VIEWS {
            let harness = at(link, size);
            let lowest = widgets(&harness)
                .into_iter()
                .map(|(_, rect, _)| rect.bottom());
            let lowest = lowest.fold(0.0, f32::max);
            let hint = harness.query_by_label(MORE).map(|hint| hint.rect());
            let seen =
                hint.is_some_and(|hint| hint.bottom() <= size[1] && hint.top() > 0.8 * size[1]);
            if seen != (lowest > size[1] + 16.0) {
                wrong.push(format!(
                    "{link} in {size:?}: {hint:?}, content down to {lowest}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_arrow_moves_on_until_nothing_is_left() {
    let mut harness = at("#tab=alignment", [1280.0, 720.0]);
    let place =
        |harness: &Harness<'_, App>| -> Rect { harness.get_by_label("Other quantities").rect() };
    let before = place(&harness);
    harness.get_by_label(MORE).click();
    harness.run_steps(20);
    let after = place(&harness);
    let moved = before.top() - after.top();
    // Most of what was seen, so that a part of it is still there.
    assert!((300.0..640.0).contains(&moved), "{moved}");
    for _ in 0..10 {
        let Some(arrow) = harness.query_by_label(MORE) else {
            break;
        };
        arrow.click();
        harness.run_steps(20);
    }
    assert!(harness.query_by_label(MORE).is_none());
}

#[test]
fn an_app_that_is_opened_again_begins_at_the_top() {
    const LINK: &str = "#tab=alignment";
    let mut harness = at(LINK, [1280.0, 720.0]);
    let top = |harness: &Harness<'_, App>| harness.get_by_label("Other quantities").rect().top();
    let before = top(&harness);
    harness.get_by_label(MORE).click();
    harness.run_steps(20);
    assert!(top(&harness) < before - 100.0);
    // What egui keeps between visits stays in its context.
    let mut again = App::new(&harness.ctx, Box::new(FakeLink::default()));
    again.store.restore(View::from_link(LINK));
    *harness.state_mut() = again;
    harness.run_steps(6);
    assert_eq!(top(&harness), before);
}
