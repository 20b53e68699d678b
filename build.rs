//! Composes every kernel in `shaders/` with the snippets it imports from `shaders/common/`, and
//! lists the files of the demo for embedding.
//!
//! The composed, plain WGSL lands in `OUT_DIR/<kernel>.wgsl` and a table of all kernels in
//! `OUT_DIR/kernels.rs`, so that no composer is part of the program itself. The table of
//! `assets/demo` lands in `OUT_DIR/demo.rs`, the family's results in `OUT_DIR/family.rs`; on the web both
//! are empty, the page fetches the files.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    compose_shaders(&out_dir)?;
    list_demo(&out_dir)?;
    embed_family(&out_dir)
}

fn compose_shaders(out_dir: &Path) -> Result<(), Error> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shaders");
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

    let mut compiler = wesl::Wesl::new("shaders");
    compiler.use_stripping(true);
    let mut table = String::from(
        "/// Every kernel: its name and its composed WGSL, sorted by name.\npub static SHADERS: &[(&str, &str)] = &[\n",
    );
    for name in &names {
        let module = format!("package::{name}").parse()?;
        let composed = compiler
            .compile(&module)
            .map_err(|error| format!("shaders/{name}.wgsl: {error}"))?
            .to_string();
        let file = out_dir.join(format!("{name}.wgsl"));
        fs::write(&file, composed)?;
        table += &format!("    ({name:?}, include_str!({:?})),\n", file);
    }
    table += "];\n";
    fs::write(out_dir.join("kernels.rs"), table)?;
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

/// Writes `FAMILY_RESULTS`: the text of `assets/family/results.json` where there is one. On the web it is
/// none, the page fetches it.
fn embed_family(out_dir: &Path) -> Result<(), Error> {
    let file = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("assets/family/results.json");
    let is_there = file.is_file();
    // A file that is not there would count as changed each time.
    let watched = if is_there {
        "assets/family/results.json"
    } else {
        "assets"
    };
    println!("cargo::rerun-if-changed={watched}");
    let embedded = if is_there && env::var("CARGO_CFG_TARGET_ARCH")? != "wasm32" {
        format!("Some(include_str!({file:?}))")
    } else {
        "None".to_owned()
    };
    let code = format!(
        "#[cfg(any(feature = \"app\", feature = \"cli\"))]\n\
         static FAMILY_RESULTS: Option<&str> = {embedded};\n"
    );
    fs::write(out_dir.join("family.rs"), code)?;
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
