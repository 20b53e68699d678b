//! `mirscope study`, over a few small checkpoints.

use std::{collections::BTreeMap, fs, path::Path};

use mirscope::study::{Measured, StudyResults};
use serde_json::{Value, json};

use super::{run, text};
use crate::golden;

const CHECKPOINT: &str = "clip_mlp_gqa_tied_f32";

fn variant(name: &str, choice: f64, of: Option<&str>) -> Value {
    json!({
        "name": name, "axis": "samples", "label": name, "value": null, "seed": 1, "replicate_of": of,
        "folder": name, "documents": null, "samples": 8, "seconds": null, "parameters_trained": 3,
        "image_tokens": 16, "note": null,
        "scores": {"choice": {"value": choice, "low": choice - 0.1, "high": choice + 0.1}}
    })
}

/// A folder with three variants, all the same small checkpoint, and two pairs.
fn study() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let source = golden::root().join(CHECKPOINT);
    for name in ["base", "base-seed2", "early"] {
        let folder = root.path().join(name);
        fs::create_dir(&folder).unwrap();
        for entry in fs::read_dir(&source).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
    }
    let line = |text: &str| json!({"image": "base/image.png", "text": text}).to_string();
    fs::write(
        root.path().join("pairs.jsonl"),
        line("A dog.") + "\n" + &line("Two cats."),
    )
    .unwrap();
    let names = json!(["early", "base"]);
    let study = json!({
        "schema": 1, "base": "base", "pairs": "pairs.jsonl", "kinds": [],
        "chance": {"uniform": 0.2, "majority": 0.3},
        "variants": [variant("base", 0.7, None), variant("base-seed2", 0.69, Some("base")),
                     variant("early", 0.2, None)],
        "axes": [{"name": "samples", "title": "Amount", "source": "S", "explains": "E.",
                  "ordered": true, "variants": names}],
        "claims": [{"id": "score", "source": "S", "statement": "More is better", "metric": "choice",
                    "expect": "increasing", "variants": names}]
    });
    fs::write(root.path().join("variants.json"), study.to_string()).unwrap();
    root
}

fn measure(root: &Path, more: &[&str]) -> (i32, String, String) {
    text(&run(
        root,
        &[&["study", ".", "--num-pairs", "2"], more].concat(),
    ))
}

fn results(root: &Path) -> StudyResults {
    let json = fs::read_to_string(root.join("results.json")).unwrap();
    StudyResults::parse(&json, "results.json").unwrap()
}

