//! Repositories of GGUF files, from the name that is typed to the answer.

use std::{collections::BTreeMap, fs};

use mirscope::report::Answer;

use super::{COMMIT, program::run, server::Hub};
use crate::weights::gguf::llava_files;

const PICTURE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/golden/clip_hub_layout_bf16/image.png"
);

/// A repository with two models and their vision part, and what lies beside them.
fn repository() -> BTreeMap<String, Vec<u8>> {
    let [model, vision] = llava_files();
    let mut other = model.clone();
    // Zeros behind the last tensor.
    other.resize(model.len() + 4096, 0);
    let files = [
        ("README.md", b"models".to_vec()),
        ("config.json", b"{\"model_type\": \"llava\"}".to_vec()),
        ("tiny-F32.gguf", other),
        ("tiny-Q4_K_M.gguf", model),
        ("mmproj-tiny-f16.gguf", vision),
    ];
    files
        .map(|(name, content)| (name.to_owned(), content))
        .into()
}

fn answer(out: &str) -> Answer {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// A question about the picture, and how it is to be answered.
const QUESTION: [&str; 6] = [
    "--image",
    PICTURE,
    "--max-tokens",
    "6",
    "--json",
    "What is it?",
];

#[test]
fn a_model_is_asked_by_its_repository() {
    let hub = Hub::new(repository());
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(folder.path(), &hub.address, args);
    let ask = |model: &str| run(&[&["ask", "--model", model], &QUESTION[..]].concat());
    // The same files in a folder of their own.
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    for name in ["tiny-Q4_K_M.gguf", "mmproj-tiny-f16.gguf"] {
        fs::write(own.join(name), &hub.files()[name]).unwrap();
    }
    let (code, out, err) = ask(own.to_str().unwrap());
    assert_eq!(code, 0, "{err}");
    let expected = answer(&out);
    assert_eq!(expected.tokens.len(), 6);

    // Several are told with their sizes, and how one is named.
    let (code, out, err) = run(&["inspect", "tiny/model", "--dry-run", "--json"]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "of 2 GGUF files, tiny-Q4_K_M.gguf (",
        "the others are tiny-F32.gguf (",
        "name it as tiny/model/tiny-F32.gguf",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("config.json"), "{out}");

    // To look at one reads its description alone.
    hub.asked();
    let (code, out, err) = run(&["inspect", "tiny/model/tiny-F32.gguf"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("tiny/model/tiny-F32.gguf@0123456789ab"),
        "{out}"
    );
    let files = hub.asked().into_iter().filter(|asked| asked.of_network);
    assert!(files.into_iter().all(|asked| asked.range.is_some()));
    assert!(!folder.path().join("home").exists(), "nothing is kept");

    for model in ["tiny/model", "tiny/model/tiny-F32.gguf"] {
        let (code, out, err) = ask(model);
        assert_eq!(code, 0, "{model}: {err}");
        assert_eq!(answer(&out).tokens, expected.tokens, "{model}");
    }
    // Both lie in one snapshot now, which is no obstacle; and without a network the same is said.
    let snapshot = folder
        .path()
        .join("home/hub/models--tiny--model/snapshots")
        .join(COMMIT);
    assert!(
        snapshot.join("tiny-F32.gguf").is_file() && snapshot.join("tiny-Q4_K_M.gguf").is_file()
    );
    assert!(!snapshot.join("config.json").exists());
    hub.asked();
    for model in ["tiny/model", "tiny/model/tiny-F32.gguf"] {
        let (code, out, err) =
            run(&[&["ask", "--model", model, "--offline"], &QUESTION[..]].concat());
        assert_eq!(code, 0, "{err}");
        assert_eq!(answer(&out).tokens, expected.tokens);
    }
    let (code, out, err) = run(&["inspect", "tiny/model", "--offline"]);
    assert!(
        code == 0 && out.contains("tiny/model/tiny-Q4_K_M.gguf@0123456789ab"),
        "{out}{err}"
    );
    let (code, _, err) = run(&["inspect", "tiny/model/other.gguf", "--offline"]);
    assert!(
        code == 1 && err.contains("tiny/model/other.gguf: expected"),
        "{err}"
    );
    assert!(hub.asked().is_empty(), "--offline opens no connection");
}

#[test]
fn a_name_that_is_not_there_lists_those_that_are() {
    let hub = Hub::new(repository());
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(folder.path(), &hub.address, args);
    let (code, _, err) = run(&["inspect", "tiny/model/tiny-Q8_0.gguf"]);
    assert_eq!(code, 1);
    for part in [
        "tiny/model/tiny-Q8_0.gguf: expected tiny-Q8_0.gguf among its files",
        "tiny-F32.gguf (",
        "tiny-Q4_K_M.gguf (",
        "name one of them",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    hub.asked();
    // A file that is not there in a folder that is.
    fs::create_dir(folder.path().join("tiny")).unwrap();
    let (code, _, err) = run(&["inspect", "tiny/model/tiny-Q8_0.gguf"]);
    assert!(code == 1 && err.contains("found nothing"), "{err}");
    assert!(hub.asked().is_empty());
}
