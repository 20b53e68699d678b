//! To come.

use eframe::egui;

use crate::app::store::Store;

/// Draws the view.
pub fn show(_ui: &mut egui::Ui, _store: &mut Store) {}
