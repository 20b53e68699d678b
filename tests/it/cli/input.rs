//! What a user may name wrongly.

use std::{fs, path::Path};

use super::{run, text};

/// Runs `measure` with `args` in a folder that `prepare` fills, expects failure and no new file.
fn refused(prepare: impl FnOnce(&Path), args: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let count = || fs::read_dir(folder.path()).unwrap().count();
    let before = count();
    let args = [&["measure"], args].concat();
    let (code, out, err) = text(&run(folder.path(), &args));
    assert_eq!((code, out.as_str()), (1, ""), "{args:?}: {err}");
    assert_eq!(count(), before, "{args:?} left a file behind");
    assert_eq!(err.lines().count(), 1, "{err}");
    err
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn paths_that_are_not_there() {
    let nothing = |_: &Path| {};
    for (args, reason) in [
        (
            &["--model", "nowhere"][..],
            "nowhere: expected a folder with config.json, or a .gguf file, found nothing",
        ),
        (&["--pairs", "no.jsonl"], "no.jsonl: cannot read it"),
        (
            &["--images", "no.png", "--texts", "no.txt"],
            "no.png: expected a file or a folder, found nothing",
        ),
        (&["--out", "no/report.json"], "there is no folder no"),
    ] {
        let err = refused(nothing, args);
        assert!(err.contains(reason), "{args:?}: {err}");
    }
    let err = refused(|folder| write(folder, "m", b""), &["--model", "m"]);
    assert!(err.contains("found a file"), "{err}");
}

#[test]
fn pairs_are_checked_line_by_line() {
    let good = r#"{"image": "images/a.png", "text": "A cat.", "id": 3}"#;
    for (line, reason) in [
        (
            "{\"image\": 3}",
            "p.jsonl:3: expected {\"image\": path, \"text\": string}, {\"images\": [path, ...], \
             \"texts\": [string, ...]} or {\"video\": [path of a frame, ...], \"text\": string}, found \
             a number as `image`",
        ),
        (
            "{\"image\": \"images/a.png\", \"text\": 3}",
            "\"text\": string}, found invalid type",
        ),
        ("nonsense", "p.jsonl:3: expected"),
        (
            "{\"image\": \"images/a.png\"}",
            "\"text\": string}, found no `text`",
        ),
        (
            "{\"images\": [\"images/a.png\", \"images/b.png\"], \"texts\": [\"x\", \"y\"]}",
            "p.jsonl:3: expected an image at sub/images/b.png, found no file",
        ),
        (
            "{\"video\": [\"images/a.png\", \"images/b.png\"], \"text\": \"x\"}",
            "p.jsonl:3: expected an image at sub/images/b.png, found no file",
        ),
        (
            "{\"video\": \"a.mp4\", \"text\": \"x\"}",
            "p.jsonl:3: expected the paths of a video's frames as a list, found a string",
        ),
        (
            "{\"images\": [\"images/a.png\"], \"texts\": []}",
            "p.jsonl:3: expected as many texts as images, 1 to 256, found 0 and 1",
        ),
        (
            "{\"image\": \"images/b.png\", \"text\": \"x\"}",
            "p.jsonl:3: expected an image at sub/images/b.png, found no file",
        ),
        (
            "{\"image\": \"images/a.png\", \"text\": \" \"}",
            "p.jsonl:3: expected a text, found an empty one",
        ),
    ] {
        let prepare = |folder: &Path| {
            write(folder, "sub/images/a.png", b"");
            write(
                folder,
                "sub/p.jsonl",
                format!("{good}\n\n{line}\n").as_bytes(),
            );
        };
        let err = refused(prepare, &["--pairs", "sub/p.jsonl"]);
        assert!(err.contains(reason), "{line}: {err}");
    }
    let err = refused(
        |folder| write(folder, "p.jsonl", b"\n \n"),
        &["--pairs", "p.jsonl"],
    );
    assert!(
        err.contains("p.jsonl: expected at least one pair, found none"),
        "{err}"
    );
}

#[test]
fn texts_and_images_are_checked_by_file() {
    for (name, content, reason) in [
        ("t/a.txt", &b" \n"[..], "a.txt: expected a text, found none"),
        (
            "t/a.txt",
            b"ab\xff",
            "a.txt: expected UTF-8 text, found another byte at offset 2",
        ),
        (
            "t/a.story",
            b"\n\n@highlight\n\nA cat",
            "a.story: expected a story before its first `@highlight`, found none",
        ),
        (
            "t/a.story",
            b"A c\xff",
            "a.story: expected UTF-8 text, found another byte at offset 3",
        ),
        (
            "t/a.md",
            b"text",
            "t: expected files ending in txt, story in this folder, found none",
        ),
    ] {
        let prepare = |folder: &Path| {
            write(folder, "i/a.PNG", b"");
            write(folder, name, content);
        };
        let err = refused(prepare, &["--images", "i", "--texts", "t"]);
        assert!(err.contains(reason), "{name}: {err}");
    }
    let prepare = |folder: &Path| {
        write(folder, "i/a.tiff", b"");
        write(folder, "t.txt", b"text");
    };
    let err = refused(prepare, &["--images", "i", "--texts", "t.txt"]);
    assert!(
        err.contains("i: expected files ending in png, jpg"),
        "{err}"
    );
}

#[test]
fn hidden_files_of_a_folder_are_no_images_and_no_texts() {
    for (hidden, visible, reason) in [
        ("i/._a.png", "t/a.txt", "i: expected files ending in png"),
        ("t/.a.txt", "i/a.png", "t: expected files ending in txt"),
    ] {
        let prepare = |folder: &Path| {
            write(folder, hidden, b"x");
            write(folder, visible, b"x");
        };
        let err = refused(prepare, &["--images", "i", "--texts", "t"]);
        assert!(err.contains(reason), "{hidden}: {err}");
    }
}
