//! The composed WGSL of every kernel.

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The composed WGSL of a kernel, by the name of its file in `shaders/`.
pub fn shader(name: &str) -> Option<&'static str> {
    SHADERS
        .binary_search_by(|(candidate, _)| (*candidate).cmp(name))
        .ok()
        .map(|index| SHADERS[index].1)
}
