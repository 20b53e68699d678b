//! The selected pair's image beside the clouds: a vision token is a patch.

use eframe::egui::{self, Color32, RichText, Sense, Stroke, StrokeKind};

use crate::app::{
    picture,
    store::{Answer, Store, Tab},
    theme::colors,
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
    let Some(number) = store.run().map(|run| run.number) else {
        return;
    };
    // The pair under the pointer may not be known yet: it is asked for.
    if let Some((hovered, _)) = store.hover.token {
        let _ = store.pair(hovered);
    }
    let Answer::Known(pair) = store.pair(index) else {
        return;
    };
    let pair = pair.clone();
    ui.vertical(|ui| {
        ui.set_width(WIDTH);
        ui.label(
            RichText::new(format!("Pair {}", index + 1))
                .small()
                .color(colors(ui).faint),
        );
        let size = picture::fitted(&pair.image, egui::vec2(WIDTH, WIDTH));
        let (frame, response) = ui.allocate_exact_size(size, Sense::click());
        let label = format!("{} as the model sees it: {}", pair.name, pair.text);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
        let texture = picture::texture(ui.ctx(), number, &pair);
        let all = egui::Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
        ui.painter().image(texture.id(), frame, all, Color32::WHITE);
        let position_of = |patch: usize| {
            let mut tokens = pair.tokens.iter();
            tokens.position(|token| token.patch == Some(patch))
        };
        let pointed = response
            .hover_pos()
            .and_then(|point| picture::patch_at(frame, pair.grid, point))
            .and_then(position_of);
        if let Some(position) = pointed {
            store.hover.point_at(index, position);
            if response.clicked() {
                store.view.pair = index;
                store.view.patch = Some(position);
                store.view.tab = Tab::Eyes;
            }
        }
        let lit = store.hover.token.filter(|(pair, _)| *pair == index);
        if let Some((_, position)) = lit {
            match pair.tokens.get(position) {
                Some(token) if token.patch.is_some() => {
                    let patch = token.patch.unwrap_or(0);
                    let rect = picture::patch_rect(frame, pair.grid, patch);
                    let stroke = Stroke::new(2.5, colors(ui).vision);
                    ui.painter()
                        .rect_stroke(rect, 2.0, stroke, StrokeKind::Outside);
                    caption(ui, &format!("vision token {position}, patch {}", patch + 1));
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
}

fn caption(ui: &mut egui::Ui, text: &str) {
    let text = RichText::new(text).small().color(colors(ui).faint);
    ui.add(egui::Label::new(text).wrap());
}
