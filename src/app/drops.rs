//! Files dropped on the app.

use eframe::egui;

use crate::platform::PickedFile;

/// The files dropped since the last frame, those in dropped folders included.
#[cfg(not(target_arch = "wasm32"))]
pub fn dropped(context: &egui::Context) -> Vec<PickedFile> {
    let paths: Vec<_> = context.input(|input| {
        let files = input.raw.dropped_files.iter();
        files.map(|file| file.path().to_owned()).collect()
    });
    if paths.is_empty() {
        return Vec::new();
    }
    crate::platform::native::files_at(&paths)
}

/// The files dropped since the last frame, those in dropped folders included. The page's own script
/// takes them: egui knows no folders in a browser.
#[cfg(target_arch = "wasm32")]
pub fn dropped(_context: &egui::Context) -> Vec<PickedFile> {
    crate::platform::web::dropped()
}
