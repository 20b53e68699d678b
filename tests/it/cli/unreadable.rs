//! Lists as people have them, and inputs that cannot be read.

use std::{fs, path::Path};

use mirscope::report::{Report, parse, read};

use super::{measure::small, run, text};
use crate::golden;

/// A folder with two good images and a broken one.
fn images() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = golden::cases()[0].image();
    fs::create_dir(folder.path().join("sub")).unwrap();
    for name in ["a.png", "sub/b.png"] {
        fs::write(folder.path().join(name), &image).unwrap();
    }
    fs::write(folder.path().join("broken.png"), &image[..image.len() / 2]).unwrap();
    folder
}

fn measure(folder: &Path, args: &[&str]) -> Result<Report, String> {
    let model = small();
    let args = [&["measure", "--json", "--model", &model], args].concat();
    let (code, out, err) = text(&run(folder, &args));
    match code {
        0 => Ok(parse(&out, "stdout").unwrap()),
        _ => Err(err),
    }
}

#[test]
fn an_image_folder_brings_its_own_texts() {
    let folder = images();
    let list = "{\"file_name\": \"a.png\", \"text\": \"A cat.\"}\r\n\
                {\"file_name\": \"sub\\\\b.png\", \"caption\": \"A dog.\", \"id\": 7}\r\n";
    let mut with_mark = "\u{feff}".to_owned();
    with_mark += list;
    fs::write(folder.path().join("metadata.jsonl"), with_mark).unwrap();
    let here = folder.path().to_str().unwrap();
    for args in [
        ["--pairs", "metadata.jsonl"],
        ["--pairs", here],
        ["--images", here],
    ] {
        let report = measure(folder.path(), &args).unwrap();
        assert_eq!(report.data.num_pairs, 2, "{args:?}");
    }
    fs::remove_file(folder.path().join("metadata.jsonl")).unwrap();
    let error = measure(folder.path(), &["--pairs", here]).unwrap_err();
    assert!(
        error.contains("found a folder without one called metadata.jsonl"),
        "{error}"
    );
    let error = measure(folder.path(), &["--images", here]).unwrap_err();
    assert!(
        error.contains("--texts") && error.contains("metadata.jsonl"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_skipped_where_asked_counted_and_named() {
    let folder = images();
    let line =
        |image: &str, text: &str| format!("{{\"image\": \"{image}\", \"text\": \"{text}\"}}\n");
    let list = line("a.png", "A cat.")
        + &line("broken.png", "A dog.")
        + &line("missing.png", "A bird.")
        + &line("a.png", " ")
        + "nonsense\n"
        + &line("sub/b.png", "Two dogs.");
    fs::write(folder.path().join("p.jsonl"), list).unwrap();
    let error = measure(folder.path(), &["--pairs", "p.jsonl"]).unwrap_err();
    assert!(error.contains("p.jsonl:3: expected an image"), "{error}");

    let model = small();
    let args = [
        "measure",
        "--model",
        &model,
        "--pairs",
        "p.jsonl",
        "--skip-unreadable",
    ];
    let (code, table, err) = text(&run(folder.path(), &args));
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        table.contains("skipped       4 inputs that could not be read: p.jsonl:3 ("),
        "{table}"
    );
    let report = read(&folder.path().join("report.json")).unwrap();
    let skipped = &report.data.skipped;
    let names: Vec<&str> = skipped.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["p.jsonl:3", "p.jsonl:4", "p.jsonl:5", "broken.png"]);
    assert!(
        skipped[0]
            .reason
            .starts_with("expected an image at missing.png"),
        "{skipped:?}"
    );
    assert_eq!(report.data.num_pairs, 2);
    let args = ["show", "report.json", "--out", "r.html"];
    assert_eq!(run(folder.path(), &args).status.code(), Some(0));
    let page = fs::read_to_string(folder.path().join("r.html")).unwrap();
    assert!(page.contains("p.jsonl:3"), "{page}");
}

#[test]
fn images_and_texts_that_cannot_be_read_are_skipped() {
    let folder = images();
    for (name, text) in [
        ("1.story", "A story.\n\n@highlight\n\nIts summary.\n"),
        ("2.story", "\n@highlight\n\nA summary alone.\n"),
        ("3.txt", "Another story."),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let args = [
        "--images",
        "a.png",
        "sub/b.png",
        "no.png",
        "--texts",
        "1.story",
        "2.story",
        "3.txt",
    ];
    let error = measure(folder.path(), &args).unwrap_err();
    assert!(
        error.contains("no.png: expected a file or a folder, found nothing"),
        "{error}"
    );
    let report = measure(folder.path(), &[&args[..], &["--skip-unreadable"]].concat()).unwrap();
    let names: Vec<&str> = report
        .data
        .skipped
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["no.png", "2.story"]);
    assert_eq!(report.data.num_pairs, 2);
}

#[test]
fn nothing_left_is_a_failure() {
    let folder = images();
    for (line, words) in [
        (
            "{\"image\": \"broken.png\", \"text\": \"A cat.\"}",
            "none of 1 pair can be used; the first: broken.png: ",
        ),
        (
            "{\"image\": \"no.png\", \"text\": \"A cat.\"}",
            "p.jsonl: expected at least one pair that can be used",
        ),
    ] {
        fs::write(folder.path().join("p.jsonl"), line).unwrap();
        let args = ["--pairs", "p.jsonl", "--skip-unreadable"];
        let error = measure(folder.path(), &args).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
