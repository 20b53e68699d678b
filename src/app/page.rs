//! The app on a web page: what `web/page.js` starts, calls and hears.

use std::{any::Any, cell::RefCell, sync::Arc, time::Duration};

use eframe::{WebOptions, WebRunner, egui};
use serde::Serialize;
use wasm_bindgen::{JsError, JsValue, prelude::wasm_bindgen};
use web_sys::HtmlCanvasElement;

mod shown;

use shown::Shown;

use super::{
    App,
    link::web::{Inbox, WebLink, WorkerBridge},
    store::{Message, View},
    theme,
};
use crate::{
    figures,
    platform::{
        set_recording,
        web::{PageFiles, set_page_files},
    },
    report,
};

#[wasm_bindgen]
extern "C" {
    /// What the page's script does for the app, see `web/page.js`.
    #[derive(Clone, Debug)]
    pub type Page;

    /// The engine's Worker.
    #[wasm_bindgen(method, getter)]
    fn worker(this: &Page) -> WorkerBridge;

    /// Files.
    #[wasm_bindgen(method, getter)]
    fn files(this: &Page) -> PageFiles;

    /// What was recorded of the demo.
    #[wasm_bindgen(method, getter)]
    fn recording(this: &Page) -> Vec<u8>;

    /// Whether the visitor asked for less motion.
    #[wasm_bindgen(method, getter, js_name = reducedMotion)]
    fn reduced_motion(this: &Page) -> bool;

    /// Hears after a frame what is shown, where it is something else than before.
    #[wasm_bindgen(method)]
    fn changed(this: &Page, shown: JsValue);

    /// Hears that the canvas is lost, or that the app died.
    #[wasm_bindgen(method)]
    fn lost(this: &Page, reason: &str);
}

/// Between two frames that show progress and nothing else.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

thread_local! {
    /// For callbacks that may not own anything of JavaScript's.
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
}

fn lost(reason: &str) {
    if let Some(page) = PAGE.with_borrow(Clone::clone) {
        page.lost(reason);
    }
}

/// The running app, for the page's script.
#[wasm_bindgen]
pub struct RunningApp {
    runner: WebRunner,
    context: egui::Context,
    inbox: Inbox,
}

/// Starts the app on `canvas`; `page` holds the script's functions.
///
/// # Errors
/// What eframe says where it cannot draw to the canvas.
#[wasm_bindgen]
pub async fn start_app(canvas: HtmlCanvasElement, page: Page) -> Result<RunningApp, JsValue> {
    set_page_files(page.files());
    set_recording(page.recording());
    PAGE.set(Some(page.clone()));
    std::panic::set_hook(Box::new(|info| lost(&format!("the app died: {info}"))));
    let runner = WebRunner::new();
    let inbox = Inbox::default();
    let link = WebLink::new(page.worker(), inbox.clone());
    let (sender, receiver) = futures_channel::oneshot::channel();
    let create: eframe::AppCreator<'static> = Box::new(move |creation| {
        if let Some(state) = &creation.wgpu_render_state {
            let device = &state.device;
            device.set_device_lost_callback(|_, reason| {
                lost(&format!(
                    "the browser took the graphics device away: {reason}"
                ));
            });
        }
        let mut app = App::new(&creation.egui_ctx, Box::new(link));
        app.restore(creation.storage);
        let hash = &creation.integration_info.web_info.location.hash;
        if !hash.is_empty() {
            app.store.restore(View::from_link(hash));
        }
        if page.reduced_motion() {
            theme::reduce_motion(&creation.egui_ctx);
        }
        // The receiver waits below.
        sender.send(creation.egui_ctx.clone()).ok();
        Ok(Box::new(Paged {
            app,
            page,
            shown: None,
        }))
    });
    let options = WebOptions {
        // There are no gradients to smooth, and a software adapter pays for each pixel.
        dithering: false,
        ..WebOptions::default()
    };
    runner.start(canvas, options, create).await?;
    let context = receiver
        .await
        .map_err(|_| JsError::new("the app was not created"))?;
    Ok(RunningApp {
        runner,
        context,
        inbox,
    })
}

#[wasm_bindgen]
impl RunningApp {
    /// Takes an event of the Worker.
    pub fn event(&self, event: JsValue) {
        if self.inbox.event(event) {
            self.context.request_repaint();
        } else {
            // Progress comes faster than anybody reads, and each frame takes from the run's time.
            self.context.request_repaint_after(PROGRESS_EVERY);
        }
    }

    /// Takes that the Worker died.
    #[wasm_bindgen(js_name = workerLost)]
    pub fn worker_lost(&self, reason: String) {
        self.inbox.lost(reason);
        self.context.request_repaint();
    }

    /// Draws a frame: something changed outside.
    pub fn wake(&self) {
        self.context.request_repaint();
    }

    /// Tells the reader something.
    pub fn tell(&self, text: String, alarm: bool) {
        self.with(|app| app.store.messages.push(Message { text, alarm }));
    }

