//! The engine in a dedicated Worker, on the other side of a JavaScript bridge.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use serde::Serialize;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use super::{Link, News};
use crate::{
    engine::{Command, Event, ImageInput, ModelSource, PairSource},
    platform::{FilePlace, PickedFile},
};

#[wasm_bindgen]
extern "C" {
    /// The Worker as the page's script keeps it, see `web/engine.js`.
    #[derive(Clone, Debug)]
    pub type WorkerBridge;

    /// Gives the Worker a command and the page's files, by number, that it names.
    #[wasm_bindgen(method)]
    fn send(this: &WorkerBridge, command: JsValue, files: Vec<u32>);

    /// Asks the command under way to stop.
    #[wasm_bindgen(method)]
    fn cancel(this: &WorkerBridge);
}

/// Where the page's script puts the Worker's news.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Rc<RefCell<VecDeque<News>>>);

impl Inbox {
    /// Puts an event, as the Worker told it; returns whether it ends its command.
    pub fn event(&self, event: JsValue) -> bool {
        let event = serde_wasm_bindgen::from_value(event).unwrap_or_else(|error| {
            Event::Failed(format!(
                "the engine's answer is not understood ({error}): reload the page"
            ))
        });
        let is_last = event.is_last();
        self.0.borrow_mut().push_back(News::Event(event));
        is_last
    }

    /// Puts that the Worker died.
    pub fn lost(&self, reason: String) {
        self.0.borrow_mut().push_back(News::Lost(reason));
    }
}

/// A Worker that the page's script starts, watches and starts again.
#[derive(Debug)]
pub struct WebLink {
    bridge: WorkerBridge,
    inbox: Inbox,
}

impl WebLink {
    /// A link over the script's `bridge`, whose news come through `inbox`.
    pub fn new(bridge: WorkerBridge, inbox: Inbox) -> Self {
        Self { bridge, inbox }
    }
}

impl Link for WebLink {
    fn send(&mut self, command: Command) {
        let serializer = serde_wasm_bindgen::Serializer::new()
            .serialize_missing_as_null(true)
            .serialize_maps_as_objects(true);
        match command.serialize(&serializer) {
            Ok(value) => self.bridge.send(value, page_files(&command)),
            Err(error) => {
                let failed = Event::Failed(format!("the command cannot be sent: {error}"));
                self.inbox.0.borrow_mut().push_back(News::Event(failed));
            }
        }
    }

    fn cancel(&mut self) {
        self.bridge.cancel();
    }

    fn poll(&mut self) -> Option<News> {
        self.inbox.0.borrow_mut().pop_front()
    }
}

/// The numbers of the page's files that a command names.
fn page_files(command: &Command) -> Vec<u32> {
    let (model, pairs, asked) = match command {
        Command::Measure(request) => (Some(&request.model), Some(&request.pairs), &[][..]),
        Command::Inspect(request) => (Some(&request.model), None, &[][..]),
        Command::Ask(request) => (Some(&request.model), None, request.images.as_slice()),
        _ => (None, None, &[][..]),
    };
    let files = match model {
        Some(ModelSource::Picked(files)) => files.as_slice(),
        _ => &[],
    };
    let paired: Vec<&ImageInput> = match pairs {
        Some(PairSource::Pairs { pairs, .. }) => {
            pairs.iter().flat_map(|pair| pair.images()).collect()
        }
        Some(PairSource::Unpaired { images, .. }) => images.iter().collect(),
        _ => Vec::new(),
    };
    let images = paired.into_iter().chain(asked);
    let images = images.flat_map(ImageInput::files);
    let images = images.filter_map(|image| match image {
        ImageInput::Picked(file) => Some(file),
        _ => None,
    });
    files.iter().chain(images).filter_map(number).collect()
}

fn number(file: &PickedFile) -> Option<u32> {
    match file.place {
        FilePlace::Page(id) => Some(id),
        FilePlace::Disk(_) => None,
    }
}
