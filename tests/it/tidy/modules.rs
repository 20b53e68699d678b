//! Who may use whom.

use super::{report, source::files};

/// A module and the modules of the crate that it may use; each may use itself.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("blocks", &[]),
    ("platform", &[]),
    ("report", &["platform"]),
    ("study", &["platform", "report"]),
    ("figures", &["platform", "report", "study"]),
    // The twins take the parameters of the kernels; the check runs both.
    ("reference", &["blocks", "kernels"]),
    (
        "check",
        &["blocks", "gpu", "kernels", "reference", "report"],
    ),
    ("weights", &["blocks", "platform"]),
    ("families", &["weights"]),
    ("hub", &["families", "platform", "weights"]),
    ("input", &["families", "platform", "weights"]),
    ("gpu", &["blocks", "platform", "report"]),
    ("kernels", &["gpu"]),
    (
        "model",
        &["families", "gpu", "kernels", "input", "weights", "platform"],
    ),
    (
        "alignment",
        &["gpu", "kernels", "model", "platform", "report"],
    ),
    (
        "engine",
        &[
            "alignment",
            "check",
            "families",
            "gpu",
            "hub",
            "input",
            "kernels",
            "model",
            "platform",
            "report",
            "study",
            "weights",
        ],
    ),
    ("app", &["engine", "figures", "platform", "report", "study"]),
    // `mirscope app` opens the window.
    (
        "cli",
        &["app", "engine", "figures", "platform", "report", "study"],
    ),
];

/// What every module may use.
const FOR_ALL: &str = "words";

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut findings = Vec::new();
    for source in files("src", "rs") {
        let Some(module) = source
            .path
            .strip_prefix("src/")
            .and_then(|path| path.split_once('/'))
            .map(|(module, _)| module)
        else {
            continue;
        };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            findings.push(format!(
                "{}: the module `{module}` has no rule here",
                source.path
            ));
            continue;
        };
        for (line, used) in uses(&source.code()) {
            if used != module && used != FOR_ALL && !allowed.contains(&used.as_str()) {
                findings.push(format!("{}:{line}: `{module}` uses `{used}`", source.path));
            }
        }
    }
    report("ARCHITECTURE.md says who may use whom", &findings);
}

#[test]
fn only_gpu_knows_wgpu() {
    let mut findings = Vec::new();
    for source in files("src", "rs") {
        if source.path.starts_with("src/gpu/") {
            continue;
        }
        for (index, line) in source.code().lines().enumerate() {
            if names(line).any(|name| name == "wgpu") {
                findings.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    report("`wgpu` is named in src/gpu only", &findings);
}

/// The names in a line of code.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// The top-level modules that `code` names through `crate::`, with the line.
///
/// `crate::a::b`, `crate::{a, b::{c, d}}`; aliases of `crate` are not followed.
fn uses(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = code[from..].find("crate::").map(|at| from + at) {
        let line = code[..start].matches('\n').count() + 1;
        let rest = &code[start + "crate::".len()..];
        from = start + "crate::".len();
        if code[..start].ends_with('$') {
            continue;
        }
        let mut depth = 0;
        let mut name = String::new();
        // At depth 1 every name after `{` or `,` is a module; without braces there is one.
        let mut expecting = true;
        for letter in rest.chars() {
            if letter.is_alphanumeric() || letter == '_' {
                if expecting {
                    name.push(letter);
                }
                continue;
            }
            if !name.is_empty() {
                found.push((line, std::mem::take(&mut name)));
                expecting = false;
            }
            match letter {
                '{' => {
                    depth += 1;
                    expecting = depth == 1 && expecting;
                }
                '}' => depth -= 1,
                ',' if depth == 1 => expecting = true,
                _ => {}
            }
            let inside = depth > 0 || (expecting && letter.is_whitespace());
            if !inside {
                break;
            }
        }
        if !name.is_empty() {
            found.push((line, name));
        }
    }
    found
}

#[test]
fn uses_are_found_in_every_form() {
    let found = uses(
        "use crate::report::Report;\nuse crate::{gpu, model::{capture, vlm as v}, platform::Cancel};\n\
         fn a() -> crate::weights::W { crate::input::b(crate::kernels) }\n$crate::macros",
    );
    let expected = [
        (1, "report"),
        (2, "gpu"),
        (2, "model"),
        (2, "platform"),
        (3, "weights"),
        (3, "input"),
        (3, "kernels"),
    ];
    assert_eq!(found, expected.map(|(line, name)| (line, name.to_owned())));
}
