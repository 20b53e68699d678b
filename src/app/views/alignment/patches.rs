//! The selected pair's image beside the clouds: a vision token is a patch.

use eframe::egui::{self, RichText, Sense, Stroke, StrokeKind};

use crate::{
    app::{
        picture,
        store::{Answer, Store, Tab},
        theme::{colors, focus_ring},
        views::eyes::place::title,
    },
    report::TokenKind,
};

/// Width of the image with what stands around it.
pub const WIDTH: f32 = 168.0;

/// Whether there is a pair to show.
pub fn any(store: &mut Store) -> bool {
    let pair = shown(store);
    matches!(store.pair(pair), Answer::Known(_))
}

/// The pair whose token is under the pointer, else the selected one.
fn shown(store: &Store) -> usize {
    let hovered = store.hover.token.map(|(pair, _)| pair);
    let known = |pair: &usize| store.run().is_some_and(|run| run.pairs.contains_key(pair));
    hovered.filter(known).unwrap_or(store.view.pair)
}

/// Draws the image; the patch under the pointer lights up here and in the clouds.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let index = shown(store);
    // The pair under the pointer may not be known yet: it is asked for.
    if let Some((hovered, _)) = store.hover.token {
        store.pair(hovered);
    }
    store.pair(index);
    let Some(run) = store.run() else {
        return;
    };
    let Some(pair) = run.pairs.get(&index) else {
        return;
    };
    let mut pointed = None;
    let mut clicked = false;
    ui.vertical(|ui| {
        let width = WIDTH.min(ui.available_width());
        ui.set_width(width);
        ui.label(
            RichText::new(format!("Pair {}", index + 1))
                .small()
                .color(colors(ui).faint),
        );
        let lit = store.hover.token.filter(|(pair, _)| *pair == index);
        let lit = lit.map(|(_, position)| position);
        // Of several pictures the one whose token is under the pointer, else the selected one.
        let number = (lit.or(store.view.patch))
            .and_then(|position| pair.picture_of(position))
            .unwrap_or(0);
        let texture = picture::texture(ui.ctx(), run.number, pair, number);
        let Some((shown, texture)) = pair.pictures.get(number).zip(texture) else {
            return;
        };
        let size = picture::fitted_of(pair, number, egui::Vec2::splat(width));
        let (frame, response) = ui.allocate_exact_size(size, Sense::click());
        let label = format!("{} as the model sees it: {}", shown.name, pair.text);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
        picture::paint(ui.painter(), &texture, frame);
        focus_ring(ui, &response);
        clicked = response.clicked();
        pointed = response
            .hover_pos()
            .and_then(|point| picture::patch_at(frame, shown.grid?, point))
            .and_then(|patch| pair.position_of(number, patch));
        if let Some(position) = lit {
            match pair.tokens.get(position) {
                Some(token) if token.kind == TokenKind::Vision => {
                    let mut line = format!("vision token {position}");
                    if let Some((patch, grid)) = token.patch.zip(shown.grid) {
                        let rect = picture::patch_rect(frame, grid, patch);
                        let stroke = Stroke::new(2.5, colors(ui).vision);
                        ui.painter()
                            .rect_stroke(rect, 2.0, stroke, StrokeKind::Outside);
                        line += &format!(", patch {}", patch + 1);
                    }
                    if pair.pictures.len() > 1 {
                        line += &format!(" of {}", title(pair, number));
                    }
                    caption(ui, &line);
                }
                Some(token) => {
                    caption(ui, &format!("text token {position}: \"{}\"", token.text));
                }
                None => {}
            }
        } else {
            caption(ui, "Point at a vision token or at a patch.");
        }
        ui.add(egui::Label::new(RichText::new(&pair.text).small()).wrap());
    });
    if let Some(position) = pointed {
        store.hover.point_at(index, position);
        if clicked {
            store.view.pair = index;
            store.view.patch = Some(position);
            store.view.tab = Tab::Eyes;
        }
    }
}

fn caption(ui: &mut egui::Ui, text: &str) {
    let text = RichText::new(text).small().color(colors(ui).faint);
    ui.add(egui::Label::new(text).wrap());
}
