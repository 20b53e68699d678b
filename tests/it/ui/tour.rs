//! The tour, and terms explained where they are used.

use eframe::egui::{Key, Rect, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::app::{
    App,
    store::{Tab, View},
    tour::{self, Chapter, Places},
};

use super::{
    made_up::serve,
    support::{FakeLink, app},
};

fn touring(size: [f32; 2], chapter: Chapter) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = app(size);
    harness.run_ok();
    let context = harness.ctx.clone();
    tour::start(&context, &mut harness.state_mut().store, chapter);
    harness.run_ok();
    (harness, link)
}

#[test]
fn buttons_and_keys_lead_through_a_chapter_and_on() {
    let (mut harness, _link) = touring([1280.0, 720.0], Chapter::Picture);
    harness.get_by_label("Step 1 of 4");
    assert_eq!(harness.state().store.view.tab, Tab::Alignment);
    harness.get_by_label("Next").click();
    harness.run_ok();
    harness.get_by_label("Step 2 of 4");
    assert_eq!(harness.state().store.view.tab, Tab::Eyes);
    harness.key_press(Key::ArrowLeft);
    harness.run_ok();
    harness.get_by_label("Step 1 of 4");
    for _ in 0..3 {
        harness.key_press(Key::ArrowRight);
        harness.run_ok();
    }
    harness.get_by_label("Step 4 of 4");
    assert!(!harness.state().store.tour_seen);
    harness.get_by_label("On to: How far apart?").click();
    harness.run_ok();
    harness.get_by_label("Step 1 of 5");
    harness.get_by_label("What is at stake");
    // Back stays within the chapter.
    harness.key_press(Key::ArrowLeft);
    harness.run_ok();
    harness.get_by_label("Step 1 of 5");
    for _ in 0..4 {
        harness.key_press(Key::ArrowRight);
        harness.run_steps(4);
    }
    harness.get_by_label("Step 5 of 5");
    harness.get_by_label("Done").click();
    harness.run_steps(4);
    assert!(harness.state().store.tour_seen);
    assert!(harness.query_by_label("Step 5 of 5").is_none());
}

#[test]
fn it_comes_by_the_questions() {
    let (mut harness, link) = touring([1280.0, 720.0], Chapter::Picture);
    for _ in 0..3 {
        harness.key_press(Key::ArrowRight);
        harness.run_ok();
    }
    harness.get_by_label("What it answers");
    assert_eq!(harness.state().store.view.tab, Tab::Ask);
    link.tell([super::ask::pictures()]);
    harness.run_ok();
    let card = harness.get_by_label("How many objects are there?").rect();
    let sheet = harness.get_by_label("Done").rect();
    assert!(
        card.is_positive() && !card.intersects(sheet),
        "{card:?}, {sheet:?}"
    );
}

#[test]
fn escape_leaves_it_for_good() {
    let (mut harness, _link) = touring([1280.0, 720.0], Chapter::Picture);
    harness.key_press(Key::Escape);
    harness.run_ok();
    assert!(!harness.state().store.tour.is_on());
    assert!(harness.state().store.tour_seen);
}

#[test]
fn a_step_waits_for_a_click_on_a_patch() {
    let (mut harness, link) = touring([1280.0, 720.0], Chapter::Picture);
    let mut served = 0;
    harness.key_press(Key::ArrowRight);
    serve(&mut harness, &link, &mut served);
    harness.get_by_label("Click any patch of the image.");
    let frame = harness.get_by_label_contains("Image of pair").rect();
    // The last patch: the recorded words are of others.
    let point = Rect::from_min_size(frame.min, frame.size() - vec2(4.0, 4.0)).max;
    harness.hover_at(point);
    harness.drag_at(point);
    harness.run_ok();
    harness.drop_at(point);
    harness.run_ok();
    harness.get_by_label("That is one vision token.");
}

#[test]
fn on_a_phone_its_sheet_lies_at_the_bottom() {
    let (harness, _link) = touring([390.0, 844.0], Chapter::Picture);
    let next = harness.get_by_label("Next").rect();
    assert!(next.bottom() > 700.0 && next.bottom() <= 844.0, "{next:?}");
    assert!(next.right() <= 390.0);
}

