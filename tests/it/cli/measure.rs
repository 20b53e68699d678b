//! `mirscope measure`, from the files to the number.

use std::{fs, path::Path};

use mirscope::{
    report::{Definition, LayerReport, Report, parse},
    study::{Contrast, StudyResults},
};

use super::{run, text};
use crate::{
    alignment::{clouds::Cloud, oracle, outliers::replaced},
    golden::{self, GoldenCase},
};

/// Runs `measure --json` in a folder of its own and returns the report.
pub(super) fn measured(args: &[&str]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = text(&run(
        folder.path(),
        &[&["measure", "--json"], args].concat(),
    ));
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "--json writes no file");
    parse(&out, "stdout").unwrap()
}

/// A small checkpoint: the demo's pairs run through it in a moment.
pub(super) fn small() -> String {
    golden::root()
        .join("clip_mlp_gqa_tied_f32")
        .to_str()
        .unwrap()
        .to_owned()
}

#[track_caller]
fn assert_same(found: &[LayerReport], expected: &[LayerReport], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let error = (found.frechet / expected.frechet - 1.0).abs();
        assert!(error <= tolerance, "{found:?} is not {expected:?}");
    }
}

#[test]
fn table_file_and_json_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let model = small();
    let args = ["--model", &model, "--num-pairs", "3", "--seed", "7"];
    let (code, table, err) = text(&run(folder.path(), &[&["measure"], &args[..]].concat()));
    assert_eq!((code, err.as_str()), (0, ""));
    let (shown, wrote) = table.rsplit_once("\n\n").unwrap();
    assert_eq!(wrote, "wrote report.json\n");
    let (_, again, _) = text(&run(folder.path(), &["show", "report.json"]));
    assert_eq!(shown, again.trim_end());

    let file = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let file = parse(&file, "report.json").unwrap();
    let json = measured(&args);
    assert_same(&json.layers, &file.layers, 1e-6);
    assert_eq!(json.data, file.data);
    assert_eq!(json.model, file.model);
    assert_eq!(json.device, file.device);
    let sum: f64 = json.layers.iter().map(|layer| layer.frechet).sum();
    assert_eq!(json.mir, Some(sum.log10()));
    let stages: Vec<&str> = (json.timings.iter())
        .map(|timing| timing.stage.as_str())
        .collect();
    assert_eq!(stages, ["device", "load", "prepare", "forward", "metric"]);
}

/// The demo's table ends with the ruler, other models' and JSON do not have it.
#[test]
fn the_demo_is_put_between_captions_that_fit_and_shuffled_ones() {
    let folder = tempfile::tempdir().unwrap();
    let demo = ["measure", "--num-pairs", "2", "--connector", "halfway"];
    let (code, table, err) = text(&run(folder.path(), &demo));
    assert_eq!((code, err.as_str()), (0, ""));
    let (_, ruler) = table.split_once("\nruler  ").unwrap();
    let ruler = ruler.split_whitespace().collect::<Vec<_>>().join(" ");
    let results = fs::read_to_string("assets/study/results.json").unwrap();
    let results = StudyResults::parse(&results, "results.json").unwrap();
    let contrast = Contrast::new(&results, Definition::Exact).unwrap();
    for side in contrast.sides() {
        let mir = format!(" {:.3}", side.mir());
        assert!(ruler.contains(&mir), "{mir} in {ruler}");
    }
    assert!(ruler.starts_with("nearer to the words |"), "{ruler}");
    assert!(ruler.contains("this connector had seen 4,000."), "{ruler}");
    assert!(
        ruler.contains("no measure of progress within one training"),
        "{ruler}"
    );
    assert!(
        ruler.contains("biased upward"),
        "two pairs are few: {ruler}"
    );

    let model = small();
    let other = ["measure", "--model", &model, "--num-pairs", "2"];
    let (_, table, _) = text(&run(folder.path(), &other));
    assert!(!table.contains("ruler"), "{table}");
}

#[test]
fn the_seed_chooses_the_pairs() {
    let model = small();
    let with = |seed| measured(&["--model", &model, "--num-pairs", "3", "--seed", seed]);
    let (first, other) = (with("1"), with("2"));
    assert_eq!((first.data.seed, first.data.num_pairs), (1, 3));
    assert_same(&with("1").layers, &first.layers, 1e-6);
    assert_ne!(first.mir, other.mir);
}

#[test]
fn kernel_variants_agree() {
    let model = small();
    let with = |kernel| measured(&["--model", &model, "--num-pairs", "2", "--kernel", kernel]);
    let (direct, tiled) = (with("direct"), with("tiled"));
    assert_eq!(direct.device.kernels, "direct");
    assert_eq!(tiled.device.kernels, "tiled");
    assert_same(&tiled.layers, &direct.layers, 1e-5);
}

