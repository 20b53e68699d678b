//! Reports as files: whole or not at all.

use std::{fs, path::Path};

use mirscope::{
    figures::{Format, write},
    report::read,
};

use super::report;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn written_files_can_be_read_again_and_leave_nothing_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    write(&report(), Format::Json, &path).unwrap();
    assert_eq!(read(&path).unwrap(), report());
    let mut second = report();
    second.notes.clear();
    write(&second, Format::Json, &path).unwrap();
    assert_eq!(read(&path).unwrap(), second);
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[test]
fn refused_report_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    write(&report(), Format::Json, &path).unwrap();
    let mut spoiled = report();
    spoiled.layers[0].frechet = f64::NAN;
    let error = write(&spoiled, Format::Json, &path)
        .unwrap_err()
        .to_string();
    assert!(error.contains("layers[0].frechet"), "{error}");
    assert_eq!(read(&path).unwrap(), report());
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[test]
fn failed_write_names_the_file_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no/such/report.json");
    let error = write(&report(), Format::Json, &missing)
        .unwrap_err()
        .to_string();
    assert!(error.contains("report.json: cannot write"), "{error}");
    let error = write(&report(), Format::Json, folder.path())
        .unwrap_err()
        .to_string();
    assert!(error.contains("expected a file, found a folder"), "{error}");
    assert!(names(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn links_keep_pointing_and_devices_are_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target.json");
    let link = folder.path().join("link.json");
    fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    write(&report(), Format::Json, &link).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&target).unwrap(), report());
    write(&report(), Format::Json, Path::new("/dev/null")).unwrap();
}

#[test]
fn the_ending_chooses_the_form() {
    for (name, format) in [
        ("r.json", Some(Format::Json)),
        ("r", Some(Format::Json)),
        ("r.CSV", Some(Format::Csv)),
        ("a/b.html", Some(Format::Html)),
        ("r.svg", Some(Format::Svg)),
        ("r.xlsx", None),
    ] {
        assert_eq!(Format::of(Path::new(name)), format, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [
        ("r.csv", "layer,"),
        ("r.svg", "<svg"),
        ("r.html", "<!doctype"),
    ] {
        let path = folder.path().join(name);
        write(&report(), Format::of(&path).unwrap(), &path).unwrap();
        assert!(
            fs::read_to_string(&path).unwrap().starts_with(start),
            "{name}"
        );
    }
}
