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