#[test]
fn definitions_and_masks_are_what_they_say() {
    let model = small();
    let with = |args: &[&str]| measured(&[&["--model", &model, "--num-pairs", "2"], args].concat());
    let exact = with(&[]);
    let accurate = with(&["--definition", "official-accurate"]);
    let fast = with(&["--definition", "official-fast"]);
    let content = with(&["--text-mask", "content"]);
    let last = exact.layers.len() - 1;
    // They differ in the last layer alone, which is taken after the final norm.
    assert_same(&accurate.layers[..last], &exact.layers[..last], 1e-6);
    assert_ne!(accurate.layers[last].frechet, exact.layers[last].frechet);
    for (fast, accurate) in fast.layers.iter().zip(&accurate.layers) {
        assert_eq!(fast.state, accurate.state);
        let upper = fast.frechet_upper.unwrap();
        assert!(upper > fast.frechet && upper > accurate.frechet);
        assert_ne!(fast.frechet, accurate.frechet);
    }
    let (all, own) = (exact.tokens(), content.tokens());
    assert_eq!(all.0, own.0);
    assert!(all.1 > own.1, "{all:?} {own:?}");
}

#[test]
fn images_and_texts_need_not_match() {
    let folder = tempfile::tempdir().unwrap();
    let case = &golden::cases()[0];
    for name in ["a.png", "b.png", "c.png"] {
        fs::write(folder.path().join(name), case.image()).unwrap();
    }
    for (name, words) in [
        ("a.txt", "A long story."),
        ("b.txt", "Another one, longer."),
    ] {
        fs::write(folder.path().join(name), words).unwrap();
    }
    let model = case.folder.to_str().unwrap();
    let here = folder.path().to_str().unwrap();
    let report = measured(&["--model", model, "--images", here, "--texts", here]);
    assert_eq!(report.data.num_pairs, 2);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("3 images and 2 texts make 2 pairs")),
        "{:?}",
        report.notes
    );
}

/// The report of a golden case's own pair or document.
fn of_case(case: &GoldenCase, folder: &Path, definition: &str) -> Report {
    let pairs = folder.join("pairs.jsonl");
    let line = match case.texts.len() {
        1 => serde_json::json!({"image": case.images[0], "text": case.text}),
        _ => serde_json::json!({"images": case.images, "texts": case.texts}),
    };
    fs::write(&pairs, line.to_string()).unwrap();
    measured(&[
        "--model",
        case.folder.to_str().unwrap(),
        "--pairs",
        pairs.to_str().unwrap(),
        "--definition",
        definition,
    ])
}

/// Every step of the way at once: files, image, prompt, masks, model, metric, against states of
/// transformers and an f64 metric.
#[test]
fn numbers_are_those_of_transformers_and_f64() {
    let folder = tempfile::tempdir().unwrap();
    // The definitions in turn: they differ in the last layer's state alone.
    let definitions = [("exact", ".pre_norm"), ("official-accurate", "")];
    let cases = golden::cases().into_iter().chain(golden::documents());
    for (case, (definition, suffix)) in cases.zip(definitions.iter().cycle()) {
        let case = &case;
        let report = of_case(case, folder.path(), definition);
        let layers = report.layers.len();
        assert_eq!(layers, case.checkpoint().spec.text.num_hidden_layers);
        let mut worst: f64 = 0.0;
        for (k, layer) in (1..).zip(&report.layers) {
            let suffix = if k == layers { suffix } else { "" };
            let (vision, text) = clouds(case, &format!("hidden_states.{k}{suffix}"));
            let alpha = 1.0 / oracle::mean_norm(&text);
            let ((vision, out_v), (text, out_t)) = (replaced(&vision), replaced(&text));
            let expected = alpha * alpha * oracle::parts(&vision, &text).frechet();
            assert_eq!(
                (layer.n_vision, layer.n_text),
                (vision.tokens(), text.tokens())
            );
            assert_eq!((layer.outliers_vision, layer.outliers_text), (out_v, out_t));
            worst = worst.max((layer.frechet / expected - 1.0).abs());
        }
        println!("{} {definition}: worst term off by {worst:.1e}", case.name);
        assert!(worst <= 1e-4, "{} {definition}: {worst:.1e}", case.name);
    }
}

/// A golden state's vision tokens, and the others after the first image.
fn clouds(case: &GoldenCase, state: &str) -> (Cloud, Cloud) {
    let ids = case.input_ids();
    let image = case.checkpoint().spec.vision().unwrap().image_token_id;
    let (shape, values) = case.tensor(state);
    let width = shape[1];
    let first = ids.iter().position(|&id| id == image).unwrap();
    let images = ids.iter().filter(|&&id| id == image).count();
    let end = first + images / case.texts.len();
    let rows = || ids.iter().zip(values.chunks_exact(width));
    let cloud = |values: Vec<f32>| Cloud { width, values };
    let vision = rows().filter(|(id, _)| **id == image);
    let text = rows().skip(end).filter(|(id, _)| **id != image);
    (
        cloud(vision.flat_map(|(_, row)| row).copied().collect()),
        cloud(text.flat_map(|(_, row)| row).copied().collect()),
    )
}
