//! One view alone, without the bars, for a page around it.

use eframe::egui;

use super::{alignment, start};
use crate::app::{
    downward,
    store::{Embed, Store},
};

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store, embed: Embed) {
    match embed {
        Embed::Clouds => scrolled(ui, |ui| alignment::clouds::show(ui, store)),
        Embed::Layers => scrolled(ui, |ui| alignment::layers::show(ui, store)),
        Embed::Ruler => start::ruler_alone(ui, store),
        Embed::Scrubber => start::steps_alone(ui, store),
        Embed::Riddle => start::riddle_alone(ui, store),
    }
}

fn scrolled(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    downward::page(ui, "embedded", content);
}
