//! Where the model looked for a token of its answer, and what the image tokens say: the views of prompts,
//! over the conversation.

use eframe::egui;

use super::{
    super::{
        eyes::{attention, desk::Desk, image, lens, text},
        states::Missing,
    },
    TWO_COLUMNS,
};
use crate::app::{
    glossary::{Term, term_as},
    store::{Store, ask::Target},
    theme::{self, GAP},
};

/// From this width on, attention and words stand side by side.
const SIDE_BY_SIDE: f32 = 720.0;

/// Width of the picture above the conversation.
const NARROW_PICTURE: f32 = 250.0;

/// Draws the picture as the model sees it, with where it looks; whether there is one.
pub fn image(ui: &mut egui::Ui, store: &mut Store, target: &Target) -> bool {
    let drawn = with_desk(store, target, |desk, store| {
        if desk.pair.pictures.is_empty() {
            return false;
        }
        ui.scope(|ui| {
            ui.set_max_width(picture_width(ui));
            image::show(ui, desk, store);
        });
        true
    });
    drawn.unwrap_or(false)
}

/// The width that the picture may take: on a narrow screen the conversation is to be seen below it.
pub fn picture_width(ui: &egui::Ui) -> f32 {
    let narrow = ui.ctx().content_rect().width() < TWO_COLUMNS;
    match narrow {
        true => ui.available_width().min(NARROW_PICTURE),
        false => ui.available_width(),
    }
}

/// Draws how the selected token shares its attention out, and the words of the selected patch.
pub fn cards(ui: &mut egui::Ui, store: &mut Store, target: &Target) {
    let word = store.talk_token();
    let word = word.and_then(|shown| {
        let turn = store.ask.turns.get(shown.turn)?;
        Some(text::readable(&turn.said.get(shown.token)?.text).into_owned())
    });
    let Some(word) = word else { return };
    with_desk(store, target, |desk, store| {
        theme::gap(ui);
        let room = ui.available_width();
        let seen = !desk.pair.pictures.is_empty();
        if room < SIDE_BY_SIDE || !seen {
            looked(ui, desk, store, &word);
            if seen {
                theme::gap(ui);
                says(ui, desk, store);
            }
            return;
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            ui.vertical(|ui| {
                ui.set_width(room * 0.4);
                looked(ui, desk, store, &word);
            });
            ui.vertical(|ui| {
                ui.set_width(room * 0.6 - GAP);
                says(ui, desk, store);
            });
        });
    });
}

fn looked(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store, word: &str) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.strong(format!("Where it looked to write “{word}”"));
            ui.add_space(4.0);
            term_as(ui, Term::Attention, "attention");
        });
        attention::content(ui, desk, store);
    });
}

fn says(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        lens::show(ui, desk, store);
    });
}

/// Puts the conversation where the views of prompts find it, and takes back what was selected; nothing
/// before the first token.
fn with_desk<T>(
    store: &mut Store,
    target: &Target,
    draw: impl FnOnce(&mut Desk<'_>, &Store) -> T,
) -> Option<T> {
    let position = store.talk_token()?.position;
    if !store.ask.watch && store.ask.looks.token.is_none() {
        // Looking takes a forward pass: it waits for a click.
        return None;
    }
    let layer = store.view.layer.clamp(1, target.layers.max(1));
    store.talk_view().known()?;
    let row_gap = Missing::of(&store.talk_attention(position, layer));
    let looks = &store.ask.looks;
    let row = looks.attention.get(&(position, layer));
    let followed = row.zip(looks.view.as_ref());
    let followed = followed.and_then(|(row, view)| attention::most_looked_at(view, &row.mean()));
    let patch = looks.patch.or(followed);
    let lens_gap = patch.map(|patch| Missing::of(&store.talk_lens(patch)));

    let shown: &Store = store;
    let looks = &shown.ask.looks;
    let mut view = shown.view.clone();
    (view.patch, view.query, view.layer) = (patch, Some(position), layer);
    view.words = false;
    let lens = patch.and_then(|patch| looks.lenses.get(&patch));
    let mut desk = Desk {
        number: u64::MAX - looks.number,
        called: "the conversation".to_owned(),
        layers: target.layers,
        recorded: Vec::new(),
        pair: looks.view.as_ref()?,
        view,
        hovered: (shown.hover.token).and_then(|(pair, at)| (pair == TALK).then_some(at)),
        hover: None,
        lens: lens.ok_or(lens_gap.flatten()),
        attention: looks.attention.get(&(position, layer)).ok_or(row_gap),
        can_show_words: false,
        words: Err(None),
        wish: None,
    };
    let drawn = draw(&mut desk, shown);
    let Desk { view, hover, .. } = desk;
    store.view.layer = view.layer;
    store.view.head = view.head;
    store.view.overlay = view.overlay;
    if view.patch != patch {
        store.ask.looks.patch = view.patch;
    }
    if let Some(position) = hover {
        store.hover.point_at(TALK, position);
    }
    Some(drawn)
}

/// What the conversation is called among pairs under the pointer.
const TALK: usize = usize::MAX;
