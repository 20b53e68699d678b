//! What the page itself does for the app, through its JavaScript: dialogs, drops, reading, saving,
//! the cache. The Worker has none of it.

use std::cell::RefCell;

use js_sys::{Array, Promise, Uint8Array};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::reason;
use crate::platform::{
    FileError, FilePlace, Later, PickKind, PickedFile, Shipped, picked::MAX_FILES,
};

#[wasm_bindgen]
extern "C" {
    /// The page's functions, see `web/files.js`.
    #[derive(Clone, Debug)]
    pub type PageFiles;

    /// Opens a dialog for files with these extensions, or for a folder where there are none;
    /// resolves with a list of `{ id, path, size }`.
    #[wasm_bindgen(method)]
    fn pick(this: &PageFiles, extensions: Array) -> Promise;

    /// What was dropped since the last call, as a list of `{ id, path, size }`.
    #[wasm_bindgen(method)]
    fn dropped(this: &PageFiles) -> JsValue;

    /// Resolves with the bytes of a file as a `Uint8Array`.
    #[wasm_bindgen(method)]
    fn read(this: &PageFiles, id: u32) -> Promise;

    /// Hands bytes to the browser's downloads.
    #[wasm_bindgen(method, catch)]
    fn save(this: &PageFiles, name: &str, bytes: Uint8Array) -> Result<(), JsValue>;

    /// Resolves with the text of results that ship with the page, or null where it has none.
    #[wasm_bindgen(method)]
    fn shipped(this: &PageFiles, name: &str) -> Promise;

    /// Resolves with the bytes in the cache of fetched files.
    #[wasm_bindgen(method, js_name = cacheSize)]
    fn cache_size(this: &PageFiles) -> Promise;

    /// Empties the cache of fetched files.
    #[wasm_bindgen(method, js_name = clearCache)]
    fn clear_cache(this: &PageFiles) -> Promise;
}

thread_local! {
    static FILES: RefCell<Option<PageFiles>> = const { RefCell::new(None) };
}

/// A file as the page lists it.
#[derive(Deserialize)]
struct Listed {
    id: u32,
    path: String,
    size: f64,
}

/// Tells how the page does all this. Needed once, before anything else here.
pub fn set_page_files(files: PageFiles) {
    FILES.with_borrow_mut(|slot| *slot = Some(files));
}

fn page() -> Option<PageFiles> {
    FILES.with_borrow(Clone::clone)
}

fn listed(list: JsValue) -> Vec<PickedFile> {
    // The list is the page's own: what does not read as one is an empty one.
    let list: Vec<Listed> = serde_wasm_bindgen::from_value(list).unwrap_or_default();
    list.into_iter()
        .take(MAX_FILES)
        .map(|Listed { id, path, size }| PickedFile {
            path,
            size: size as u64,
            place: FilePlace::Page(id),
        })
        .collect()
}

/// Awaits what the page promised, on the page's own thread; without a page it never comes.
fn promised<T: 'static>(
    ask: impl FnOnce(&PageFiles) -> Promise,
    wake: impl FnOnce() + 'static,
    convert: impl FnOnce(Result<JsValue, JsValue>) -> T + 'static,
) -> Later<T> {
    let (sender, later) = Later::new();
    if let Some(page) = page() {
        let promise = ask(&page);
        spawn_local(async move {
            let outcome = JsFuture::from(promise).await;
            // Nobody may be waiting any more.
            sender.send(convert(outcome)).ok();
            wake();
        });
    }
    later
}

/// Asks the person to choose files; the answer is empty where the dialog was closed. Browsers allow
/// it shortly after a click or a key only.
///
/// `wake` is called when the answer is there.
pub fn pick(kind: PickKind, wake: impl FnOnce() + Send + 'static) -> Later<Vec<PickedFile>> {
    let extensions = kind.extensions().iter().copied().map(JsValue::from);
    let extensions: Array = extensions.collect();
    promised(
        |page| page.pick(extensions),
        wake,
        |outcome| outcome.map(listed).unwrap_or_default(),
    )
}

/// The files dropped on the page since the last call, those in dropped folders included.
pub fn dropped() -> Vec<PickedFile> {
    page().map_or_else(Vec::new, |page| listed(page.dropped()))
}

/// Reads a whole file of at most `limit` bytes. `wake` is called when it is there.
pub fn read(
    file: &PickedFile,
    limit: u64,
    wake: impl FnOnce() + Send + 'static,
) -> Later<Result<Vec<u8>, FileError>> {
    if file.size > limit {
        wake();
        return Later::ready(Err(FileError::too_large(file, limit)));
    }
    let path = file.path.clone();
    let FilePlace::Page(id) = file.place else {
        let reason = "expected a file of this page, found one on a disk";
        wake();
        return Later::ready(Err(FileError::new(path, reason)));
    };
    promised(
        |page| page.read(id),
        wake,
        move |outcome| match outcome {
            Ok(bytes) => Ok(bytes.unchecked_into::<Uint8Array>().to_vec()),
            Err(error) => Err(FileError::new(path, reason(&error))),
        },
    )
}

/// Gives the person a file called `name` through the browser's downloads; the answer is that name.
pub fn save(
    name: &str,
    bytes: Vec<u8>,
    wake: impl FnOnce() + Send + 'static,
) -> Later<Result<Option<String>, FileError>> {
    let saved = match page() {
        Some(page) => page
            .save(name, Uint8Array::from(bytes.as_slice()))
            .map(|()| Some(name.to_owned()))
            .map_err(|error| FileError::new(name, reason(&error))),
        None => Err(FileError::new(
            name,
            "expected a page to save it, found none",
        )),
    };
    wake();
    Later::ready(saved)
}

/// Does `work` now: a page has one thread for what the app does, so it is to be short.
pub fn in_background<T: 'static>(
    wake: impl FnOnce() + Send + 'static,
    work: impl FnOnce() -> T + 'static,
) -> Later<T> {
    let done = Later::ready(work());
    wake();
    done
}

/// The page's address without its fragment.
pub fn address() -> Option<String> {
    let location = js_sys::Reflect::get(&js_sys::global(), &"location".into()).ok()?;
    let href = js_sys::Reflect::get(&location, &"href".into())
        .ok()?
        .as_string()?;
    let address = href.split('#').next()?;
    Some(address.to_owned())
}

/// Whether the study's checkpoints are at hand: a page lists them beside the program.
pub fn has_study() -> bool {
    true
}

/// Results that ship, where the page has them. `wake` is called when they are there.
pub fn shipped(
    what: Shipped,
    wake: impl FnOnce() + Send + 'static,
) -> Later<Result<Option<String>, FileError>> {
    promised(
        |page| page.shipped(what.name()),
        wake,
        move |outcome| match outcome {
            Ok(text) => Ok(text.as_string()),
            Err(error) => Err(FileError::new(what.file(), reason(&error))),
        },
    )
}

/// Bytes that fetched files take in the cache; `None` where the browser keeps none.
pub fn cache_size(wake: impl FnOnce() + Send + 'static) -> Later<Option<u64>> {
    promised(PageFiles::cache_size, wake, |outcome| {
        Some(outcome.ok()?.as_f64()? as u64)
    })
}

/// Empties the cache of fetched files.
pub fn clear_cache(wake: impl FnOnce() + Send + 'static) -> Later<Result<(), FileError>> {
    promised(PageFiles::clear_cache, wake, |outcome| match outcome {
        Ok(_) => Ok(()),
        Err(error) => Err(FileError::new("the cache", reason(&error))),
    })
}
