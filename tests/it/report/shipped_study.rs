//! The studies that ship: what the recipe wrote and what was measured belong together.

use std::{fs, path::Path};

use mirscope::{
    figures::{Look, Palette, study_figures, svg_of},
    study::{Study, StudyResults, study_csv, study_markdown},
};
use serde_json::Value;

/// The states of every member go through the same bar as golden ones; MIR is no less exact.
const TOLERANCE: f64 = 1e-4;
const STALE: &str = "what is stored is not what this version writes: run `./dev study`";
/// The study around the demo, and the papers' own protocol.
const STUDIES: [&str; 2] = ["study", "papers"];
/// Demo and studies together.
const MOST_BYTES: u64 = 40_000_000;

fn read(study: &str, file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(study)
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn results(study: &str) -> StudyResults {
    StudyResults::parse(&read(study, "results.json"), "results.json").unwrap()
}

#[test]
fn results_are_those_of_the_checkpoints_beside_them() {
    for study in STUDIES {
        let results = results(study);
        let written = Study::parse(&read(study, "variants.json"), "variants.json").unwrap();
        assert!(written == results.study, "{study}: {STALE}");
        let again = StudyResults::new(written, results.settings, results.measured.clone());
        for (again, stored) in again.verdicts.iter().zip(&results.verdicts) {
            assert_eq!(again, stored, "{study}: {STALE}");
        }
        assert!(again == results, "{study}: {STALE}");
        assert!(
            study_csv(&results) == read(study, "results.csv"),
            "{study}: {STALE}"
        );
        let page = read(study, "results.md");
        let tables = study_markdown(&results, &[]);
        assert!(page.starts_with(tables.trim_end()), "{study}: {STALE}");
        let figures = study_figures(&results, Palette::LIGHT);
        assert_eq!(page.matches("](figures/").count(), figures.len());
        for made in figures {
            let file = format!("figures/{}.svg", made.name);
            let svg = svg_of(&made.figure);
            assert!(svg == read(study, &file), "{study}/{file}: {STALE}");
            for size in svg.split("font-size=\"").skip(1) {
                let size: f32 = size.split('"').next().unwrap().parse().unwrap();
                assert!(size >= Look::FONT, "{file}: words of {size} points");
            }
        }
    }
}

/// The recipe lists by its settings what is compared here by the tokens that were counted.
#[test]
fn what_can_be_compared_is_what_the_claim_lists() {
    let results = results("study");
    let claims = &results.study.claims;
    let claim = claims.iter().find(|claim| claim.id == "all-score").unwrap();
    let comparable = results.comparable();
    assert!(comparable.iter().map(|it| &it.name).eq(&claim.variants));
}

#[test]
fn every_member_has_the_mir_that_f64_finds_after_transformers() {
    for study in STUDIES {
        let written: Value = serde_json::from_str(&read(study, "variants.json")).unwrap();
        let results = results(study);
        for variant in written["variants"].as_array().unwrap() {
            let name = variant["name"].as_str().unwrap();
            let expected = variant["mir_reference"].as_f64().unwrap();
            let found = results.measured[name].mir_official.unwrap();
            assert!(
                (found - expected).abs() <= TOLERANCE * expected.abs(),
                "{study}/{name}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn the_base_looks_at_the_image() {
    let results = results("study");
    let base = &results.study.variant("base").unwrap().scores;
    let chance = results.study.chance;
    let score = base.choice.unwrap().value;
    let blank = base.choice_blank.unwrap().value;
    for (other, what) in [
        (chance.uniform, "uniform"),
        (chance.majority, "majority"),
        (blank, "blank"),
    ] {
        assert!(score - other >= 0.3, "{score} against {what} {other}");
    }
}

#[test]
fn what_ships_stays_small() {
    fn size(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let size = |entry: fs::DirEntry| match entry.file_type().unwrap().is_dir() {
            true => size(&entry.path()),
            false => entry.metadata().unwrap().len(),
        };
        entries.map(size).sum()
    }
    let bytes = size(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets"));
    assert!(bytes < MOST_BYTES, "{bytes}");
}
