//! What the Worker's JavaScript does for the engine: reading chosen files, fetching the demo's.

use std::{borrow::Cow, cell::RefCell, ops::Range};

use futures_util::{StreamExt, TryStreamExt, stream};
use js_sys::{Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{SITE, SiteFile, reason};
use crate::platform::{DemoFile, DemoFileError, FileError, FilePlace, PickedFile};

/// Files fetched at the same time; more gains nothing and some hosts refuse them.
const PARALLEL_REQUESTS: usize = 6;

#[wasm_bindgen]
extern "C" {
    /// The Worker's functions, see `web/worker.js`.
    #[derive(Clone, Debug)]
    pub type Host;

    /// The bytes of a chosen file, from a byte to a byte; throws where it cannot be read.
    #[wasm_bindgen(method, catch)]
    fn read(this: &Host, id: u32, start: f64, end: f64) -> Result<Uint8Array, JsValue>;

    /// Resolves with the content of a file below `assets`; `progress` hears how many of its bytes are
    /// there.
    #[wasm_bindgen(method)]
    fn fetch(this: &Host, path: &str, bytes: f64, sha256: &str, progress: &Function) -> Promise;

    /// Resolves with whether all kernels are compiled, at the latest after some milliseconds.
    #[wasm_bindgen(method)]
    fn compiled(this: &Host, patience: f64) -> Promise;

    /// Hears what a panic said; the Worker is of no more use.
    #[wasm_bindgen(method)]
    pub fn died(this: &Host, text: &str);
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

/// Tells how the Worker does all this. Needed once, before the engine runs.
pub fn set_host(host: Host) {
    HOST.with_borrow_mut(|slot| *slot = Some(host));
}

/// The Worker's functions, where they are known.
pub fn host() -> Option<Host> {
    HOST.with_borrow(Clone::clone)
}

/// Whether kernels are compiled in the background, so that [`compiled`] is worth awaiting.
pub fn compiles_in_background() -> bool {
    host().is_some()
}

/// Waits a moment for the kernels being compiled; returns whether all are.
pub async fn compiled() -> bool {
    /// Between two looks at whether somebody cancelled, in milliseconds.
    const PATIENCE: f64 = 50.0;
    match host() {
        Some(host) => JsFuture::from(host.compiled(PATIENCE))
            .await
            .is_ok_and(|ready| ready.is_truthy()),
        None => true,
    }
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
    let host = host().ok_or_else(|| failed("files of the page are read in its Worker only"))?;
    let bytes = host
        .read(id, range.start as f64, range.end as f64)
        .map_err(|error| failed(&reason(&error)))?;
    if u64::from(bytes.length()) != range.end - range.start {
        return Err(failed("it became shorter since it was chosen"));
    }
    Ok(bytes.to_vec())
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
    let mut files = asset_files(
        |path| path.strip_prefix(DEMO).is_some_and(&wanted),
        progress,
    )
    .await?;
    for file in &mut files {
        file.path.drain(..DEMO.len());
    }
    Ok(files)
}

/// Where the demo lies below `assets`.
const DEMO: &str = "demo/";

/// The files below `assets` whose path is `wanted`, sorted by path: `demo/...` and `study/...`.
///
/// `progress` and errors as with [`demo_files`].
pub async fn asset_files(
    wanted: impl Fn(&str) -> bool,
    progress: impl FnMut(u64, u64),
) -> Result<Vec<DemoFile>, DemoFileError> {
    let (Some(site), Some(host)) = (SITE.with_borrow(Clone::clone), host()) else {
        return Err(DemoFileError::NoManifest);
    };
    let below = |folder: &'static str, files: Vec<SiteFile>| {
        files.into_iter().map(move |file| SiteFile {
            path: format!("{folder}{}", file.path),
            ..file
        })
    };
    let files: Vec<SiteFile> = below(DEMO, site.demo)
        .chain(below("study/", site.study))
        .filter(|file| wanted(&file.path))
        .collect();
    let total = files.iter().map(|file| file.bytes).sum();
    let count = RefCell::new((vec![0; files.len()], progress));
    let received = |index: usize, bytes: u64| {
        let (done, progress) = &mut *count.borrow_mut();
        if let Some(slot) = done.get_mut(index) {
            *slot = bytes;
        }
        progress(done.iter().sum(), total);
    };
    received(usize::MAX, 0);
    stream::iter(files.iter().enumerate())
        .map(|(index, file)| fetch_file(&host, file, index, &received))
        .buffered(PARALLEL_REQUESTS)
        .try_collect()
        .await
}

/// One file, as the Worker fetches and checks it. `received` hears the bytes that are there.
async fn fetch_file(
    host: &Host,
    file: &SiteFile,
    index: usize,
    received: &impl Fn(usize, u64),
) -> Result<DemoFile, DemoFileError> {
    let fetch = |tell: &Function| host.fetch(&file.path, file.bytes as f64, &file.sha256, tell);
    let bytes = progressing(fetch, |bytes| received(index, bytes)).await;
    match bytes {
        Ok(bytes) => {
            received(index, file.bytes);
            Ok(DemoFile {
                path: file.path.clone(),
                bytes: Cow::Owned(bytes.unchecked_into::<Uint8Array>().to_vec()),
            })
        }
        Err(error) => Err(DemoFileError::Fetch {
            path: file.path.clone(),
            reason: reason(&error),
        }),
    }
}

/// Awaits what JavaScript promises; `progress` hears the numbers that it tells meanwhile.
pub(super) async fn progressing(
    promise: impl FnOnce(&Function) -> Promise,
    mut progress: impl FnMut(u64),
) -> Result<JsValue, JsValue> {
    use futures_util::future::{Either, select};
    // JavaScript gets a closure that owns what it tells; it is heard in between by polling.
    let (sender, mut receiver) = futures_channel::mpsc::unbounded();
    let tell = Closure::<dyn FnMut(f64)>::new(move |bytes: f64| {
        // The receiver goes when the file is there.
        sender.unbounded_send(bytes as u64).ok();
    });
    let promise = promise(tell.as_ref().unchecked_ref::<Function>());
    let mut promised = std::pin::pin!(JsFuture::from(promise));
    loop {
        match select(&mut promised, receiver.next()).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right((Some(bytes), _)) => progress(bytes),
            Either::Right((None, _)) => return promised.as_mut().await,
        }
    }
}
