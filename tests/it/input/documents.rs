//! Prompts of several images: ids and masks against transformers, and what is left out.

use mirscope::{
    input::{InputError, Processor, PromptBuilder},
    weights::MemorySource,
};
use serde_json::Value;

use super::prompts::{OfFour, config, index, numbers, tokenizer};
use crate::golden;

fn documents() -> Value {
    let path = golden::root().join("prompts/documents.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A tokenizer with one of the golden templates.
fn source(tokenizer_name: &str, template: Option<&str>) -> MemorySource {
    let mut source = tokenizer(tokenizer_name);
    if let Some(name) = template {
        let template = index()["templates"][name].as_str().unwrap().to_owned();
        source.insert("chat_template.jinja", template.into_bytes());
    }
    source
}

#[test]
fn ids_and_masks_of_documents_equal_transformers() {
    let all = documents();
    let entries = all["documents"].as_array().unwrap();
    assert!(entries.len() >= 40);
    for entry in entries {
        let source = source(
            entry["tokenizer"].as_str().unwrap(),
            entry["template"].as_str(),
        );
        let texts = entry["texts"].as_array().unwrap().iter();
        let texts: Vec<&str> = texts.map(|text| text.as_str().unwrap()).collect();
        let builder = PromptBuilder::open(&source, &config(4096)).unwrap();
        let prompt = builder.document_of_four("document", &texts).unwrap();
        assert_eq!(prompt.input_ids, numbers(&entry["input_ids"]), "{entry}");
        assert_eq!(
            prompt.text_official,
            numbers(&entry["text_official"]),
            "{entry}"
        );
        assert_eq!(
            prompt.text_content,
            numbers(&entry["text_content"]),
            "{entry}"
        );
        assert_eq!(
            (prompt.images, prompt.vision.len()),
            (texts.len(), 4 * texts.len())
        );
        assert!(prompt.notes.is_empty());
    }
}

#[test]
fn golden_documents_have_their_ids_masks_and_pixels() {
    for case in golden::documents() {
        let checkpoint = case.checkpoint();
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
        let texts: Vec<&str> = case.texts.iter().map(String::as_str).collect();
        let images = case.images.iter().map(|file| {
            let image = processor.image("image", &std::fs::read(file).unwrap());
            image.unwrap()
        });
        let images: Vec<_> = images.collect();
        let plans: Vec<_> = images.iter().map(|image| &image.plan).collect();
        let prompt = processor.document("document", &texts, &plans).unwrap();
        assert_eq!(prompt.input_ids, case.input_ids(), "{}", case.name);
        assert_eq!(prompt.text_content, case.text_content(), "{}", case.name);
        assert_eq!(prompt.text_official, case.text_official(), "{}", case.name);
        let vision = checkpoint.spec.vision().unwrap();
        assert_eq!(prompt.vision.len(), texts.len() * vision.num_image_tokens());
        let (shape, values) = case.tensor("pixel_values");
        let pictures = images.iter().flat_map(|image| &image.pixel_values);
        let found: Vec<f32> = pictures.flat_map(|picture| picture.data.clone()).collect();
        assert_eq!(shape[0], texts.len() * vision.pictures_per_image());
        assert_eq!(found, values, "{}", case.name);
    }
}

#[test]
fn a_long_document_is_cut_by_whole_turns() {
    let texts = ["one", "two", "three", "four", "five"];
    for template in [None, Some("turns"), Some("parts")] {
        let source = source("byte", template);
        let open = |context| PromptBuilder::open(&source, &config(context)).unwrap();
        let length = |count: usize| {
            let prompt = open(4096).document_of_four("d", &texts[..count]).unwrap();
            prompt.input_ids.len()
        };
        for count in 1..5 {
            for context in [length(count), length(count + 1) - 1] {
                let prompt = open(context).document_of_four("d", &texts).unwrap();
                let whole = open(4096).document_of_four("d", &texts[..count]).unwrap();
                assert_eq!(prompt.input_ids, whole.input_ids, "{template:?} {context}");
                assert_eq!(prompt.images, count);
                let expected = format!("d: the last {} of 5 images", 5 - count);
                assert_eq!(prompt.notes.len(), 1, "{:?}", prompt.notes);
                assert!(prompt.notes[0].starts_with(&expected), "{:?}", prompt.notes);
            }
        }
        let long = "a long text ".repeat(60);
        let prompt = open(length(1) + 9)
            .document_of_four("d", &[&long, "two"])
            .unwrap();
        assert_eq!((prompt.images, prompt.notes.len()), (1, 2));
        assert!(
            prompt.notes[1].contains("the text was cut"),
            "{:?}",
            prompt.notes
        );
    }
}

#[test]
fn documents_without_a_text_or_a_usable_template_are_refused() {
    let builder = PromptBuilder::open(&tokenizer("byte"), &config(4096)).unwrap();
    for texts in [&[][..], &["a", " \n"][..]] {
        let error = builder.document_of_four("d", texts).unwrap_err();
        assert!(matches!(error, InputError::EmptyText { .. }), "{error}");
    }
    // All images first is no document of images and texts by turns.
    let template = "{% for m in messages %}{% if m.role == 'user' %}<image>{% endif %}{% endfor %}\
        {% for m in messages %}{% if m.role != 'user' %} {{ m.content[0].text }}{% endif %}{% endfor %}";
    let source = tokenizer("byte").with("chat_template.jinja", template.as_bytes().to_vec());
    let builder = PromptBuilder::open(&source, &config(4096)).unwrap();
    assert!(builder.pair_of_four("p", "words").is_ok());
    let error = builder
        .document_of_four("d", &["one", "two"])
        .unwrap_err()
        .to_string();
    assert!(error.contains("each before its own text"), "{error}");
}
