//! A document of several images through the model's eyes.

use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{app::App, report::TokenKind};

use super::{
    eyes::{click_at, image, live, patch_center},
    made_up::{DOCUMENT, GRID, document, serve},
    support::FakeLink,
};

fn opened() -> (Harness<'static, App>, FakeLink, usize) {
    let (mut harness, link, mut served) = live([1280.0, 900.0]);
    harness.state_mut().store.view.pair = DOCUMENT;
    serve(&mut harness, &link, &mut served);
    (harness, link, served)
}

#[test]
fn each_image_is_shown_with_its_own_tokens() {
    let (mut harness, link, mut served) = opened();
    let view = document(DOCUMENT);
    for number in [1, 2] {
        harness.get_by_label("Next image").click();
        serve(&mut harness, &link, &mut served);
        let selected = harness.state().store.view.patch.unwrap();
        assert_eq!(view.picture_of(selected), Some(number));
    }
    harness.get_by_label("Previous image").click();
    serve(&mut harness, &link, &mut served);
    let frame = image(&harness);
    click_at(&mut harness, patch_center(frame, 6));
    serve(&mut harness, &link, &mut served);
    let selected = harness.state().store.view.patch;
    assert_eq!(selected, view.position_of(1, 6));
    let place = harness.query_all_by_label_contains("image 2: row 2, column 3");
    assert!(place.count() > 0);
    // The last word of the first image's text cannot look at the second.
    harness.get_by_label_contains("This image comes after the word");
}

#[test]
fn tokens_of_no_place_are_a_grid_beside_the_image() {
    let (mut harness, link, mut served) = opened();
    let sentence = "a token stands for no place in it";
    assert!(harness.query_by_label_contains(sentence).is_none());
    for _ in 0..2 {
        harness.get_by_label("Next image").click();
        serve(&mut harness, &link, &mut served);
    }
    harness.get_by_label_contains(sentence);
    let before = harness.state().store.view.patch;
    let frame = image(&harness);
    click_at(&mut harness, patch_center(frame, 3));
    serve(&mut harness, &link, &mut served);
    assert_eq!(harness.state().store.view.patch, before, "nothing to hit");
    // Their squares still choose them.
    let all: Vec<_> = harness
        .query_all_by_label_contains("16 vision tokens")
        .collect();
    assert_eq!(all.len(), 3);
    let squares = all[2].rect();
    drop(all);
    click_at(&mut harness, squares.min + eframe::egui::Vec2::splat(2.0));
    serve(&mut harness, &link, &mut served);
    let chosen = harness.state().store.view.patch.unwrap();
    let view = document(DOCUMENT);
    assert_eq!(view.positions_of(2).next(), Some(chosen));
    assert_eq!(view.tokens[chosen].kind, TokenKind::Vision);
    assert_eq!(view.positions_of(2).count(), GRID[0] * GRID[1]);
}
