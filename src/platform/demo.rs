//! The demo's files, wherever they come from.

use std::borrow::Cow;

/// One file of the demo: part of the program natively, fetched beside the page in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoFile {
    /// Path below `assets/demo`, with `/` between its parts, for example `model/config.json`.
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
    /// The request did not reach a server.
    #[error(
        "assets/demo/{path}: the request failed ({reason}): check the connection and measure again"
    )]
    Request {
        /// The file.
        path: String,
        /// What the browser said.
        reason: String,
    },
    /// The server refused.
    #[error(
        "assets/demo/{path}: the server answered {status} instead of 200: copy the whole bundle to \
         the host, the folder assets/ included"
    )]
    Status {
        /// The file.
        path: String,
        /// HTTP status.
        status: u16,
    },
    /// The file is not the one that the page was built with.
    #[error(
        "assets/demo/{path}: expected {expected} bytes, received {found}: the file and the page are \
         of different versions, or the transfer broke off; reload the page"
    )]
    Size {
        /// The file.
        path: String,
        /// Bytes that the manifest names.
        expected: u64,
        /// Bytes received; reading stops beyond `expected`.
        found: u64,
    },
}
