//! The engine in a dedicated Worker: what `web/worker.js` calls.
//!
//! [`Command`] comes in and [`Event`]s go out as plain JavaScript values in serde's form, for
//! example `{ Progress: { stage: "load", done: 3, total: 9, unit: "MiB" } }`; bytes are
//! `Uint8Array`s. The Worker passes them on as messages.

use std::{cell::RefCell, panic};

use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::{JsError, JsValue, prelude::wasm_bindgen};

use super::{Command, Event, Session};
use crate::platform::{
    Cancel,
    web::{Site, set_site},
};

thread_local! {
    /// Who hears what a panic said.
    static DIED: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// An engine that carries out one command at a time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    /// The flag of the command under way.
    running: RefCell<Option<Cancel>>,
    /// What is kept from one command to the next.
    session: RefCell<Session>,
}

#[wasm_bindgen]
impl Engine {
    /// An engine for the page whose files `site` lists (a [`Site`]). `died` hears what a panic
    /// said; after one the Worker is of no more use.
    ///
    /// # Errors
    /// Where `site` is not a [`Site`].
    #[wasm_bindgen(constructor)]
    pub fn new(site: JsValue, died: Function) -> Result<Self, JsError> {
        DIED.with_borrow_mut(|slot| *slot = Some(died));
        panic::set_hook(Box::new(|info| {
            console_error_panic_hook::hook(info);
            DIED.with_borrow(|died| {
                if let Some(died) = died {
                    died.call1(&JsValue::NULL, &info.to_string().into()).ok();
                }
            });
        }));
        let site: Site = serde_wasm_bindgen::from_value(site)
            .map_err(|error| JsError::new(&format!("manifest.json: {error}")))?;
        set_site(site);
        Ok(Self {
            running: RefCell::new(None),
            session: RefCell::default(),
        })
    }

    /// Version of mirscope.
    #[wasm_bindgen(getter)]
    pub fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    /// Carries out `command` and tells `on_event` each [`Event`]; the last one ends it.
    pub async fn run(&self, command: JsValue, on_event: Function) {
        let mut emit = |event: Event| {
            // An event that cannot be told has nobody to tell it to.
            on_event.call1(&JsValue::NULL, &to_js(&event)).ok();
        };
        if self.running.borrow().is_some() {
            emit(Event::Failed(
                "the engine is busy with another command: cancel it first".to_owned(),
            ));
            return;
        }
        let command: Command = match serde_wasm_bindgen::from_value(command) {
            Ok(command) => command,
            Err(error) => {
                emit(Event::Failed(format!(
                    "the command is not understood: {error}"
                )));
                return;
            }
        };
        let cancel = Cancel::default();
        self.running.replace(Some(cancel.clone()));
        // Taken out, since nothing may be borrowed while others run.
        let mut session = self.session.take();
        session.run(command, &cancel, &mut emit).await;
        self.session.replace(session);
        self.running.replace(None);
    }

    /// Asks the command under way to stop between two submissions.
    pub fn cancel(&self) {
        if let Some(cancel) = &*self.running.borrow() {
            cancel.cancel();
        }
    }
}

/// An event as a plain JavaScript value.
fn to_js(event: &Event) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new()
        .serialize_missing_as_null(true)
        .serialize_maps_as_objects(true);
    event.serialize(&serializer).unwrap_or_else(|error| {
        let failed = js_sys::Object::new();
        let text = format!("an event could not be told: {error}");
        js_sys::Reflect::set(&failed, &"Failed".into(), &text.into()).ok();
        failed.into()
    })
}
