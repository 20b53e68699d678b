//! The image as the model sees it, the words its patches are nearest to, and where words look.

pub mod attention;
mod chooser;
pub mod desk;
mod follow;
pub mod image;
pub mod lens;
pub mod place;
pub mod text;
mod tokens;
mod words;

use eframe::egui;

use super::states::{Missing, Wish, missing};
use crate::{
    app::{
        downward,
        glossary::prose,
        landmark::{Landmark, mark},
        letters, picture,
        store::{Store, View},
        theme::{self, GAP},
    },
    report::TokenKind,
};
use desk::Desk;
use place::middle;

/// From this width on, the image stands beside the words instead of above them.
const TWO_COLUMNS: f32 = 820.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let hovered = store.hover.token;
    downward::page(ui, "eyes", |ui| {
        let wish = if chooser::pairs(store).is_empty() {
            nothing_to_see(ui, store)
        } else {
            theme::card(ui, |ui| {
                ui.set_min_width(ui.available_width());
                if ui.available_width() < TWO_COLUMNS {
                    chooser::show(ui, store);
                    ui.horizontal_wrapped(|ui| follow::choice(ui, &mut store.view));
                } else {
                    ui.horizontal(|ui| {
                        chooser::show(ui, store);
                        ui.add_space(8.0);
                        follow::choice(ui, &mut store.view);
                    });
                }
            });
            theme::gap(ui);
            pair(ui, store, hovered)
        };
        if let Some(wish) = wish {
            wish.carry_out(store);
        }
    });
}

/// No pair of this run can be looked at.
fn nothing_to_see(ui: &mut egui::Ui, store: &mut Store) -> Option<Wish> {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.heading("Look through the model's eyes");
        prose(
            ui,
            "See the image in the {patches} that the model gets, the words likeliest to come next \
             after each {vision token}, {layer} by layer, and where each word looks in the image.",
        );
        ui.add_space(GAP / 2.0);
        let gap = Missing::of(&store.pair(store.view.pair)).unwrap_or(Missing::NotLive);
        missing(ui, store, &gap, "the inside of the model")
    })
}

fn pair(ui: &mut egui::Ui, store: &mut Store, hovered: Option<(usize, usize)>) -> Option<Wish> {
    let index = store.view.pair;
    if let Some(gap) = Missing::of(&store.pair(index)) {
        return theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            missing(ui, store, &gap, &format!("pair {}", index + 1))
        });
    }
    pick(store);
    let View {
        patch,
        query,
        layer,
        ..
    } = store.view;
    let (state, following) = (store.view.state(), store.view.follow.is_some());
    let words_gap = (store.view.words && !following)
        .then(|| Missing::of(&store.patch_words(index, state)))
        .flatten();
    let path_gap = (patch.filter(|_| following)).and_then(|patch| follow::gap(store, index, patch));
    let lens_gap = patch.map(|patch| Missing::of(&store.logit_lens(index, patch)));
    let attention_gap = query.map(|query| Missing::of(&store.attention(index, query, layer)));

    let shown: &Store = store;
    let run = shown.run()?;
    let lens = patch.and_then(|patch| run.lenses.get(&(index, patch)));
    let words = run.patch_words.get(&(index, state));
    let row = query.and_then(|query| run.attention.get(&(index, query, layer)));
    let recorded = match run.kept {
        Some(_) => Vec::new(),
        None if following => positions(run.paths.keys(), index),
        None => positions(run.lenses.keys(), index),
    };
    let pair = run.pairs.get(&index)?;
    // Where all are, a mark says nothing.
    let vision = pair
        .tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Vision);
    let recorded = match vision.count() == recorded.len() {
        true => Vec::new(),
        false => recorded,
    };
    let mut desk = Desk {
        number: run.number,
        called: format!("pair {}", index + 1),
        layers: run.report.layers.len(),
        recorded,
        pair,
        view: shown.view.clone(),
        hovered: hovered.and_then(|(pair, position)| (pair == index).then_some(position)),
        hover: None,
        lens: lens.ok_or(lens_gap.flatten()),
        attention: row.ok_or(attention_gap.flatten()),
        can_show_words: true,
        words: words.ok_or(words_gap),
        wish: None,
    };
    match following {
        true => follow::show(ui, &mut desk, shown, path_gap),
        false => panels(ui, &mut desk, shown),
    }
    let Desk {
        view, hover, wish, ..
    } = desk;
    store.view = view;
    if let Some(position) = hover {
        store.hover.point_at(index, position);
    }
    wish
}

