//! The registry of families, their golden folders and the README's table agree.

use std::{collections::BTreeSet, fs};

use mirscope::families::FAMILIES;

use super::{report, source::root};

/// The code spans in a cell.
fn spans(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn families_are_listed_tested_and_documented() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let table = readme.split("### The models it runs").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let rows: Vec<Vec<BTreeSet<String>>> = rows
        .take_while(|line| line.split('|').count() == 6)
        .map(|line| line.split('|').skip(1).map(spans).collect())
        .collect();
    let mut findings = Vec::new();
    for family in FAMILIES {
        let name = family.name();
        let Some(row) = rows.iter().find(|row| row[0].contains(name)) else {
            findings.push(format!("README.md: the table has no row of `{name}`"));
            continue;
        };
        for architecture in family.architectures() {
            if !row[1].contains(*architecture) {
                findings.push(format!("README.md: `{name}` lacks `{architecture}`"));
            }
        }
        if family.architectures().len() != row[1].len() {
            findings.push(format!(
                "README.md: `{name}` has architectures that it answers not to"
            ));
        }
        let golden = root().join("tests/golden/families").join(name);
        if !golden.is_dir() {
            findings.push(format!("tests/golden/families/{name} is missing"));
        }
    }
    for folder in crate::families::golden_folders() {
        if !rows.iter().any(|row| row[0].contains(&folder)) {
            findings.push(format!(
                "tests/golden/families/{folder}: the README has no row of it"
            ));
        }
    }
    assert_eq!(rows.len(), FAMILIES.len(), "rows and families");
    report("families, golden data and the README agree", &findings);
}
