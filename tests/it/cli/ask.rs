//! `mirscope ask`.

use std::path::{Path, PathBuf};

use mirscope::report::{Answer, AnswerEnd};

use super::outcome;
use crate::golden;

fn picture() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    path(root.join("assets/demo/images/scene-002.png"))
}

fn decoder() -> String {
    path(golden::root().join("families/decoder/qwen2"))
}

fn path(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

/// What `ask` prints where it succeeds.
#[track_caller]
fn asked(args: &[&str]) -> String {
    let (code, out, err) = outcome(&[&["ask"], args].concat());
    assert_eq!(code, 0, "{args:?}: {err}");
    out
}

fn answer(args: &[&str]) -> Answer {
    let out = asked(&[args, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn standard_output_holds_the_answer_alone() {
    let picture = picture();
    let question = ["--image", &picture, "Describe the picture."];
    let out = asked(&question);
    assert!(
        out.starts_with("A picture in the sky. ") && out.ends_with(" bottom right.\n"),
        "{out}"
    );
    assert_eq!(out.lines().count(), 1);
    let told = answer(&question);
    assert_eq!(out, format!("{}\n", told.text.trim_start()));
    assert_eq!(told.end, AnswerEnd::Stop);
    assert!(!told.tokens.is_empty() && told.prompt_tokens > told.tokens.len());

    let one = answer(&[&question[..], &["--max-tokens", "1"]].concat());
    assert_eq!(one.tokens, told.tokens[..1]);
    assert_eq!(one.end, AnswerEnd::MaxTokens);
}

#[test]
fn notes_are_told_beside_the_answer() {
    let args = ["ask", "--max-tokens", "1", "What <image> is it?"];
    let (code, plain, err) = outcome(&args);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("note: ") && err.contains("was removed from the text"),
        "{err}"
    );
    let (code, out, err) = outcome(&[&args[..], &["--quiet"]].concat());
    assert_eq!((code, out, err.as_str()), (0, plain, ""));
}

#[test]
fn a_text_goes_on_without_a_template() {
    let decoder = decoder();
    let model = ["--model", &decoder, "--max-tokens", "5", "The hill"];
    let chat = answer(&model);
    let raw = answer(&[&model[..], &["--raw"]].concat());
    assert_eq!(raw.tokens.len(), 5);
    assert!(raw.prompt_tokens < chat.prompt_tokens);
    let drawn = |seed: &str| {
        let more = ["--raw", "--temperature", "1", "--seed", seed];
        answer(&[&model[..], &more].concat()).tokens
    };
    assert_eq!(drawn("3"), drawn("3"));
    assert_ne!(drawn("3"), drawn("4"));
}

#[test]
fn wrong_usage_is_told_from_what_fails() {
    let (picture, decoder) = (picture(), decoder());
    for (code, args, reason) in [
        (2, &[][..], "PROMPT"),
        (2, &["--max-tokens", "0", "Who?"], "--max-tokens"),
        (2, &["--temperature", "warm", "Who?"], "--temperature"),
        (
            2,
            &["--top-k", "0", "--temperature", "1", "Who?"],
            "--top-k",
        ),
        (2, &["--top-k", "3", "Who?"], "--temperature"),
        (2, &["--seed", "-1", "Who?"], "--seed"),
        (2, &["Who?", "and who?"], "unexpected argument"),
        (2, &["--temperature", "-1", "Who?"], "from 0.01 to 100"),
        (2, &["--temperature", "nan", "Who?"], "from 0.01 to 100"),
        (1, &["--image", "none.png", "Who?"], "none.png"),
        (1, &["--model", "nowhere", "Who?"], "nowhere"),
        (
            1,
            &["--model", &decoder, "--image", &picture, "Who?"],
            "without a vision tower",
        ),
    ] {
        let (found, out, err) = outcome(&[&["ask"], args].concat());
        assert_eq!((found, out.as_str()), (code, ""), "{args:?}: {err}");
        assert!(err.contains(reason), "{args:?}: {err}");
    }
}
