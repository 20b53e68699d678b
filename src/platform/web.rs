//! A web page and its dedicated Worker: one thread each, with an event loop.

mod host;
mod hub;
#[cfg(feature = "app")]
mod page;
mod placed;

pub use host::{
    Host, asset_files, compiled, compiles_in_background, demo_files, host, read_range, set_host,
};
pub use hub::{Fault, HubFile, hub_address, hub_answer, hub_fetch, hub_here};
#[cfg(feature = "app")]
pub use page::{
    PageFiles, address, cache_size, clear_cache, dropped, has_study, in_background, pick, read,
    save, set_page_files, shipped,
};
pub use placed::PlacedFile;

use std::{cell::RefCell, collections::VecDeque};

use futures_channel::oneshot;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageChannel, MessagePort};

/// Where the page's files are, as its build wrote it into `manifest.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Site {
    /// Address of the page's folder, with a `/` at the end.
    pub base: String,
    /// The files below `assets/demo`, sorted by path.
    pub demo: Vec<SiteFile>,
    /// The files below `assets/study`, sorted by path.
    #[serde(default)]
    pub study: Vec<SiteFile>,
    /// Address of the model hub, where it is another than the usual one: for tests.
    #[serde(default)]
    pub hub: Option<String>,
    /// What the browser tells about the adapter: vendor, architecture, description.
    #[serde(default)]
    pub adapter: Option<String>,
}

/// One file of the manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct SiteFile {
    /// Path below its list's folder.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of the content, in hexadecimal: what a fetched file is checked by.
    pub sha256: String,
}

thread_local! {
    pub(self) static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
    /// Who waits in [`yield_now`], first come first served.
    static WAITING: RefCell<VecDeque<oneshot::Sender<()>>> = const { RefCell::new(VecDeque::new()) };
    /// The port whose message wakes the first of them.
    static WAKER: Option<MessagePort> = waker();
}

/// Tells where the page's files are. Needed once, before [`demo_files`].
pub fn set_site(site: Site) {
    SITE.with_borrow_mut(|slot| *slot = Some(site));
}

/// What a thrown value says.
fn reason(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || "no reason given".to_owned(),
        |error| String::from(error.message()),
    )
}

/// The adapter's name as the Worker asked the browser for it; wgpu passes on its description only,
/// which most browsers keep empty.
pub fn adapter_name() -> Option<String> {
    SITE.with_borrow(|site| site.as_ref()?.adapter.clone())
}

/// Whether the processor has AVX-512: a browser does not say.
pub fn has_avx512() -> bool {
    false
}

/// The processor's name: a browser does not say.
pub fn processor() -> Option<String> {
    None
}

/// Bytes of memory that are available: a browser does not say.
pub fn available_memory() -> Option<u64> {
    None
}

/// The same items. A Worker has one thread, and what it hands to the device is copied by another process
/// while it reads the next.
pub fn ahead<I: Iterator>(items: I) -> impl Iterator<Item = I::Item> {
    items
}

/// Does `work` on every item; `heard` gets what comes of them. A Worker has one thread, whose event loop turns in
/// between.
pub async fn in_parallel<T, R>(
    items: impl Iterator<Item = T>,
    _at_most: usize,
    work: impl Fn(T) -> R,
    mut heard: impl FnMut(R),
) {
    for item in items {
        yield_now().await;
        heard(work(item));
    }
}

/// Lets the Worker's event loop turn once, so that messages (cancel among them) are heard.
///
/// A resolved promise would not do: it runs before the next message. A timer would, after 4 ms.
pub async fn yield_now() {
    let (sender, receiver) = oneshot::channel();
    WAITING.with_borrow_mut(|queue| queue.push_back(sender));
    let posted = WAKER.with(|waker| match waker {
        Some(port) => port.post_message(&JsValue::NULL).is_ok(),
        None => false,
    });
    if posted {
        // The sender lives in the queue until it is used: there is no error to handle.
        receiver.await.ok();
    }
}

/// A message channel of which the one end wakes those in [`WAITING`] and the other is returned.
fn waker() -> Option<MessagePort> {
    let channel = MessageChannel::new().ok()?;
    let wake = Closure::<dyn FnMut()>::new(|| {
        if let Some(sender) = WAITING.with_borrow_mut(VecDeque::pop_front) {
            sender.send(()).ok();
        }
    });
    channel
        .port1()
        .set_onmessage(Some(wake.as_ref().unchecked_ref()));
    // The channel lives as long as the Worker.
    wake.forget();
    Some(channel.port2())
}
