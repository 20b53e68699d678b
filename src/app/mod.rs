//! The app: egui panels over engine and report, the same in a native window and on a web page.
//!
//! [`App`] is what eframe draws. It owns a [`store::Store`] (what there is to show and what is
//! selected), and a [`link::Link`] to the engine; the views read the store, change its selection, and
//! ask it for what they lack, which the store turns into commands for the engine. Nothing here waits:
//! each frame takes the news that have come and draws what is known.

mod cue;
mod downward;
pub mod drops;
pub mod export;
pub mod figure;
mod focus;
mod fold;
pub mod glossary;
mod landmark;
mod letters;
pub mod link;
#[cfg(target_arch = "wasm32")]
pub mod page;
pub mod picture;
mod player;
mod progress;
mod sideways;
pub mod store;
mod theme;
mod top_bar;
pub mod tour;
mod views;
#[cfg(not(target_arch = "wasm32"))]
mod window;

#[cfg(not(target_arch = "wasm32"))]
pub use window::{Start, open};

use eframe::egui;

use link::Link;
use store::{Store, Tab};

/// The app as eframe draws it.
pub struct App {
    /// What there is to show.
    pub store: Store,
    link: Box<dyn Link>,
    /// Closes the window after the measurement under way, and hears how that ended.
    #[cfg(not(target_arch = "wasm32"))]
    closes_with: Option<window::Outcome>,
}

/// What the app remembers from one visit to the next.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Memory {
    /// The tour was offered and seen or declined.
    tour_seen: bool,
    /// A riddle was guessed or skipped.
    riddle_met: bool,
    /// What was guessed: numbers of riddles, and the letter of each as a number.
    guesses: Vec<(usize, usize)>,
}

/// The key of [`Memory`] in eframe's storage.
const MEMORY: &str = "mirscope";

impl App {
    /// The app over an engine; `context` gets its look.
    pub fn new(context: &egui::Context, link: Box<dyn Link>) -> Self {
        theme::install(context);
        // A link opens at its top, not where the last visit had scrolled to.
        context.data_mut(|data| data.remove_by_type::<egui::scroll_area::State>());
        Self {
            store: Store::new(),
            link,
            #[cfg(not(target_arch = "wasm32"))]
            closes_with: None,
        }
    }

    /// Takes up what the last visit left.
    pub fn restore(&mut self, storage: Option<&dyn eframe::Storage>) {
        let memory: Memory = storage
            .and_then(|storage| eframe::get_value(storage, MEMORY))
            .unwrap_or_default();
        self.store.tour_seen = memory.tour_seen;
        self.store.riddles.met = memory.riddle_met;
        self.store.riddles.guesses = memory.guesses.into_iter().collect();
    }

    /// Takes the engine's news and gives it what the views asked for.
    fn exchange(&mut self, context: &egui::Context) {
        while let Some(news) = self.link.poll() {
            self.store.heard(news);
        }
        self.take_files(context);
        self.store.drive(self.link.as_mut());
        let waker = context.clone();
        self.store.follow_saves(move || waker.request_repaint());
        if self.store.is_busy() || self.store.is_asking() || self.store.riddles.is_asking() {
            // The clock of a run moves on without news.
            context.request_repaint_after(std::time::Duration::from_millis(100));
        }
    }
}

impl App {
    /// Takes files that were dropped anywhere, and what was read of them.
    fn take_files(&mut self, context: &egui::Context) {
        let waker = context.clone();
        let wake: store::data::Wake = std::sync::Arc::new(move || waker.request_repaint());
        let files = drops::dropped(context);
        if !files.is_empty() {
            // Reports are read first and then shown elsewhere.
            self.store.view.tab = Tab::Data;
            self.store.data.add(files, &wake);
        }
        self.store.poll_data(&wake);
    }
}

/// The app with its bars.
fn whole(ui: &mut egui::Ui, store: &mut Store) {
    top_bar::show(ui, store);
    progress::show(ui, store);
    let room = tour::make_room(ui, store);
    egui::CentralPanel::default().show(ui, |ui| match store.view.tab {
        Tab::Start => views::start::show(ui, store),
        Tab::Alignment => views::alignment::show(ui, store),
        Tab::Eyes => views::eyes::show(ui, store),
        Tab::Ask => views::ask::show(ui, store),
        Tab::WhatIf => views::what_if::show(ui, store),
        Tab::Compare => views::compare::show(ui, store),
        Tab::Study => views::study::show(ui, store),
        Tab::Data => views::data::show(ui, store),
        Tab::Reference => views::reference::show(ui, store),
    });
    views::data::drop_hint(ui);
    tour::show(ui.ctx(), store, room);
}

impl eframe::App for App {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.exchange(ui.ctx());
        focus::ask(ui.ctx());
        letters::follow_window(ui.ctx());
        let store = &mut self.store;
        tour::keys(ui.ctx(), store);
        // An open menu or list takes the key to close.
        let escape = ui.input(|input| input.key_pressed(egui::Key::Escape))
            && !egui::Popup::is_any_open(ui.ctx());
        if escape && store.is_busy() && !store.tour.is_on() {
            store.cancel();
        }
        if escape && store.is_asking() && !store.tour.is_on() {
            store.stop_answer();
        }
        if escape && store.riddles.is_asking() && !store.tour.is_on() {
            store.stop_riddle();
        }
        match store.view.embed {
            Some(embed) => {
                egui::CentralPanel::default().show(ui, |ui| views::embed::show(ui, store, embed));
            }
            None => whole(ui, store),
        }
        focus::follow(ui.ctx());
        if store.hover.end_frame() {
            ui.ctx().request_repaint();
        }
        // What the views asked for in this frame goes out with it.
        self.store.drive(self.link.as_mut());
        #[cfg(not(target_arch = "wasm32"))]
        self.close_when_done(ui.ctx());
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        let memory = Memory {
            tour_seen: self.store.tour_seen,
            riddle_met: self.store.riddles.met,
            guesses: (self.store.riddles.guesses.iter())
                .map(|(riddle, letter)| (*riddle, *letter))
                .collect(),
        };
        eframe::set_value(storage, MEMORY, &memory);
    }
}