#[test]
fn everything_is_measured_once_and_again_only_where_it_changed() {
    let root = study();
    let root = root.path();
    let (code, out, err) = measure(root, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("held here: More is better (S)"), "{out}");
    assert!(out.ends_with("results.json and 5 figures\n"), "{out}");
    for file in [
        "results.csv",
        "correlations.csv",
        "results.md",
        "figures/mir-score.svg",
        "figures/layers-samples.svg",
    ] {
        assert!(root.join(file).is_file(), "{file}");
    }
    assert!(!root.join(".measured.json").exists());
    let first = results(root);
    let [base, early] = ["base", "early"].map(|name| first.measured[name].clone());
    assert_eq!(
        (base.mir, base.mir_official),
        (early.mir, early.mir_official)
    );
    assert!(base.mir.is_some() && base.mir != base.mir_official);
    assert_eq!((base.num_pairs, base.layers.len() > 1), (2, true));

    // What is kept is not looked at again: a number put there by hand stays.
    let json = fs::read_to_string(root.join("results.json")).unwrap();
    let mut edited: Value = serde_json::from_str(&json).unwrap();
    for name in ["base", "early"] {
        edited["measured"][name]["device"] = "by hand".into();
    }
    fs::write(root.join("results.json"), edited.to_string()).unwrap();
    let config = root.join("early/config.json");
    fs::write(&config, fs::read_to_string(&config).unwrap() + "\n").unwrap();
    let (code, _, err) = measure(root, &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    let second = results(root);
    assert_eq!(second.measured["base"].device, "by hand");
    assert_eq!(second.measured["early"].device, early.device);
    // Where all is measured again, what cannot be read stands in nobody's way.
    fs::write(root.join("results.json"), "{").unwrap();
    let (code, _, err) = measure(root, &[]);
    assert!(code == 1 && err.contains("results.json"), "{err}");
    let (code, json, err) = measure(root, &["--all", "--json"]);
    assert_eq!(code, 0);
    assert!(err.contains("; all is measured again"), "{err}");
    assert_eq!(StudyResults::parse(&json, "stdout").unwrap(), results(root));
    assert_eq!(results(root).measured["base"].mir, base.mir);
}

/// The rates are those that `measure` gives for each definition.
#[test]
fn a_member_is_measured_as_measure_does() {
    let root = study();
    let root = root.path();
    assert_eq!(measure(root, &[]).0, 0);
    let found = results(root).measured["base"].clone();
    for (definition, expected) in [
        ("exact", found.mir),
        ("official-accurate", found.mir_official),
    ] {
        let args = [
            "measure",
            "--json",
            "--model",
            "base",
            "--pairs",
            "pairs.jsonl",
            "--definition",
        ];
        let (code, out, err) = text(&run(root, &[&args[..], &[definition]].concat()));
        assert_eq!((code, err.as_str()), (0, ""));
        let report: Value = serde_json::from_str(&out).unwrap();
        let mir = report["mir"].as_f64().unwrap();
        assert!(
            (mir - expected.unwrap()).abs() < 1e-6,
            "{definition}: {mir} {expected:?}"
        );
    }
}

/// Which quantities are measured belongs to what a result is of.
#[test]
fn every_quantity_is_measured_unless_the_rate_alone_is_asked_for() {
    let root = study();
    let root = root.path();
    let file = root.join("variants.json");
    let mut listed: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    listed["variants"][2]["left_out"] = true.into();
    fs::write(&file, listed.to_string()).unwrap();
    let ids = |name: &str| -> Vec<String> {
        let measured = results(root).measured.remove(name).unwrap();
        measured.quantities.into_iter().map(|it| it.id).collect()
    };
    assert_eq!(measure(root, &["--metrics", "mir"]).0, 0);
    assert!(ids("base").is_empty() && ids("early").is_empty());
    let rate = results(root).measured["base"].clone();
    // What is left out keeps what is known of it, although the others are measured anew with more.
    fs::remove_dir_all(root.join("early")).unwrap();
    let (code, _, err) = measure(root, &[]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("last results are kept: early"), "{err}");
    let found = ids("base");
    for id in [
        "mir",
        "norm-ratio",
        "distribution-gap",
        "mir-official-accurate",
        "mir-with-embeddings",
        "effective-rank-vision",
        "chamfer-cosine",
        "centroid-gap",
        "logit-lens-entropy",
        "image-effect-cosine",
    ] {
        assert!(found.iter().any(|it| it == id), "{id} in {found:?}");
    }
    // The rate by its own definition stands there once.
    assert!(!found.iter().any(|id| id == "mir-exact"), "{found:?}");
    let all = results(root).measured["base"].clone();
    assert_ne!(all.fingerprint, rate.fingerprint);
    assert_eq!((all.mir, all.mir_official), (rate.mir, rate.mir_official));
    assert_eq!(all.quantity("mir").unwrap().value, all.mir);
    assert_eq!(
        all.quantity("mir-official-accurate").unwrap().value,
        all.mir_official
    );
    assert!(ids("early").is_empty());
    assert!(results(root).measured["early"].mir.is_some());
}

#[test]
fn a_missing_checkpoint_or_study_is_named_and_nothing_written() {
    let root = study();
    let root = root.path();
    fs::remove_dir_all(root.join("early")).unwrap();
    let (code, out, err) = measure(root, &[]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains("`early` expects a checkpoint") && err.contains("found no folder"),
        "{err}"
    );
    assert!(!root.join("results.json").exists() && !root.join("figures").exists());
    let (code, _, err) = text(&run(root, &["study", "nowhere"]));
    assert_eq!(code, 1);
    assert!(err.contains("nowhere/variants.json: cannot read"), "{err}");
}

/// Weights that do not ship leave their number behind, as long as it was measured like the others.
#[test]
fn the_last_result_of_a_checkpoint_that_is_left_out_is_kept_and_said_to_be() {
    let root = study();
    let root = root.path();
    let file = root.join("variants.json");
    let mut listed: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    listed["variants"][2]["left_out"] = true.into();
    fs::write(&file, listed.to_string()).unwrap();
    let (code, _, err) = measure(root, &[]);
    assert_eq!((code, err.as_str()), (0, ""), "it is there to be measured");
    let before = results(root);
    fs::remove_dir_all(root.join("early")).unwrap();
    for more in [&["--all"][..], &[]] {
        let (code, _, err) = measure(root, more);
        assert_eq!(code, 0, "{err}");
        assert_eq!(
            err,
            "note: 1 checkpoint without a folder, whose last results are kept: early\n"
        );
        assert_eq!(results(root).measured["early"], before.measured["early"]);
    }
    // Measured otherwise, or of other data, it is no part of the results.
    let (code, _, err) = measure(root, &["--seed", "5"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("left out, because the last results were measured otherwise: early"),
        "{err}"
    );
    let found = results(root);
    assert!(!found.measured.contains_key("early") && found.measured.contains_key("base"));
}

#[test]
fn an_unfinished_run_goes_on_where_it_stopped() {
    let root = study();
    let root = root.path();
    assert_eq!(measure(root, &[]).0, 0);
    let mut kept = results(root).measured;
    fs::remove_file(root.join("results.json")).unwrap();
    kept.remove("early");
    kept.get_mut("base").unwrap().device = "by hand".to_owned();
    unfinished(root, false, &kept);
    // A damaged member fails the run; what was measured before stays for the next one.
    let weights = root.join("early/model.safetensors");
    let whole = fs::read(&weights).unwrap();
    fs::write(&weights, &whole[..100]).unwrap();
    let (code, _, err) = measure(root, &[]);
    assert_eq!(code, 1);
    assert!(err.contains("early: "), "{err}");
    assert!(root.join(".measured.json").exists() && !root.join("results.json").exists());
    fs::write(&weights, &whole).unwrap();
    assert_eq!(measure(root, &[]).0, 0);
    assert_eq!(results(root).measured["base"].device, "by hand");
    assert!(!root.join(".measured.json").exists());
    // One that measures all again takes nothing from what was not to, and goes on from what was.
    for again in [true, false] {
        kept = results(root).measured;
        kept.remove("early");
        kept.get_mut("base").unwrap().device = "by hand".to_owned();
        unfinished(root, again, &kept);
        assert_eq!(measure(root, &["--all"]).0, 0);
        let is_kept = |name: &str| results(root).measured[name].device == "by hand";
        assert_eq!((is_kept("base"), is_kept("early")), (again, false));
    }
    // Results that cannot be read keep nobody from what such a run had measured.
    unfinished(root, true, &kept);
    fs::write(root.join("results.json"), "{").unwrap();
    let (code, _, err) = measure(root, &["--all"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("2 checkpoints are kept"), "{err}");
    assert_eq!(results(root).measured["base"].device, "by hand");
}

/// As a run leaves it that did not come to its end.
fn unfinished(root: &Path, again: bool, measured: &BTreeMap<String, Measured>) {
    let left = json!({ "again": again, "measured": measured });
    fs::write(root.join(".measured.json"), left.to_string()).unwrap();
}

#[test]
fn results_that_cannot_be_written_or_read_are_told_before_the_run() {
    for (spoil, words) in [
        (
            (|root: &Path| fs::write(root.join("figures"), "").unwrap()) as fn(&Path),
            "figures: expected a folder for the figures, found a file",
        ),
        (
            |root| fs::create_dir(root.join("results.md")).unwrap(),
            "results.md: cannot write: expected a file, found a folder",
        ),
        (
            |root| {
                fs::write(
                    root.join("results.json"),
                    "{\"schema\": 1, \"settings\": 3}",
                )
                .unwrap()
            },
            "results.json: expected results of a study, found something else",
        ),
    ] {
        let root = study();
        spoil(root.path());
        let (code, out, err) = measure(root.path(), &[]);
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(err.contains(words), "{err}");
        assert!(!root.path().join(".measured.json").exists());
    }
}

#[test]
fn results_that_contradict_themselves_are_refused() {
    let root = study();
    let root = root.path();
    assert_eq!(measure(root, &[]).0, 0);
    let file = root.join("results.json");
    let sound: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut spoiled = sound.clone();
    spoiled["measured"]["base"]["mir"] = 9.5.into();
    fs::write(&file, spoiled.to_string()).unwrap();
    let (code, _, err) = measure(root, &[]);
    assert_eq!(code, 1);
    assert!(
        err.contains("measured.base.mir: is 9.5, but log10 of the sum"),
        "{err}"
    );
}
