//! The recipe for training loops, as `docs/training-loop.md` shows it.

use std::{fs, path::Path, process::Command};

use mirscope::report::parse;

use super::{run, text};
use crate::golden;

const RECIPE: &str = "tools/training_loop.py";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_page_shows_the_function_of_the_recipe() {
    let page = fs::read_to_string(root().join("docs/training-loop.md")).unwrap();
    let recipe = fs::read_to_string(root().join(RECIPE)).unwrap();
    let function = recipe.split("\n\n\n").nth(1).unwrap().trim();
    assert!(function.starts_with("def measure("));
    assert!(page.contains(function), "{function}");
}

#[test]
fn the_recipe_measures_checkpoints() {
    let python = Command::new("python3").arg("--version").output();
    if !python.is_ok_and(|python| python.status.success()) {
        println!("skipped: there is no python3 here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = ["clip_mlp_gqa_tied_f32", "clip_two_layers_relu_bf16"];
    let checkpoints = checkpoints.map(|name| golden::root().join(name));
    let image = checkpoints[0].join("image.png");
    let pair = |text: &str| {
        let pair = serde_json::json!({ "image": &image, "text": text });
        pair.to_string()
    };
    let pairs = folder.path().join("pairs.jsonl");
    fs::write(&pairs, [pair("a cat"), pair("a red triangle")].join("\n")).unwrap();
    let recipe = |checkpoints: &[&Path]| {
        let mut command = Command::new("python3");
        command
            .arg(root().join(RECIPE))
            .arg(&pairs)
            .args(checkpoints)
            .current_dir(folder.path())
            .env("MIRSCOPE", env!("CARGO_BIN_EXE_mirscope"));
        text(&command.output().unwrap())
    };
    let (code, out, err) = recipe(&checkpoints.each_ref().map(|path| path.as_path()));
    assert_eq!(code, 0, "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), checkpoints.len(), "{out}");
    for (line, checkpoint) in lines.into_iter().zip(&checkpoints) {
        let model = checkpoint.to_str().unwrap();
        let args = [
            "measure",
            "--model",
            model,
            "--pairs",
            "pairs.jsonl",
            "--json",
        ];
        let (code, json, err) = text(&run(folder.path(), &args));
        assert_eq!(code, 0, "{err}");
        let report = parse(&json, "report.json").unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], model);
        assert_eq!(words[1].parse::<f64>().unwrap(), report.mir.unwrap());
    }
    // The program's own sentence is what the loop hears.
    let nowhere = folder.path().join("nowhere");
    let (code, _, err) = recipe(&[nowhere.as_path()]);
    assert_eq!(code, 1);
    assert!(
        err.contains("RuntimeError: error: ") && err.contains("nowhere"),
        "{err}"
    );
}
