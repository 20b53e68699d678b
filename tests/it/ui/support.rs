//! The app without an engine: a link with answers of its own.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use egui_kittest::Harness;
use mirscope::{
    app::{
        App,
        link::{Link, News},
        store::Tab,
    },
    engine::{Command, Event},
};

/// What the test and the link share.
#[derive(Default)]
pub struct Shared {
    /// Every command the app gave, first to last.
    pub commands: Vec<Command>,
    /// News on their way to the app.
    pub news: VecDeque<News>,
    /// How often the app asked to cancel.
    pub cancels: usize,
}

/// A link that keeps the commands and passes on the news a test puts in.
#[derive(Clone, Default)]
pub struct FakeLink(pub Rc<RefCell<Shared>>);

impl FakeLink {
    /// Sends events to the app.
    pub fn tell(&self, events: impl IntoIterator<Item = Event>) {
        let mut shared = self.0.borrow_mut();
        shared.news.extend(events.into_iter().map(News::Event));
    }

    /// The last command the app gave.
    pub fn last(&self) -> Option<Command> {
        self.0.borrow().commands.last().cloned()
    }
}

impl Link for FakeLink {
    fn send(&mut self, command: Command) {
        self.0.borrow_mut().commands.push(command);
    }

    fn cancel(&mut self) {
        self.0.borrow_mut().cancels += 1;
    }

    fn poll(&mut self) -> Option<News> {
        self.0.borrow_mut().news.pop_front()
    }
}

/// The app in a window of `size` points, without a renderer, as it opens.
pub fn opened(size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let link = FakeLink::default();
    let engine = link.clone();
    let harness = Harness::builder()
        .with_size(size)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, Box::new(engine)));
    (harness, link)
}

/// As [`opened`], at the alignment of the recorded run that is shown first.
pub fn app(size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened(size);
    harness.state_mut().store.view.tab = Tab::Alignment;
    (harness, link)
}

/// As [`opened`], drawn by the adapter at hand in a theme.
pub fn drawn(size: [f32; 2], theme: eframe::egui::Theme) -> (Harness<'static, App>, FakeLink) {
    let link = FakeLink::default();
    let engine = link.clone();
    let harness = Harness::builder()
        .with_size(size)
        .with_theme(theme)
        .wgpu()
        .build_eframe(move |creation| App::new(&creation.egui_ctx, Box::new(engine)));
    (harness, link)
}
