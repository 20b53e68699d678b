//! The native window.

use std::sync::{Arc, Mutex, PoisonError};

use eframe::{egui, egui_wgpu::WgpuSetup};
use winit::error::EventLoopError;

use super::{App, link::NativeLink};
use crate::{engine::window_adapter, report::Report};

/// What the window starts with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Reports to open, with their names.
    pub reports: Vec<(String, Report)>,
    /// Measures the demo at once.
    pub run: bool,
    /// At most so many pairs of it.
    pub num_pairs: Option<usize>,
    /// Closes the window after that measurement.
    pub exit: bool,
    /// A link to a view, or its part from `#` on.
    pub view: Option<String>,
}

/// How the measurement ended that the window waits for, once it has.
pub(super) type Outcome = Arc<Mutex<Option<Result<(), String>>>>;

/// Opens the window and returns when it is closed.
///
/// # Errors
/// In one sentence: there is no display, no adapter can draw to it, or the measurement that
/// [`Start::exit`] waits for failed.
pub fn open(start: Start) -> Result<(), String> {
    let mut options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("mirscope")
            .with_app_id("mirscope")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([360.0, 480.0]),
        ..Default::default()
    };
    draw_with_what_opens(&mut options.wgpu_options.wgpu_setup);
    let outcome: Outcome = Arc::new(Mutex::new(None));
    let told = Arc::clone(&outcome);
    eframe::run_native(
        "mirscope",
        options,
        Box::new(move |creation| {
            let link = NativeLink::new(creation.egui_ctx.clone());
            let mut app = App::new(&creation.egui_ctx, Box::new(link));
            app.restore(creation.storage);
            app.begin(start, told);
            Ok(Box::new(app))
        }),
    )
    .map_err(|error| {
        let reason = match &error {
            eframe::Error::Winit(error)
            | eframe::Error::WinitEventLoop(EventLoopError::Os(error)) => {
                without_place(&error.to_string())
            }
            other => other.to_string(),
        };
        format!("the window could not be opened: {reason}; it takes a desktop session")
    })?;
    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
    outcome.take().unwrap_or(Ok(()))
}

/// Has the window library pass over an adapter that opens no device, as computing does; by itself it would give up.
fn draw_with_what_opens(setup: &mut WgpuSetup) {
    if let WgpuSetup::CreateNew(new) = setup {
        let described = Arc::clone(&new.device_descriptor);
        new.native_adapter_selector = Some(Arc::new(move |adapters, surface| {
            window_adapter(adapters, surface, &*described).map_err(|error| error.to_string())
        }));
    }
}

/// What an error of the window library says, without where in its sources it came up.
fn without_place(text: &str) -> String {
    let after = text.split_once(".rs:").map(|(_, after)| after);
    let reason = after.and_then(|after| after.split_once(": "));
    let reason = reason.map_or(text, |(_, reason)| reason);
    reason.trim_end_matches('.').to_owned()
}

impl App {
    fn begin(&mut self, start: Start, outcome: Outcome) {
        for (name, report) in start.reports {
            self.store.add(name, super::store::Origin::Opened, report);
        }
        if let Some(link) = start.view {
            self.store.restore(super::store::View::from_link(&link));
        }
        if start.run {
            self.store.run_demo(None, start.num_pairs);
        }
        if start.exit {
            self.closes_with = Some(outcome);
        }
    }

    /// Closes the window when the measurement it waits for is over.
    pub(super) fn close_when_done(&mut self, context: &egui::Context) {
        if self.closes_with.is_none() || self.store.is_busy() {
            return;
        }
        let Some(outcome) = self.closes_with.take() else {
            return;
        };
        let nothing = || Err("nothing was measured".to_owned());
        let result = self.store.measured.clone().unwrap_or_else(nothing);
        *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        context.send_viewport_cmd(egui::ViewportCommand::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::without_place;

    #[test]
    fn no_source_path_is_shown() {
        let text = "os error at /x/winit-0.30/src/linux/mod.rs:765: neither DISPLAY nor X is set.";
        assert_eq!(without_place(text), "neither DISPLAY nor X is set");
        assert_eq!(without_place("no such thing"), "no such thing");
    }
}
