//! One kernel, one name, five places.

use std::collections::BTreeSet;

use super::{
    report,
    source::{files, root},
};

/// Files beside the kernels that are none: what several of them share.
const SHARED: [&str; 4] = ["mod", "common", "shaders", "types"];

/// The names of the kernels in a folder: its own files, not those in folders below it.
fn names(folder: &str, extension: &str) -> BTreeSet<String> {
    files(folder, extension)
        .iter()
        .filter_map(|source| {
            let name = source.path.strip_prefix(folder)?.strip_prefix('/')?;
            let stem = name.strip_suffix(extension)?.strip_suffix('.')?;
            (!stem.contains('/') && !SHARED.contains(&stem)).then(|| stem.to_owned())
        })
        .collect()
}

#[test]
fn every_kernel_has_its_shader_its_dispatch_its_twin_its_cases_and_its_test() {
    let shaders = names("shaders", "wgsl");
    let mut findings = Vec::new();
    for (folder, role) in [
        ("src/kernels", "the dispatch"),
        ("src/reference", "the twin"),
        ("src/check/kernels", "the cases"),
        ("tests/it/kernels", "the test"),
    ] {
        let found = names(folder, "rs");
        for name in shaders.difference(&found) {
            findings.push(format!(
                "{folder}/{name}.rs, {role} of shaders/{name}.wgsl, is missing"
            ));
        }
        for name in found.difference(&shaders) {
            findings.push(format!(
                "{folder}/{name}.rs is {role} of no shader: shaders/{name}.wgsl is missing"
            ));
        }
    }
    report("one kernel, one name, five places", &findings);
}

#[test]
fn every_shader_says_what_it_does() {
    let findings: Vec<String> = files("shaders", "wgsl")
        .iter()
        .filter(|source| !source.text.starts_with("//"))
        .map(|source| format!("{} does not start with a comment", source.path))
        .collect();
    report("every shader says what it does", &findings);
    assert!(root().join("src").is_dir());
}

/// A declaration inside a loop must start anew in each turn; SwiftShader in Chromium keeps the old
/// value unless the new one is spelled out.
#[test]
fn every_variable_in_a_function_has_an_initial_value() {
    let mut findings = Vec::new();
    for source in files("shaders", "wgsl") {
        for (number, line) in source.text.lines().enumerate() {
            let local = line.starts_with(' ') && line.trim_start().starts_with("var ");
            if local && !line.contains('=') {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("variables of shader functions have a value", &findings);
}
