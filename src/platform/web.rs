//! A dedicated Worker of a web page: one thread with an event loop, files fetched beside the page.

#[cfg(feature = "app")]
mod page;

#[cfg(feature = "app")]
pub use page::{
    PageFiles, cache_size, clear_cache, dropped, in_background, pick, read, save, set_page_files,
};

use std::{borrow::Cow, cell::RefCell, collections::VecDeque, ops::Range};

use futures_channel::oneshot;
use futures_util::{StreamExt, TryStreamExt, stream};
use js_sys::Function;
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MessageChannel, MessagePort, ReadableStreamDefaultReader, Response, WorkerGlobalScope,
};

use super::{DemoFile, DemoFileError, FileError, FilePlace, PickedFile};

/// Requests under way at the same time; more gains nothing and some hosts refuse them.
const PARALLEL_REQUESTS: usize = 6;

/// Where the page's files are, as its build wrote it into `manifest.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Site {
    /// Address of the page's folder, with a `/` at the end.
    pub base: String,
    /// The files below `assets/demo`, sorted by path.
    pub demo: Vec<SiteFile>,
    /// What the browser tells about the adapter: vendor, architecture, description.
    #[serde(default)]
    pub adapter: Option<String>,
}

/// One file of the manifest.
#[derive(Clone, Debug, Deserialize)]
pub struct SiteFile {
    /// Path below `assets/demo`.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// Names the content, so that no cache answers with an older one.
    pub hash: String,
}

thread_local! {
    static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
    /// Who waits in [`yield_now`], first come first served.
    static WAITING: RefCell<VecDeque<oneshot::Sender<()>>> = const { RefCell::new(VecDeque::new()) };
    /// Reads a file of the page by number, from a byte to a byte.
    static READER: RefCell<Option<Function>> = const { RefCell::new(None) };
    /// The port whose message wakes the first of them.
    static WAKER: Option<MessagePort> = waker();
}

/// Tells where the page's files are. Needed once, before [`demo_files`].
pub fn set_site(site: Site) {
    SITE.with_borrow_mut(|slot| *slot = Some(site));
}

/// Tells how the Worker reads a file of the page: a function of the file's number, the first byte and
/// the byte after the last, that returns a `Uint8Array` or throws. Needed once, before [`read_range`].
pub fn set_reader(reader: Function) {
    READER.with_borrow_mut(|slot| *slot = Some(reader));
}

/// The bytes `range` of a file that was chosen on the page. Called by the engine in its Worker, where
/// files may be read without waiting.
///
/// # Errors
/// The file ends before the range does, can no longer be read, or is not one of the page's.
pub fn read_range(file: &PickedFile, range: Range<u64>) -> Result<Vec<u8>, FileError> {
    let failed = |reason: &str| FileError::new(&file.path, reason);
    let FilePlace::Page(id) = file.place else {
        return Err(failed("expected a file of the page, found one on a disk"));
    };
    if range.start > range.end || range.end > file.size {
        return Err(failed(&format!(
            "expected bytes {}..{}, found only {}",
            range.start, range.end, file.size
        )));
    }
    let reader = READER.with_borrow(Clone::clone);
    let reader = reader.ok_or_else(|| failed("this Worker was not told how to read files"))?;
    let (start, end) = (range.start as f64, range.end as f64);
    let bytes = reader
        .call3(&JsValue::NULL, &id.into(), &start.into(), &end.into())
        .map_err(|error| failed(&reason(&error)))?
        .unchecked_into::<js_sys::Uint8Array>()
        .to_vec();
    if bytes.len() as u64 != range.end - range.start {
        return Err(failed("it became shorter since it was chosen"));
    }
    Ok(bytes)
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

/// The files of the demo whose path below `assets/demo` is `wanted`, sorted by path.
///
/// `progress` hears `(bytes done, bytes in all)`, at least once at the end.
///
/// # Errors
/// [`DemoFileError`] where a file cannot be fetched as the page's manifest lists it.
pub async fn demo_files(
    wanted: impl Fn(&str) -> bool,
    progress: impl FnMut(u64, u64),
) -> Result<Vec<DemoFile>, DemoFileError> {
    let Some(site) = SITE.with_borrow(Clone::clone) else {
        return Err(DemoFileError::NoManifest);
    };
    let files: Vec<&SiteFile> = site.demo.iter().filter(|file| wanted(&file.path)).collect();
    let total = files.iter().map(|file| file.bytes).sum();
    let count = RefCell::new((0, progress));
    let received = |bytes: u64| {
        let (done, progress) = &mut *count.borrow_mut();
        *done += bytes;
        progress(*done, total);
    };
    received(0);
    stream::iter(files)
        .map(|file| fetch_file(&site.base, file, &received))
        .buffered(PARALLEL_REQUESTS)
        .try_collect()
        .await
}

/// Fetches one file, in pieces, and never takes more than the manifest says.
async fn fetch_file(
    base: &str,
    file: &SiteFile,
    received: &impl Fn(u64),
) -> Result<DemoFile, DemoFileError> {
    let request_error = |error: JsValue| DemoFileError::Request {
        path: file.path.clone(),
        reason: reason(&error),
    };
    let size_error = |found| DemoFileError::Size {
        path: file.path.clone(),
        expected: file.bytes,
        found,
    };
    let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
    let address = format!("{base}assets/demo/{}?{}", file.path, file.hash);
    let response: Response = JsFuture::from(scope.fetch_with_str(&address))
        .await
        .map_err(request_error)?
        .unchecked_into();
    if !response.ok() {
        return Err(DemoFileError::Status {
            path: file.path.clone(),
            status: response.status(),
        });
    }
    let mut bytes = Vec::new();
    if let Some(body) = response.body() {
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        loop {
            let step = JsFuture::from(reader.read()).await.map_err(request_error)?;
            let chunk = js_sys::Reflect::get(&step, &"value".into()).map_err(request_error)?;
            let Ok(chunk) = chunk.dyn_into::<js_sys::Uint8Array>() else {
                break;
            };
            let found = bytes.len() as u64 + u64::from(chunk.length());
            if found > file.bytes {
                return Err(size_error(found));
            }
            bytes.extend(chunk.to_vec());
            received(u64::from(chunk.length()));
        }
    }
    if bytes.len() as u64 != file.bytes {
        return Err(size_error(bytes.len() as u64));
    }
    Ok(DemoFile {
        path: file.path.clone(),
        bytes: Cow::Owned(bytes),
    })
}