fn panels(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let room = ui.available_width();
    if room < TWO_COLUMNS {
        image_card(ui, desk, store);
        theme::gap(ui);
        words(ui, desk, store);
        return;
    }
    // The card is as wide as its image; its margins are 15 a side.
    let most = egui::vec2(
        (room * 0.42).min(letters::chart(ui, 640.0)) - 30.0,
        image::tallest(ui, desk.view.words),
    );
    let fitted = picture::fitted_of(desk.pair, desk.picture(), most);
    let left = fitted.x.max(300.0) + 30.0;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.vertical(|ui| {
            ui.set_width(left);
            image_card(ui, desk, store);
        });
        ui.vertical(|ui| {
            ui.set_width(room - left - GAP);
            words(ui, desk, store);
        });
    });
}

fn image_card(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let card = ui.scope(|ui| theme::card(ui, |ui| image::show(ui, desk, store)));
    mark(ui, Landmark::Image, card.response.rect);
}

/// Tokens, layer, lens and attention.
fn words(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let card = ui.scope(|ui| {
        theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            tokens::show(ui, desk);
        });
    });
    mark(ui, Landmark::Tokens, card.response.rect);
    theme::gap(ui);
    let room = ui.available_width();
    if room < 1000.0 {
        lens_card(ui, desk, store);
        theme::gap(ui);
        attention_card(ui, desk, store);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.vertical(|ui| {
            ui.set_width(room * 0.58);
            lens_card(ui, desk, store);
        });
        ui.vertical(|ui| {
            ui.set_width(room * 0.42 - GAP);
            attention_card(ui, desk, store);
        });
    });
}

fn lens_card(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let card = ui.scope(|ui| {
        theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            lens::show(ui, desk, store);
        });
    });
    mark(ui, Landmark::Lens, card.response.rect);
}

fn attention_card(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let card = ui.scope(|ui| {
        theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            attention::show(ui, desk, store);
        });
    });
    mark(ui, Landmark::Attention, card.response.rect);
}

/// The positions of a pair among known ones.
fn positions<'a>(known: impl Iterator<Item = &'a (usize, usize)>, index: usize) -> Vec<usize> {
    known
        .filter(|(of, _)| *of == index)
        .map(|(_, position)| *position)
        .collect()
}

/// Whether a token is a word rather than a mark or a piece of one.
fn is_word(text: &str) -> bool {
    let word = text.trim();
    word.chars().count() > 2 && word.chars().all(char::is_alphabetic)
}

/// Selects a patch and a word where none is selected, so that there is something to see: of a recording
/// those that are part of it, else the middle of the image and the last word.
fn pick(store: &mut Store) {
    let live = store.is_live();
    let index = store.view.pair;
    let Some(run) = store.run() else { return };
    let Some(pair) = run.pairs.get(&index) else {
        return;
    };
    let kind = |position: usize| pair.tokens.get(position).map(|token| token.kind);
    let mut patch = store.view.patch;
    if store.view.follow.is_some() && !live {
        // Of a recording only some have their way recorded.
        patch = patch.filter(|&at| run.paths.contains_key(&(index, at)));
    }
    let mut query = store.view.query;
    patch = patch.filter(|&at| kind(at) == Some(TokenKind::Vision));
    query = query.filter(|&at| kind(at).is_some_and(|kind| kind != TokenKind::Vision));
    if patch.is_none() {
        let told = positions(run.lenses.keys(), index).into_iter().min();
        patch = if live {
            middle(pair, 0)
        } else {
            // Those that say most.
            positions(run.paths.keys(), index)
                .into_iter()
                .min()
                .or(told)
        };
    }
    if query.is_none() {
        let recorded = run.attention.keys().filter(|(of, ..)| *of == index);
        query = if live {
            let mut tokens = pair.tokens.iter();
            tokens.rposition(|token| token.kind == TokenKind::Text && is_word(&token.text))
        } else {
            recorded.map(|(_, position, _)| *position).min()
        };
    }
    store.view.patch = patch;
    store.view.query = query;
}