#[test]
fn one_training_is_told_with_the_recorded_numbers() {
    let (mut harness, _link) = touring([1280.0, 720.0], Chapter::Distance);
    for _ in 0..4 {
        harness.key_press(Key::ArrowRight);
        harness.run_steps(4);
    }
    harness.get_by_label("Step 5 of 5");
    assert_eq!(
        harness.state().store.training.playing,
        None,
        "not behind the sheet"
    );
    let words = harness.state().store.along_training().unwrap();
    let labels = harness.query_all_by_label_contains(&words);
    // On the sheet and under the charts.
    assert_eq!(labels.count(), 2, "{words}");
    let steps = harness.state().store.riddles.steps();
    assert!(words.contains(&format!("{:.3} (", steps[0].mir)), "{words}");
}

#[test]
fn a_term_explains_itself_to_the_keyboard_and_the_pointer() {
    const WORDS: &str = "Reads a token's vector as if it left the model right here";
    let (mut harness, link) = app([1280.0, 1000.0]);
    let mut served = 0;
    harness.state_mut().store.tour_seen = true;
    harness.state_mut().store.view.tab = Tab::Eyes;
    serve(&mut harness, &link, &mut served);
    let shown = |harness: &Harness<'_, App>| {
        let mut labels = harness.query_all_by_label_contains(WORDS);
        labels.next().is_some()
    };
    assert!(!shown(&harness));
    harness.get_by_label("logit lens").focus();
    harness.run_ok();
    assert!(shown(&harness));
    let described = harness
        .query_all_by_label("logit lens")
        .find(|node| node.is_focused())
        .unwrap()
        .accesskit_node()
        .data()
        .description()
        .map(str::to_owned);
    assert!(described.is_some_and(|words| words.starts_with(WORDS)));
}

/// The sheet has a place where its landmark is not, and the landmark begins in what is left of the window.
#[test]
fn the_sheet_never_lies_over_what_it_is_about() {
    let (mut wrong, mut steps) = (Vec::new(), 0);
    for size in [[1280.0, 720.0], [1920.0, 1080.0], [390.0, 844.0]] {
        for chapter in Chapter::ALL {
            let (mut harness, _link) = touring(size, chapter);
            while harness.state().store.tour.is_on() {
                harness.run_steps(12);
                let store = &harness.state().store;
                let places = tour::places(&harness.ctx, store);
                let fault = places.map_or(Some("no landmark"), fault);
                let step = &store.view.step;
                wrong.extend(fault.map(|words| format!("{step} in {size:?}: {words}, {places:?}")));
                steps += 1;
                harness.key_press(Key::ArrowRight);
                harness.run_steps(2);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(steps, 3 * (4 + 5 + 5));
}

#[test]
fn the_step_about_length_leaves_its_chart_to_be_seen() {
    const CHART: &str = "Norm of vision tokens over norm of text tokens.";
    for size in [[1280.0, 720.0], [1920.0, 1080.0], [390.0, 844.0]] {
        let (mut harness, _link) = app(size);
        harness
            .state_mut()
            .store
            .restore(View::from_link("#step=length"));
        harness.run_steps(20);
        harness.get_by_label("Why its length differs");
        let chart = harness.get_by_label_contains(CHART).rect();
        let places = tour::places(&harness.ctx, &harness.state().store).unwrap();
        assert!(!chart.intersects(places.sheet), "{chart:?}, {places:?}");
        assert!(
            places.seen.expand(1.0).contains_rect(chart),
            "{chart:?}, {places:?}"
        );
    }
}

/// What is wrong with where the sheet and its landmark are.
fn fault(
    Places {
        sheet,
        landmark,
        seen,
    }: Places,
) -> Option<&'static str> {
    // Of a large one a part is enough to begin with.
    let least = landmark.size().min(vec2(200.0, 200.0));
    if sheet.intersects(seen) {
        Some("the sheet lies over the landmark")
    } else if seen.width() < least.x || seen.height() < least.y {
        Some("too little of the landmark is in sight")
    } else if seen.top() > landmark.top() + 16.0 {
        Some("the landmark's beginning is out of sight")
    } else {
        None
    }
}
