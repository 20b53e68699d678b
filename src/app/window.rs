//! The native window.

#[cfg(not(target_arch = "wasm32"))]
use super::{App, link::NativeLink};
#[cfg(not(target_arch = "wasm32"))]
use eframe::egui;

/// Opens the window and returns when it is closed.
///
/// # Errors
/// What eframe says where there is no display or no adapter that can draw to it.
#[cfg(not(target_arch = "wasm32"))]
pub fn open() -> Result<(), eframe::Error> {
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("mirscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([360.0, 480.0]),
        ..Default::default()
    };
    eframe::run_native(
        "mirscope",
        options,
        Box::new(|creation| {
            let link = NativeLink::new(creation.egui_ctx.clone());
            Ok(Box::new(App::new(&creation.egui_ctx, Box::new(link))))
        }),
    )
}
