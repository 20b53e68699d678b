//! Looking through the model's eyes.

use eframe::egui::{Event, Key, PointerButton, Pos2, Rect};
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{Tab, View},
    },
    engine::{Command, Explore},
};

use super::{
    made_up::{GRID, lens, position, serve, word},
    support::{FakeLink, app},
    what_if::said,
};

pub fn live(size: [f32; 2]) -> (Harness<'static, App>, FakeLink, usize) {
    let (mut harness, link) = app(size);
    let mut served = 0;
    let store = &mut harness.state_mut().store;
    store.tour_seen = true;
    store.run_demo(None, None);
    serve(&mut harness, &link, &mut served);
    harness.state_mut().store.view.tab = Tab::Eyes;
    serve(&mut harness, &link, &mut served);
    (harness, link, served)
}

fn asked(link: &FakeLink, question: &Explore) -> bool {
    let commands = &link.0.borrow().commands;
    commands
        .iter()
        .any(|command| matches!(command, Command::Explore(asked) if asked == question))
}

pub fn click_at(harness: &mut Harness<'_, App>, point: Pos2) {
    harness.hover_at(point);
    harness.run_ok();
    for pressed in [true, false] {
        harness.event(Event::PointerButton {
            pos: point,
            button: PointerButton::Primary,
            pressed,
            modifiers: Default::default(),
        });
        harness.run_ok();
    }
}

pub fn image(harness: &Harness<'_, App>) -> Rect {
    harness.get_by_label_contains("Image of pair").rect()
}

pub fn patch_center(frame: Rect, patch: usize) -> Pos2 {
    let share = |index: usize, of: usize| (index as f32 + 0.5) / of as f32;
    frame.min
        + eframe::egui::vec2(
            frame.width() * share(patch % GRID[1], GRID[1]),
            frame.height() * share(patch / GRID[1], GRID[0]),
        )
}

#[test]
fn a_click_on_a_patch_asks_for_its_words() {
    let (mut harness, link, mut served) = live([1280.0, 720.0]);
    let frame = image(&harness);
    click_at(&mut harness, patch_center(frame, 6));
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.patch, Some(position(6)));
    let question = Explore::LogitLens {
        pair: 0,
        position: position(6),
    };
    assert!(asked(&link, &question));
    let likeliest = lens(0, position(6)).states[6].tokens[0].probability;
    let row = format!("layer 6: apple {:.1} %", likeliest * 100.0);
    harness.get_by_label_contains(&row).click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.layer, 6);
}

#[test]
fn the_patch_under_the_pointer_is_told() {
    let (mut harness, _link, _) = live([1280.0, 720.0]);
    let frame = image(&harness);
    harness.hover_at(patch_center(frame, 9));
    harness.run_ok();
    assert_eq!(harness.state().store.hover.token, Some((0, position(9))));
    assert!(
        harness
            .query_all_by_label_contains("row 3, column 2")
            .next()
            .is_some()
    );
    harness.remove_cursor();
    harness.run_ok();
    assert_eq!(harness.state().store.hover.token, None);
}

#[test]
fn arrow_keys_walk_over_pairs_and_patches() {
    let (mut harness, link, mut served) = live([1280.0, 720.0]);
    harness.key_press(Key::ArrowRight);
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.pair, 1);
    assert!(asked(&link, &Explore::Pair(1)));
    harness.get_by_label("Next pair").click();
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.pair, 2);
    harness.get_by_label("Pair 1").click();
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.pair, 0);

    harness.get_by_label_contains("Image of pair").focus();
    harness.run_ok();
    let before = harness.state().store.view.patch.unwrap();
    harness.key_press(Key::ArrowUp);
    serve(&mut harness, &link, &mut served);
    let after = harness.state().store.view.patch.unwrap();
    assert_eq!(before - after, GRID[1]);
    assert_eq!(harness.state().store.view.pair, 0, "the pair stays");
}

#[test]
fn a_click_on_a_word_asks_where_it_looks() {
    let (mut harness, link, mut served) = live([1280.0, 1000.0]);
    harness.get_by_label("text token picture").click();
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.query, Some(word(1)));
    let question = Explore::Attention {
        pair: 0,
        position: word(1),
        layer: 1,
    };
    assert!(asked(&link, &question));
    // Half of the mean is even over 21 tokens, 16 of them vision; the other half sits on a patch.
    assert_eq!(
        harness.query_all_by_label_contains("to the image").count(),
        2
    );
    assert!(
        harness
            .query_by_label_contains("Attention from 0 to")
            .is_some()
    );
    harness.get_by_label("show on the image").click();
    harness.run_ok();
    assert!(
        harness
            .query_by_label_contains("Attention from 0 to")
            .is_none()
    );
}

#[test]
fn a_phone_shows_all_of_it() {
    let (mut harness, _link, _) = live([390.0, 844.0]);
    harness.run_ok();
    let frame = image(&harness);
    assert!(frame.left() >= 0.0 && frame.right() <= 390.0, "{frame:?}");
    assert!(harness.query_by_label_contains("layer 6:").is_some());
}

/// The words over the image, as they are told to those who do not see them.
fn over_the_image(harness: &Harness<'_, App>) -> Vec<String> {
    let node = harness.get_by_label_contains("Words over the image, row by row: ");
    let label = said(&node);
    let words = label.rsplit(": ").next().unwrap();
    words.split(", ").map(str::to_owned).collect()
}

