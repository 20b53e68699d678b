//! What the Worker's JavaScript does for checkpoints of a model hub, see `web/hub.js`: asking, streaming
//! files into the browser's private file system, and reading them from there.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{
    SITE,
    host::{Host, host, progressing},
    reason,
};

#[wasm_bindgen]
extern "C" {
    /// Resolves with the bytes of a hub's answer, or with those kept under `name`.
    #[wasm_bindgen(method, js_name = hubAnswer)]
    fn hub_answer(this: &Host, address: &str, name: &str, offline: bool) -> Promise;

    /// Resolves with how many bytes of each of these files are here.
    #[wasm_bindgen(method, js_name = hubHere)]
    fn hub_here(this: &Host, files: JsValue) -> Promise;

    /// Resolves with the number by which a file can be read, which is fetched where it is not here.
    #[wasm_bindgen(method, js_name = hubFetch)]
    fn hub_fetch(this: &Host, file: JsValue, progress: &Function) -> Promise;
}

/// A file of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HubFile {
    /// Where it is, relative to the hub's address.
    pub address: String,
    /// Size.
    pub bytes: u64,
    /// Its hash, in hexadecimal.
    pub digits: String,
    /// Which hash that is: `sha256` or `git-blob`.
    pub kind: &'static str,
}

/// Why a file cannot be had: what `web/hub.js` says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// A status other than success.
    Status {
        /// The status.
        status: u16,
        /// The header `X-Error-Code`.
        code: Option<String>,
        /// The header `Retry-After`.
        wait: Option<String>,
    },
    /// Nobody answers.
    Network {
        /// What is known of it.
        reason: String,
    },
    /// Nothing comes any more.
    Silent {
        /// After so many seconds.
        seconds: f64,
    },
    /// The transfer ended too early, several times.
    Truncated {
        /// Bytes that came.
        found: f64,
        /// How often.
        tries: u32,
    },
    /// The answer has another length.
    Length {
        /// Bytes.
        found: f64,
    },
    /// The answer begins elsewhere.
    Range {
        /// The byte that was asked for.
        found: f64,
    },
    /// The server says that the file is another one now.
    Changed,
    /// The content has another hash.
    Hash {
        /// Its hash.
        found: String,
    },
    /// Something else lies in the file's place.
    StandIn {
        /// What it is.
        found: String,
    },
    /// No room is left.
    Full,
    /// There is too little room.
    NoRoom {
        /// Bytes.
        needed: f64,
        /// Bytes.
        free: f64,
    },
    /// Another page fetches the same file.
    Busy,
    /// Nothing is kept of what may not be asked for.
    NothingKept,
    /// Files cannot be kept.
    Cache {
        /// What is known of it.
        reason: String,
    },
    /// Somebody asked to stop.
    Cancelled,
}

/// The hub's address.
pub fn hub_address() -> String {
    let named = SITE.with_borrow(|site| site.as_ref()?.hub.clone());
    named.unwrap_or_else(|| crate::platform::HUB.to_owned())
}

fn absolute(address: &str) -> String {
    format!("{}/{address}", hub_address().trim_end_matches('/'))
}

fn functions() -> Result<Host, Fault> {
    host().ok_or_else(|| Fault::Cache {
        reason: "files are fetched in the page's Worker only".to_owned(),
    })
}

/// What was thrown.
fn fault(error: &JsValue) -> Fault {
    let told = Reflect::get(error, &"fault".into()).ok();
    let told = told.and_then(|told| serde_wasm_bindgen::from_value(told).ok());
    told.unwrap_or_else(|| Fault::Cache {
        reason: reason(error),
    })
}

/// The hub's answer to `address`, relative to its own; the one that was kept last under `name` where
/// nobody answers or nobody is to be asked.
///
/// # Errors
/// [`Fault`].
pub async fn hub_answer(address: &str, name: &str, offline: bool) -> Result<Vec<u8>, Fault> {
    let answer = functions()?.hub_answer(&absolute(address), name, offline);
    match JsFuture::from(answer).await {
        Ok(bytes) => Ok(bytes.unchecked_into::<Uint8Array>().to_vec()),
        Err(error) => Err(fault(&error)),
    }
}

/// Bytes that are here of each file.
///
/// # Errors
/// [`Fault`].
pub async fn hub_here(files: &[HubFile]) -> Result<Vec<u64>, Fault> {
    let list = serde_wasm_bindgen::to_value(files).unwrap_or_default();
    match JsFuture::from(functions()?.hub_here(list)).await {
        Ok(sizes) => {
            let sizes = sizes.unchecked_into::<Array>();
            let size = |size: JsValue| size.as_f64().unwrap_or(0.0) as u64;
            Ok(sizes.iter().map(size).collect())
        }
        Err(error) => Err(fault(&error)),
    }
}

/// Fetches a file unless it is here, and gives the number by which [`super::read_range`] reads it.
/// `progress` hears how many of its bytes are here.
///
/// # Errors
/// [`Fault`].
pub async fn hub_fetch(file: &HubFile, progress: impl FnMut(u64)) -> Result<u32, Fault> {
    let host = functions()?;
    let file = HubFile {
        address: absolute(&file.address),
        ..file.clone()
    };
    let file = serde_wasm_bindgen::to_value(&file).unwrap_or_default();
    let fetched = progressing(|tell| host.hub_fetch(file, tell), progress).await;
    match fetched {
        Ok(number) => Ok(number.as_f64().unwrap_or(0.0) as u32),
        Err(error) => Err(fault(&error)),
    }
}
