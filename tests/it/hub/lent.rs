//! nanoVLM's checkpoints take their tokenizer from another repository.

use std::{collections::BTreeMap, fs, path::Path};

use mirscope::{hub::FetchPlan, platform::Cancel, report::Answer};

use super::{
    client, id,
    program::run,
    server::{Files, Hub},
};
use crate::golden;

const LENDER: &str = "HuggingFaceTB/cosmo2-tokenizer";

fn case() -> std::path::PathBuf {
    golden::root().join("families/nanovlm/first_f32")
}

fn read(names: &[&str]) -> Files {
    let read = |name: &&str| ((*name).to_owned(), fs::read(case().join(name)).unwrap());
    names.iter().map(read).collect::<BTreeMap<_, _>>()
}

fn model() -> Files {
    read(&["config.json", "model.safetensors"])
}

fn tokenizer() -> Files {
    let mut files = read(&["tokenizer.json", "tokenizer_config.json"]);
    files.insert("README.md".to_owned(), b"a tokenizer".to_vec());
    files.insert("model.safetensors".to_owned(), b"of another model".to_vec());
    files
}

fn plan(hub: &Hub, folder: &Path) -> Result<FetchPlan, String> {
    let plan = client(hub, folder).plan(&id(), &Cancel::default());
    plan.map_err(|error| error.to_string())
}

#[test]
fn the_tokenizer_comes_from_the_repository_that_the_configuration_names() {
    let hub = Hub::of([("tiny/model", model()), (LENDER, tokenizer())]);
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| run(folder.path(), &hub.address, args);
    let (code, out, err) = run(&["inspect", "tiny/model", "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    for part in [
        "tokenizer.json of HuggingFaceTB/cosmo2-tokenizer",
        "the tokenizer is that of HuggingFaceTB/cosmo2-tokenizer, which config.json names",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&out).contains(part), "{part}: {out}");
    }
    assert!(!out.contains("README.md"), "{out}");
    let (code, out, err) = run(&["inspect", "tiny/model"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!folder.path().join("home").exists(), "nothing is kept");

    let picture = case().join("image.png").to_str().unwrap().to_owned();
    let ask = |more: &[&str]| {
        let question = [
            "--image",
            &picture,
            "--max-tokens",
            "4",
            "--json",
            "What is it?",
        ];
        let (code, out, err) = run(&[&["ask"], more, &question[..]].concat());
        assert_eq!(code, 0, "{more:?}: {err}");
        serde_json::from_str::<Answer>(&out).unwrap()
    };
    let expected = ask(&["--model", case().to_str().unwrap()]);
    let found = ask(&["--model", "tiny/model"]);
    assert_eq!(found.tokens, expected.tokens);
    let hub_folder = folder.path().join("home/hub");
    assert!(
        hub_folder
            .join("models--HuggingFaceTB--cosmo2-tokenizer/refs/main")
            .is_file()
    );
    hub.asked();
    assert_eq!(
        ask(&["--model", "tiny/model", "--offline"]).tokens,
        expected.tokens
    );
    assert!(hub.asked().is_empty(), "--offline opens no connection");
    // Of the tokenizer's repository nothing but the tokenizer.
    let snapshots = hub_folder.join("models--HuggingFaceTB--cosmo2-tokenizer/snapshots");
    let snapshot = fs::read_dir(snapshots)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut names: Vec<String> = (fs::read_dir(snapshot).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["tokenizer.json", "tokenizer_config.json"]);
}

#[test]
fn a_tokenizer_that_cannot_be_had_is_named_with_its_repository() {
    let mut without = tokenizer();
    without.remove("tokenizer.json");
    for (hub, part) in [
        (
            Hub::new(model()),
            "tiny/model: tokenizer.json of HuggingFaceTB/cosmo2-tokenizer: the hub has no such repository",
        ),
        (
            Hub::of([("tiny/model", model()), (LENDER, without)]),
            "HuggingFaceTB/cosmo2-tokenizer: expected the tokenizer that config.json names, found a \
             repository without tokenizer.json",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error = plan(&hub, folder.path()).unwrap_err();
        assert!(error.contains(part), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
    // What names no repository of a hub stays a note; and a tokenizer of its own counts.
    for name in ["../up", "a local path", "\u{1b}[2J/x"] {
        let mut files = model();
        let config = String::from_utf8(files["config.json"].clone()).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["lm_tokenizer"] = name.into();
        files.insert("config.json".to_owned(), config.to_string().into_bytes());
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(&Hub::new(files), folder.path()).unwrap();
        assert!(
            plan.notes[0].contains("no tokenizer.json"),
            "{:?}",
            plan.notes
        );
    }
    let own = [model(), tokenizer()].into_iter().flatten().collect();
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&Hub::new(own), folder.path()).unwrap();
    assert!(plan.files.iter().all(|file| file.lender.is_none()));
}
