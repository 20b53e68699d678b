//! What the app opens with, as `mirscope record-demo` wrote it: part of a program, beside a page's.

/// The bytes of `assets/demo/recorded.cbor`.
#[cfg(not(target_arch = "wasm32"))]
pub fn recording() -> &'static [u8] {
    include_bytes!("../../assets/demo/recorded.cbor")
}

#[cfg(target_arch = "wasm32")]
static RECORDING: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();

/// The bytes of `assets/demo/recorded.cbor`; none before [`set_recording`].
#[cfg(target_arch = "wasm32")]
pub fn recording() -> &'static [u8] {
    RECORDING.get().map_or(&[], Vec::as_slice)
}

/// Takes them from the page, which fetched them while the program came.
#[cfg(target_arch = "wasm32")]
pub fn set_recording(bytes: Vec<u8>) {
    RECORDING.get_or_init(|| bytes);
}
