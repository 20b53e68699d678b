//! The demo's files, wherever they come from.

use std::borrow::Cow;

/// One file of the demo: part of the program natively, fetched beside the page in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Path below `assets/demo` (of [`super::asset_files`]: below `assets`), with `/` between its parts, for example `model/config.json`.
    pub path: String,
    /// Content.
    pub bytes: Cow<'static, [u8]>,
}

/// Why a file of the demo is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemoFileError {
    /// The page did not say where its files are.
    #[error("the demo's files are not known here: start the engine with the page's manifest.json")]
    NoManifest,
    /// A file cannot be had, or is not the one that the page was built with.
    #[error("assets/{path}: {reason}")]
    Fetch {
        /// The file, below `assets`.
        path: String,
        /// Expected, found, and what to do.
        reason: String,
    },
}
