//! `mirscope passes`: outputs against those of transformers.

use mirscope::report::PassTimes;
use serde_json::json;

use super::{run, text};
use crate::golden::GoldenCase;

/// What the program is called with in a folder that holds the input.
fn arguments(model: &str) -> [&str; 7] {
    [
        "passes",
        "--model",
        model,
        "--input",
        "input.json",
        "--out",
        "out.json",
    ]
}

/// The passes of a case over prompts and images.
fn passes(case: &GoldenCase, input: &serde_json::Value) -> PassTimes {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("input.json"), input.to_string()).unwrap();
    let model = case.folder.to_str().unwrap();
    let (code, out, err) = text(&run(folder.path(), &arguments(model)));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("GFLOP/s"), "{out}");
    let json = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    serde_json::from_str(&json).unwrap()
}

/// Fails where an output is further than 1e-4 of the largest value from what is expected.
fn same(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0f32, |most, value| most.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let off = (found - expected).abs();
        assert!(
            off <= 1e-4 * largest,
            "{index}: {found}, expected {expected}"
        );
    }
}

#[test]
fn a_prompt_gives_the_last_tokens_logits() {
    let case = GoldenCase::at("families/decoder/qwen3");
    let ids = case.input_ids();
    let times = passes(&case, &json!({"prompts": [&ids[..7], ids], "images": []}));
    assert_eq!(times.passes.len(), 2);
    let [short, whole] = &times.passes[..] else {
        panic!("{times:?}")
    };
    assert_eq!((short.tokens, whole.tokens), (Some(7), Some(ids.len())));
    assert!(times.host.cpus > 0);
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    assert!(
        times
            .host
            .processor
            .as_ref()
            .is_some_and(|name| !name.is_empty())
    );
    assert!(
        whole.seconds.iter().all(|seconds| *seconds > 0.0),
        "{times:?}"
    );
    assert!(whole.flops > short.flops && short.output != whole.output);
    same(&whole.output, case.tensor("logits").1);
}

#[test]
fn an_image_gives_its_features() {
    let case = GoldenCase::at("siglip_full_f16");
    let pixels = case.tensor("pixel_values").1;
    let times = passes(&case, &json!({"prompts": [], "images": [pixels]}));
    assert_eq!(times.passes[0].tokens, None);
    same(&times.passes[0].output, case.tensor("image_features").1);
}

#[test]
fn input_that_does_not_fit_is_refused() {
    let case = GoldenCase::at("families/decoder/qwen3");
    let folder = tempfile::tempdir().unwrap();
    let model = case.folder.to_str().unwrap();
    for (input, reason) in [
        ("{}", "input.json: missing field `prompts`"),
        (r#"{"prompts": [[999999]], "images": []}"#, "999999"),
        (
            r#"{"prompts": [], "images": [[0.5]]}"#,
            "without a vision tower",
        ),
    ] {
        std::fs::write(folder.path().join("input.json"), input).unwrap();
        let (code, out, err) = text(&run(folder.path(), &arguments(model)));
        assert_eq!((code, out.as_str()), (1, ""), "{input}: {err}");
        assert!(err.contains(reason), "{input}: {err}");
        assert!(!folder.path().join("out.json").exists());
    }
}
