//! The composed WGSL of every kernel, and of those that have entry points for subgroups.

include!(concat!(env!("OUT_DIR"), "/kernels.rs"));

/// The composed WGSL of a kernel, by the name of its file in `shaders/`.
pub fn shader(name: &str) -> Option<&'static str> {
    find(SHADERS, name)
}

/// The same with its entry points for subgroups; none where it has no such.
pub fn subgroup_shader(name: &str) -> Option<&'static str> {
    find(SUBGROUP_SHADERS, name)
}

fn find(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let place = table.binary_search_by(|(candidate, _)| (*candidate).cmp(name));
    place.ok().map(|index| table[index].1)
}
