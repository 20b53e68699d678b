//! Published ways to measure, and the lists that others' programs write.

use std::{fs, path::Path};

use mirscope::report::{Definition, Report, TextMask, parse};

use super::{measure::small, outcome, run, text};
use crate::golden;

/// A folder with two images and two stories.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let image = golden::cases()[0].image();
    for name in ["images/a.png", "images/b.png"] {
        write(folder.path(), name, &image);
    }
    for (name, story) in [
        ("stories/0a.story", "(CNN) -- A story."),
        ("stories/0b.story", "Another one.\n\nIt has two parts."),
    ] {
        let file = format!("{story}\n\n@highlight\n\nWhat it says.\n");
        write(folder.path(), name, file.as_bytes());
    }
    folder
}

fn write(folder: &Path, name: &str, content: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn measured(folder: &Path, args: &[&str]) -> Report {
    let model = small();
    let args = [
        &["measure", "--json", "--metrics", "mir", "--model", &model],
        args,
    ]
    .concat();
    let (code, out, err) = text(&run(folder, &args));
    assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
    parse(&out, "stdout").unwrap()
}

const PAPER: [&str; 6] = [
    "--protocol",
    "mir-paper",
    "--images",
    "images",
    "--texts",
    "stories",
];

#[test]
fn the_papers_protocol_sets_what_is_not_named() {
    let folder = folder();
    let paper = measured(folder.path(), &PAPER);
    assert_eq!(paper.definition, Definition::OfficialAccurate);
    assert_eq!(paper.text_mask, TextMask::Official);
    assert_eq!(paper.data.prompt, "vicuna_v1, as asked for");
    let protocol = paper.data.protocol.clone().unwrap();
    assert_eq!(protocol.line(), "mir-paper, but num_pairs = 2");

    let named = [
        "--num-pairs",
        "1",
        "--definition",
        "exact",
        "--text-mask",
        "content",
        "--prompt",
        "checkpoint",
    ];
    let other = measured(folder.path(), &[&PAPER[..], &named].concat());
    assert_eq!(other.definition, Definition::Exact);
    assert_eq!(other.text_mask, TextMask::Content);
    assert_eq!(other.data.num_pairs, 1);
    assert_eq!(other.data.protocol.unwrap().departures.len(), 4);

    // The same by hand is the same, but for the protocol's name.
    let by_hand = [
        "--definition",
        "official-accurate",
        "--prompt",
        "vicuna_v1",
        "--num-pairs",
        "100",
    ];
    let by_hand = measured(folder.path(), &[&PAPER[2..], &by_hand].concat());
    assert_eq!(by_hand.data.protocol, None);
    assert_eq!(by_hand.layers, paper.layers);
}

#[test]
fn what_contradicts_the_papers_protocol_is_refused() {
    for (args, reason) in [
        (&["--protocol", "mir-paper"][..], "found neither"),
        (
            &["--protocol", "mir-paper", "--pairs", "p.jsonl"],
            "found --pairs",
        ),
        (
            &["--protocol", "mir-paper", "--images", "i"],
            "found --images alone",
        ),
        (
            &[&PAPER[..], &["--text-mask", "content"]].concat(),
            "'--protocol mir-paper' with its definition 'official-accurate' cannot be used with",
        ),
        (&["--protocol", "other"], "mir-paper"),
    ] {
        let (code, out, err) = outcome(&[&["measure"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(reason), "{args:?}: {err}");
    }
}

/// A conversation about images, as LLaVA's lists have it.
fn conversation(images: &serde_json::Value, turns: &[(&str, &str)]) -> serde_json::Value {
    let messages = turns.iter().flat_map(|(question, text)| {
        [
            serde_json::json!({"from": "human", "value": question}),
            serde_json::json!({"from": "gpt", "value": text}),
        ]
    });
    serde_json::json!({"id": "7", "image": images, "conversations": messages.collect::<Vec<_>>()})
}

#[test]
fn conversations_are_measured_from_both_forms_of_a_list() {
    let folder = folder();
    let two = serde_json::json!(["a.png", "b.png"]);
    let entries = [
        conversation(
            &"a.png".into(),
            &[("<image>\nWhat is it?", "A cat."), ("Sure?", "Yes.")],
        ),
        serde_json::json!({"conversations": [
            {"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hello."}]}),
        conversation(&two, &[("<image>\n<image>\nAnd these?", "Two cats.")]),
    ];
    let lines: Vec<String> = entries.iter().map(ToString::to_string).collect();
    write(folder.path(), "l.jsonl", lines.join("\n").as_bytes());
    let list = serde_json::to_string_pretty(&entries).unwrap();
    write(folder.path(), "l.json", list.as_bytes());
    let reports = ["l.json", "l.jsonl"].map(|list| {
        let args = [
            "--pairs",
            list,
            "--images",
            "images",
            "--text-mask",
            "content",
        ];
        let report = measured(folder.path(), &args);
        assert_eq!(report.data.num_pairs, 2);
        let note = format!("{list}: 1 conversation shows no image and was left out");
        assert_eq!(report.notes[0], note);
        report
    });
    assert_eq!(reports[0].layers, reports[1].layers);
    let (vision, text) = reports[0].tokens();
    assert_eq!(vision % 3, 0, "three images");
    assert!(text < 40, "only what gpt says");

    // The folder of images is looked up first, that of the list as well.
    let (code, _, err) = text_of(folder.path(), &["--pairs", "l.json"]);
    let expected = "l.json[0]: expected an image at a.png, found no file";
    assert!(code == 1 && err.contains(expected), "{err}");
    let (code, _, err) = text_of(
        folder.path(),
        &["--pairs", "l.json", "--images", "images", "stories"],
    );
    assert!(
        code == 2 && err.contains("expected one folder beside --pairs"),
        "{err}"
    );
}

fn text_of(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let model = small();
    text(&run(
        folder,
        &[&["measure", "--model", &model], args].concat(),
    ))
}

#[test]
fn frames_of_a_folder_are_the_images_of_a_turn() {
    let folder = folder();
    let two = serde_json::json!(["images/a.png", "images/b.png"]);
    let listed = conversation(&two, &[("<image><image>", "A cat.")]);
    write(folder.path(), "listed.jsonl", listed.to_string().as_bytes());
    for (frames, name) in [(2, "two.jsonl"), (9, "all.jsonl")] {
        let line = format!(r#"{{"image": "images", "frames": {frames}, "text": "A cat."}}"#);
        write(folder.path(), name, line.as_bytes());
        let frames = measured(folder.path(), &["--pairs", name]);
        let listed = measured(folder.path(), &["--pairs", "listed.jsonl"]);
        assert_eq!(frames.layers, listed.layers);
    }
    for (line, reason) in [
        (
            r#"{"image": "images", "text": "A cat."}"#,
            "found a folder; `frames` says how many",
        ),
        (
            r#"{"image": "images/a.png", "frames": 2, "text": "A cat."}"#,
            "expected an animated GIF or WebP, of which frames can be taken, found a file of the format Png",
        ),
        (
            r#"{"image": "images", "frames": 0, "text": "A cat."}"#,
            "p.jsonl:1: expected `frames` from 1 to 256, found 0",
        ),
    ] {
        write(folder.path(), "p.jsonl", line.as_bytes());
        let (code, _, err) = text_of(folder.path(), &["--pairs", "p.jsonl"]);
        assert!(code == 1 && err.contains(reason), "{err}");
    }
}
