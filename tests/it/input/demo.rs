//! The demo checkpoint with its earlier connectors and its pairs.

use std::{path::PathBuf, sync::Arc};

use mirscope::{
    input::{Processor, PromptForm},
    model::Checkpoint,
    weights::FolderSource,
};
use serde_json::Value;

#[test]
fn the_demo_opens_with_every_connector_and_all_its_pairs_fit() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let pairs = std::fs::read_to_string(root.join("pairs.jsonl")).unwrap();
    let model = Arc::new(FolderSource::open(root.join("model")).unwrap());
    let checkpoint = Checkpoint::open(model.clone()).unwrap();
    let connectors = root.join("connectors");
    let name = "multi_modal_projector.linear_1.weight";
    let shape = checkpoint.info(name).unwrap().shape.clone();
    let trained = checkpoint.tensor(name, &shape).unwrap();
    for file in ["untrained.safetensors", "halfway.safetensors"] {
        let source = Arc::new(FolderSource::open(&connectors).unwrap());
        let earlier = checkpoint.clone().with_overrides(source, file).unwrap();
        assert_ne!(earlier.tensor(name, &shape).unwrap().bytes, trained.bytes);
    }
    let processor = Processor::open(&*model, &checkpoint.spec).unwrap();
    assert!(matches!(
        processor.prompt_form(),
        PromptForm::ChatTemplate(_)
    ));
    let mut count = 0;
    for line in pairs.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let file = pair["image"].as_str().unwrap();
        let image = processor
            .image(file, &std::fs::read(root.join(file)).unwrap())
            .unwrap();
        assert!(image.notes.is_empty());
        let text = pair["text"].as_str().unwrap();
        let prompt = processor.prompt(file, text, &image.plan).unwrap();
        assert!(prompt.notes.is_empty(), "{:?}", prompt.notes);
        assert_eq!(prompt.vision.len(), image.plan.tokens());
        assert!(prompt.text_content.len() < prompt.text_official.len());
        count += 1;
    }
    assert!(count >= 100, "{count}");
}