    /// Measures the demo, at most so many pairs of it.
    pub fn run(&self, num_pairs: Option<u32>) {
        self.with(|app| {
            app.store
                .run_demo(None, num_pairs.map(|pairs| pairs as usize))
        });
    }

    /// Measures what the reader brought.
    ///
    /// # Errors
    /// What is missing, in words.
    #[wasm_bindgen(js_name = runData)]
    pub fn run_data(&self) -> Result<(), JsError> {
        let request = self.with(|app| app.store.data.request());
        let request = request.ok_or_else(|| JsError::new("the app is not there"))?;
        let (name, request) = request.map_err(|missing| JsError::new(&missing.join("; ")))?;
        self.with(|app| app.store.measure(name, request));
        Ok(())
    }

    /// Chooses a repository of a model hub; nothing is fetched before [`Self::agree`].
    #[wasm_bindgen(js_name = chooseRepository)]
    pub fn choose_repository(&self, id: &str) {
        self.with(|app| app.store.data.choose_repository(id));
    }

    /// Agrees to fetch what the plan names.
    pub fn agree(&self) {
        self.with(|app| app.store.data.agree());
    }

    /// Measures a checkpoint of the study by its name, at most so many pairs of it.
    ///
    /// # Errors
    /// The study's results are not there, or none of its checkpoints has the name.
    #[wasm_bindgen(js_name = runVariant)]
    pub fn run_variant(&self, name: &str, num_pairs: Option<u32>) -> Result<(), JsError> {
        let begun = self.with(|app| {
            let results = Arc::clone(app.store.study.results()?);
            let variant = results.study.variant(name)?;
            let pairs = num_pairs.map(|pairs| pairs as usize);
            app.store.run_variant(&results, variant, pairs);
            Some(())
        });
        let missing = || JsError::new(&format!("no checkpoint of the study is called {name}"));
        begun.flatten().ok_or_else(missing)
    }

    /// Guesses that A (0) or B (1) learned from captions that fit.
    pub fn guess(&self, letter: u32) {
        self.with(|app| app.store.guess(letter as usize));
    }

    /// Asks both models of the riddle here.
    #[wasm_bindgen(js_name = askBoth)]
    pub fn ask_both(&self) {
        self.with(|app| app.store.ask_both());
    }

    /// Asks the measurement under way to stop.
    pub fn cancel(&self) {
        self.with(|app| app.store.cancel());
    }

    /// Selects a decoder layer, 1 to L.
    pub fn select(&self, layer: u32) {
        self.with(|app| app.store.select_layer(layer as usize));
    }

    /// Puts a selection, as `changed` tells it under `view`.
    ///
    /// # Errors
    /// Where it is none.
    #[wasm_bindgen(js_name = setView)]
    pub fn set_view(&self, view: JsValue) -> Result<(), JsError> {
        let view: View = serde_wasm_bindgen::from_value(view)
            .map_err(|error| JsError::new(&format!("view: {error}")))?;
        self.with(|app| app.store.restore(view));
        Ok(())
    }

    /// Shows what a link says.
    #[wasm_bindgen(js_name = openLink)]
    pub fn open_link(&self, link: &str) {
        self.with(|app| app.store.restore(View::from_link(link)));
    }

    /// The report that is shown, as `json`, `csv`, `svg` or `html`.
    ///
    /// # Errors
    /// There is no report, no such form, or the report has values that JSON has not.
    #[wasm_bindgen(js_name = exportAs)]
    pub fn export_as(&self, form: &str) -> Result<String, JsError> {
        let report = self
            .with(|app| app.store.report().cloned())
            .flatten()
            .ok_or_else(|| JsError::new("no report is shown"))?;
        Ok(match form {
            "json" => report::to_json(&report)?,
            "csv" => report::csv(&report),
            "svg" => figures::svg(&report),
            "html" => figures::html(&report)?,
            _ => return Err(JsError::new("expected json, csv, svg or html")),
        })
    }

    /// Does something with the app between two frames, and has another drawn.
    fn with<T>(&self, work: impl FnOnce(&mut App) -> T) -> Option<T> {
        let mut paged = self.runner.app_mut::<Paged>()?;
        let outcome = work(&mut paged.app);
        self.context.request_repaint();
        Some(outcome)
    }
}

/// The app, and the page that hears of it.
struct Paged {
    app: App,
    page: Page,
    shown: Option<Shown>,
}

impl eframe::App for Paged {
    fn logic(&mut self, context: &egui::Context, frame: &mut eframe::Frame) {
        self.app.logic(context, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.app.ui(ui, frame);
        let shown = Shown::of(&self.app, ui.ctx(), self.shown.as_ref());
        if self.shown.as_ref() == Some(&shown) {
            return;
        }
        let serializer = serde_wasm_bindgen::Serializer::json_compatible();
        if let Ok(value) = shown.serialize(&serializer) {
            self.page.changed(value);
        }
        self.shown = Some(shown);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        self.app.save(storage);
    }

    fn as_any_mut(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }
}
