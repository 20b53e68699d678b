//! Composes every kernel in `shaders/` with the snippets it imports from `shaders/common/`, and
//! lists the files of the demo for embedding.
//!
//! The composed, plain WGSL lands in `OUT_DIR/<kernel>.wgsl` and a table of all kernels in
//! `OUT_DIR/kernels.rs`, with a second one of those that have more entry points in
//! `shaders/subgroups/`, natively: browsers want a line for them that naga does not take. It is done
//! here, so that no composer is part of the program itself. Imports are all there is to compose: a few
//! lines do it, where a composer with a parser of WGSL would take a quarter of the time of the demo's build. The table of `assets/demo` lands in `OUT_DIR/demo.rs`, the studies' results in
//! `OUT_DIR/study.rs`; on the web both are empty, the page fetches the files.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    compose_shaders(&out_dir)?;
    list_demo(&out_dir)?;
    embed_study(&out_dir)
}

fn compose_shaders(out_dir: &Path) -> Result<(), Error> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shaders");
    let is_native = env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32";
    let mut names = Vec::new();
    for entry in fs::read_dir("shaders")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wgsl")
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    for entry in fs::read_dir("shaders/subgroups")? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if !names.iter().any(|name| Some(&**name) == stem) {
            return Err(format!("{}: no kernel of this name in shaders/", path.display()).into());
        }
    }

    let mut table = String::from(
        "/// Every kernel: its name and its composed WGSL, sorted by name.\npub static SHADERS: &[(&str, &str)] = &[\n",
    );
    let mut with_subgroups = String::new();
    for name in &names {
        let (mut composed, mut taken) = (String::new(), Vec::new());
        compose(name, &mut taken, &mut composed)?;
        let file = out_dir.join(format!("{name}.wgsl"));
        fs::write(&file, &composed)?;
        table += &format!("    ({name:?}, include_str!({file:?})),\n");
        if is_native && Path::new(&format!("shaders/subgroups/{name}.wgsl")).is_file() {
            compose(&format!("subgroups/{name}"), &mut taken, &mut composed)?;
            let file = out_dir.join(format!("{name}.subgroups.wgsl"));
            fs::write(&file, composed)?;
            with_subgroups += &format!("    ({name:?}, include_str!({file:?})),\n");
        }
    }
    table += "];\n\n/// Those with entry points for subgroups, and all of their WGSL.\n";
    table += "pub static SUBGROUP_SHADERS: &[(&str, &str)] = &[\n";
    table += &with_subgroups;
    table += "];\n";
    fs::write(out_dir.join("kernels.rs"), table)?;
    Ok(())
}

/// Adds the code of `shaders/MODULE.wgsl` to `composed`, behind that of the modules it imports from. A
/// line `import package::common::reduce::workgroup_sum;` brings in all of `shaders/common/reduce.wgsl`,
/// once: snippets are small, and their names are all different. Comments are left out.
fn compose(module: &str, taken: &mut Vec<String>, composed: &mut String) -> Result<(), Error> {
    if taken.iter().any(|name| name == module) {
        return Ok(());
    }
    taken.push(module.to_owned());
    let file = format!("shaders/{module}.wgsl");
    let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let mut own = String::new();
    for (line, number) in text.lines().zip(1..) {
        let code = line.trim_start();
        if let Some(path) = code.strip_prefix("import ") {
            let (from, item) = path
                .strip_prefix("package::")
                .and_then(|path| path.strip_suffix(';')?.rsplit_once("::"))
                .ok_or(format!(
                    "{file}:{number}: expected `import package::MODULE::ITEM;`, found `{line}`"
                ))?;
            let from = from.replace("::", "/");
            compose(&from, taken, composed).map_err(|error| format!("{file}:{number}: {error}"))?;
            let snippet = fs::read_to_string(format!("shaders/{from}.wgsl"))?;
            // `fn item`, `struct item`, `const item`, `override item`
            let declares = |line: &str| {
                let mut words =
                    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                words.nth(1) == Some(item)
            };
            if !snippet.lines().any(declares) {
                return Err(
                    format!("{file}:{number}: shaders/{from}.wgsl declares no {item}").into(),
                );
            }
        } else if !code.starts_with("//") {
            own += line;
            own.push('\n');
        }
    }
    *composed += &own;
    Ok(())
}

/// Writes `DEMO_FILES`, a table of (path below `assets/demo` with `/`, bytes) in path order.
fn list_demo(out_dir: &Path) -> Result<(), Error> {
    println!("cargo::rerun-if-changed=assets/demo");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("assets/demo");
    let mut files = Vec::new();
    if env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32" && root.is_dir() {
        walk(&root, &mut files)?;
    }
    files.sort();
    let mut table = String::from("static DEMO_FILES: &[(&str, &[u8])] = &[\n");
    // What the app shows at its start is part of the app already.
    files.retain(|file| !file.ends_with("recorded.cbor"));
    for file in files {
        let below: Vec<_> = file
            .strip_prefix(&root)?
            .iter()
            .map(|part| part.to_string_lossy())
            .collect();
        table += &format!("    ({:?}, include_bytes!({file:?})),\n", below.join("/"));
    }
    table += "];\n";
    fs::write(out_dir.join("demo.rs"), table)?;
    Ok(())
}

/// Results that ship: the constant's name, the file below `assets`, and whether the demo's table needs it, too.
const SHIPPED: [(&str, &str, bool); 3] = [
    ("STUDY_RESULTS", "assets/study/results.json", true),
    ("PAPERS_RESULTS", "assets/papers/results.json", false),
    ("REAL_POINTS", "assets/real/points.json", false),
];

/// Writes the texts of [`SHIPPED`] that are there, for the app and the demo's table. On the web they are none,
/// the page fetches them.
fn embed_study(out_dir: &Path) -> Result<(), Error> {
    let shown = ["CARGO_FEATURE_APP", "CARGO_FEATURE_CLI"];
    if shown.iter().all(|feature| env::var_os(feature).is_none()) {
        // Nobody shows them: new results are no reason to build again.
        return Ok(fs::write(out_dir.join("study.rs"), "")?);
    }
    let has_app = env::var_os("CARGO_FEATURE_APP").is_some();
    let mut code = String::new();
    for (name, path, table) in SHIPPED {
        if !has_app && !table {
            continue;
        }
        let file = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join(path);
        let is_there = file.is_file();
        // A file that is not there would count as changed each time.
        let watched = if is_there { path } else { "assets" };
        println!("cargo::rerun-if-changed={watched}");
        let embedded = if is_there && env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32" {
            format!("Some(include_str!({file:?}))")
        } else {
            "None".to_owned()
        };
        code += &format!("static {name}: Option<&str> = {embedded};\n");
    }
    fs::write(out_dir.join("study.rs"), code)?;
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
