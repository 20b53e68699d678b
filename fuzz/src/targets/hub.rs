//! What a hub answers about a repository, and what is to be fetched of it.

use mirscope::{
    engine::RepoId,
    hub::{FetchPlan, Listing, api_path, cached_name, check_content, resolve_path},
};
use serde_json::json;

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "sha" "siblings" "rfilename" "size" "blobId" "lfs" "sha256" "oid" "gated" "cardData"
    "license" "config.json" "model.safetensors" "model.safetensors.index.json" "model-00001-of-00002.safetensors"
    "pytorch_model.bin" "tokenizer.json" "preprocessor_config.json" "a.gguf" "a-Q4_K_M.gguf" "mmproj-a.gguf" "../a"
    "lm_tokenizer" "sub/config.json""#;

pub fn run(data: &[u8]) {
    let [id, answer, config] = seeds::parts(data);
    let Ok(id) = String::from_utf8_lossy(id).parse::<RepoId>() else {
        return;
    };
    (api_path(&id), resolve_path(&id, "main", "config.json"));
    let _ = check_content(answer.len() as u64, answer);
    let Ok(listing) = Listing::parse(&id, answer) else {
        return;
    };
    let Ok(mut plan) = FetchPlan::new(&id, listing.clone()) else {
        return;
    };
    if let Some(lender) = FetchPlan::lender(config) {
        let _ = plan.lend(&lender, &listing);
    }
    (plan.name(), plan.total(), plan.here(), plan.missing());
    for planned in &plan.files {
        (planned.name(), plan.home(planned), plan.seen_as(&planned.file));
        cached_name(planned.file.path.as_ref(), None);
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let listing = |names: &[&str]| {
        let file = |name: &&str| match name.ends_with("json") {
            true => json!({"rfilename": name, "size": 9, "blobId": "0".repeat(40)}),
            false => json!({"rfilename": name, "size": 9, "lfs": {"sha256": "0".repeat(64), "size": 9}}),
        };
        let files: Vec<_> = names.iter().map(file).collect();
        let answer = json!({"sha": "1".repeat(40), "gated": "auto", "cardData": {"license": "mit"}, "siblings": files});
        seeds::joined(&[b"a/b", answer.to_string().as_bytes(), br#"{"lm_tokenizer": "c/d"}"#])
    };
    vec![
        listing(&["config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"]),
        listing(&["config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"]),
        listing(&["a-Q4_K_M.gguf", "a-F16.gguf", "mmproj-a.gguf", "README.md"]),
        listing(&["config.json", "pytorch_model.bin", "sub/config.json"]),
    ]
}