#[test]
fn words_lie_over_the_image_layer_by_layer() {
    let (mut harness, link, mut served) = live([1280.0, 900.0]);
    harness.get_by_label_contains("Attention from 0 to");
    harness.get_by_label("Show on the image: words").click();
    serve(&mut harness, &link, &mut served);
    let question = |state| Explore::PatchWords { pair: 0, state };
    assert!(asked(&link, &question(1)));
    let words = over_the_image(&harness);
    assert_eq!(words.len(), GRID[0] * GRID[1]);
    assert_eq!((&words[0][..], &words[15][..]), ("w100", "w115"));
    // Attention has given way, and what the words do not say is said.
    assert!(
        harness
            .query_by_label_contains("Attention from 0 to")
            .is_none()
    );
    harness.get_by_label_contains("not a name of what is seen");
    harness.state_mut().store.select_state(4);
    serve(&mut harness, &link, &mut served);
    assert!(asked(&link, &question(4)));
    assert_eq!(over_the_image(&harness)[3], "w403");
    harness.get_by_label("Show on the image: attention").click();
    serve(&mut harness, &link, &mut served);
    harness.get_by_label_contains("Attention from 0 to");
}

#[test]
fn the_recording_has_the_words_of_all_patches() {
    let (mut harness, link) = app([1280.0, 900.0]);
    harness.state_mut().store.view = View::from_link("#tab=eyes&words=true&layer=6");
    harness.run_ok();
    let run = harness.state().store.run().unwrap();
    let lens = run.lenses[&(0, run.pairs[&0].position_of(0, 9).unwrap())].clone();
    let words = over_the_image(&harness);
    assert_eq!(words.len(), 64);
    assert_eq!(words[9], lens.states[6].tokens[0].text.trim());
    assert!(link.0.borrow().commands.is_empty());
}

#[test]
fn a_patch_is_followed_step_by_step() {
    let (mut harness, link, mut served) = live([1280.0, 900.0]);
    harness.get_by_label("Follow a patch").click();
    serve(&mut harness, &link, &mut served);
    let patch = harness.state().store.view.patch.unwrap();
    let question = |position| Explore::Path { pair: 0, position };
    assert!(asked(&link, &question(patch)));
    harness.get_by_label_contains("step 1 of 10");
    harness.get_by_label("Next step").click();
    serve(&mut harness, &link, &mut served);
    harness.get_by_label("A strip of numbers");
    harness.get_by_label_contains("96 numbers");
    // Without a focus the arrow keys go on and back, and leave the pair alone.
    if let Some(focused) = harness.ctx.memory(|memory| memory.focused()) {
        (harness.ctx).memory_mut(|memory| memory.surrender_focus(focused));
    }
    for _ in 0..3 {
        harness.key_press(Key::ArrowRight);
        serve(&mut harness, &link, &mut served);
    }
    let view = &harness.state().store.view;
    assert_eq!((view.follow, view.layer, view.pair), (Some(4), 1, 0));
    harness.get_by_label_contains("now Layer 1");
    harness.key_press(Key::ArrowLeft);
    serve(&mut harness, &link, &mut served);
    harness.get_by_label("Into the prompt");
    // Another patch, from where the first one is.
    let frame = image(&harness);
    click_at(&mut harness, patch_center(frame, 2));
    serve(&mut harness, &link, &mut served);
    assert!(asked(&link, &question(position(2))));
    assert_eq!(harness.state().store.view.follow, Some(3));
}

#[test]
fn a_followed_patch_plays_to_its_end() {
    let (mut harness, link, mut served) = live([1280.0, 900.0]);
    harness.state_mut().store.view.follow = Some(7);
    serve(&mut harness, &link, &mut served);
    harness.get_by_label("Play all steps").click();
    // A step of the test is a quarter of a second.
    harness.run_steps(4 * 8);
    assert_eq!(harness.state().store.view.follow, Some(9));
    harness.get_by_label("Play all steps");
    harness.get_by_label_contains("It is the last one");
}

#[test]
fn a_recorded_patch_can_be_followed_without_an_engine() {
    let (mut harness, link) = app([1280.0, 900.0]);
    harness.state_mut().store.view = View::from_link("#tab=eyes&follow=6");
    harness.run_ok();
    harness.get_by_label_contains("now Layer 3");
    let store = &harness.state().store;
    let lens = &store.run().unwrap().lenses[&(0, store.view.patch.unwrap())];
    let words = format!("layer 3: {}", lens.states[3].tokens[0].text.trim());
    harness.get_by_label_contains(&words);
    let clouds = harness.query_all_by_label_contains("Vision and text tokens after layer 3");
    assert!(clouds.count() > 0);
    let frame = image(&harness);
    click_at(&mut harness, frame.min + eframe::egui::vec2(3.0, 3.0));
    // That patch's way is not recorded: the recorded one stays.
    harness.run_ok();
    let run = harness.state().store.run().unwrap();
    let patch = harness.state().store.view.patch.unwrap();
    assert!(run.paths.contains_key(&(0, patch)));
    assert!(link.0.borrow().commands.is_empty());
}
