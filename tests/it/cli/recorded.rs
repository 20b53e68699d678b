//! The demo's recorded report, its picture, and the reference numbers of its training recipe.

use std::{collections::BTreeSet, fs, path::PathBuf};

use mirscope::{
    figures::svg,
    report::{Definition, LayerReport, Report, TextMask, read, to_json},
};
use serde_json::Value;

use super::measure::measured;

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn recorded() -> Report {
    read(&root("assets/demo/report.json")).unwrap()
}

/// The layers of the reference: f64, from the states of transformers, after the final norm.
fn reference(connector: &str) -> Vec<Value> {
    let metrics = fs::read_to_string(root("assets/demo/metrics.json")).unwrap();
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    let layers = &metrics["mir_reference"][connector]["layers"];
    layers.as_array().unwrap().clone()
}

/// Fails where a layer's numbers are not the reference's; returns the largest deviation of a term.
#[track_caller]
fn assert_reference(found: &[LayerReport], expected: &[Value]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let mut worst: f64 = 0.0;
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(expected["n_vision"], found.n_vision);
        assert_eq!(expected["n_text"], found.n_text);
        let ratio = found.norm_ratio().unwrap();
        let frechet = expected["frechet"].as_f64().unwrap();
        for (name, value) in [
            ("frechet", found.frechet),
            ("location", found.location),
            ("spread", found.spread),
            ("shape", found.shape),
        ] {
            let error = (value - expected[name].as_f64().unwrap()).abs() / frechet;
            assert!(error <= 1e-4, "{name} of {found:?}, expected {expected}");
            worst = worst.max(error);
        }
        let error = (ratio / expected["norm_ratio"].as_f64().unwrap() - 1.0).abs();
        assert!(
            error <= 1e-4,
            "norm ratio of {found:?}, expected {expected}"
        );
    }
    worst
}

#[test]
fn the_record_is_a_default_run_and_agrees_with_the_reference() {
    let report = recorded();
    assert_eq!(report.definition, Definition::Exact);
    assert_eq!(report.text_mask, TextMask::Official);
    assert_eq!((report.data.seed, report.data.num_pairs), (0, 128));
    let expected = reference("trained");
    // The reference takes the last layer after the final norm, the default before it.
    let last = expected.len() - 1;
    assert_reference(&report.layers[..last], &expected[..last]);
    assert_eq!(report.layers.len(), expected.len());
}

#[test]
fn the_picture_in_the_readme_shows_the_record() {
    let picture = fs::read_to_string(root("docs/demo.svg")).unwrap();
    assert!(
        picture == svg(&recorded()),
        "docs/demo.svg is not the recorded report's picture; make it again with \
         `mirscope show assets/demo/report.json --out docs/demo.svg`"
    );
    let readme = fs::read_to_string(root("README.md")).unwrap();
    assert!(readme.contains("](docs/demo.svg)"));
}

/// The paths of all values; the elements of a list count as one.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                fields(value, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(list) => {
            found.insert(path.to_owned());
            for value in list {
                fields(value, &format!("{path}[]"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_record_has_the_form_of_a_run_of_today() {
    let run = measured(&["--num-pairs", "10"]);
    let record = recorded();
    assert_eq!(run.schema, record.schema);
    assert_eq!(run.model, record.model);
    assert_eq!(run.data.source, record.data.source);
    assert_eq!(run.data.prompt, record.data.prompt);
    let states = |report: &Report| -> Vec<String> {
        let layers = report.layers.iter();
        layers.map(|layer| layer.state.clone()).collect()
    };
    assert_eq!(states(&run), states(&record));
    let form = |report: &Report| {
        let mut found = BTreeSet::new();
        let json: Value = serde_json::from_str(&to_json(report).unwrap()).unwrap();
        fields(&json, "", &mut found);
        found
    };
    assert_eq!(form(&run), form(&record));
}

#[test]
fn connectors_differ_and_are_named() {
    let run = measured(&["--num-pairs", "2", "--connector", "untrained"]);
    assert_eq!(run.model.name, "mirscope demo, connector untrained");
    let trained = measured(&["--num-pairs", "2", "--connector", "trained"]);
    assert_eq!(trained.model.name, "mirscope demo");
    assert_ne!(run.mir, trained.mir);
}

#[test]
#[ignore = "all pairs with all connectors: a minute"]
fn every_connector_agrees_with_the_reference() {
    for connector in ["untrained", "halfway", "trained"] {
        let args = [
            "--connector",
            connector,
            "--definition",
            "official-accurate",
        ];
        let worst = assert_reference(&measured(&args).layers, &reference(connector));
        println!("{connector}: worst deviation {worst:.1e} of the term");
    }
}
