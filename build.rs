//! Composes every kernel in `shaders/` with the snippets it imports from `shaders/common/`.
//!
//! The composed, plain WGSL lands in `OUT_DIR/<kernel>.wgsl` and a table of all kernels in
//! `OUT_DIR/kernels.rs`, so that no composer is part of the program itself.

use std::{env, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=shaders");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
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
    let mut table = String::from("pub static SHADERS: &[(&str, &str)] = &[\n");
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
