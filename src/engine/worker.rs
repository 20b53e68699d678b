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
    web::{Host, Site, host, set_host, set_site},
};

/// An engine that carries out one command at a time and keeps what it measured for questions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    /// Absent while a command is under way.
    session: RefCell<Option<Session>>,
    /// The flag of the command under way.
    running: RefCell<Option<Cancel>>,
}

#[wasm_bindgen]
impl Engine {
    /// An engine for the page whose files `site` lists (a [`Site`]), with the Worker's functions.
    ///
    /// # Errors
    /// Where `site` is not a [`Site`].
    #[wasm_bindgen(constructor)]
    pub fn new(site: JsValue, functions: Host) -> Result<Self, JsError> {
        set_host(functions);
        panic::set_hook(Box::new(|info| {
            console_error_panic_hook::hook(info);
            if let Some(host) = host() {
                host.died(&info.to_string());
            }
        }));
        let site: Site = serde_wasm_bindgen::from_value(site)
            .map_err(|error| JsError::new(&format!("manifest.json: {error}")))?;
        set_site(site);
        Ok(Self {
            session: RefCell::new(Some(Session::default())),
            running: RefCell::new(None),
        })
    }

    /// Carries out `command` and tells `on_event` each [`Event`]; the last one ends it.
    pub async fn run(&self, command: JsValue, on_event: Function) {
        let mut emit = |event: Event| {
            // An event that cannot be told has nobody to tell it to.
            on_event.call1(&JsValue::NULL, &to_js(&event)).ok();
        };
        let command: Command = match serde_wasm_bindgen::from_value(command) {
            Ok(command) => command,
            Err(error) => {
                emit(Event::Failed(format!(
                    "the command is not understood: {error}"
                )));
                return;
            }
        };
        let Some(mut session) = self.session.take() else {
            emit(Event::Failed(
                "the engine is busy with another command: cancel it first".to_owned(),
            ));
            return;
        };
        let cancel = Cancel::default();
        self.running.replace(Some(cancel.clone()));
        session.run(command, &cancel, &mut emit).await;
        self.running.replace(None);
        self.session.replace(Some(session));
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
