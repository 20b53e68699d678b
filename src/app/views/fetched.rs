//! What the browser keeps of fetched files, and how to be rid of it.

use std::time::Duration;

use eframe::egui;

use crate::{
    app::{store::Store, theme},
    report::format_bytes,
};

/// Draws a line about the cache; nothing where there is none, as in a native window.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let wake = |context: &egui::Context| {
        let context = context.clone();
        move || context.request_repaint()
    };
    let fetched = &mut store.fetched;
    fetched.poll(wake(ui.ctx()));
    let Some(bytes) = fetched.bytes else {
        return;
    };
    // Files may be on their way.
    ui.ctx().request_repaint_after(Duration::from_secs(3));
    let colors = theme::colors(ui);
    ui.horizontal_wrapped(|ui| {
        let text = match bytes {
            0 => "This browser has no fetched files yet.".to_owned(),
            _ => format!(
                "This browser keeps {} of fetched files for offline use.",
                format_bytes(bytes)
            ),
        };
        ui.colored_label(colors.faint, text);
        let can = bytes > 0 && !fetched.is_clearing();
        let button = ui.add_enabled(can, egui::Button::new("Clear fetched files"));
        if button.clicked() {
            fetched.clear(wake(ui.ctx()));
        }
    });
    if let Some(refusal) = &fetched.refusal {
        ui.colored_label(colors.alarm, refusal);
    }
}
