//! Token ids and masks against the LLaVA processor of transformers.

use mirscope::{
    families::{self, ImagePlan, ModelSpec},
    input::{
        AssistantForm, ChatTemplate, InputError, Processor, Prompt, PromptBuilder, PromptForm,
        UserForm,
    },
    weights::MemorySource,
};
use serde_json::{Value, json};

use crate::golden;

/// A configuration with 4 image tokens and room for `context` tokens.
pub fn config(context: usize) -> ModelSpec {
    let config = json!({
        "model_type": "llava", "image_token_index": 4,
        "vision_config": {"model_type": "clip_vision_model", "image_size": 14, "patch_size": 7},
        "text_config": {"vocab_size": 400, "max_position_embeddings": context}
    });
    families::parse("config.json", &config.to_string()).unwrap()
}

/// Prompts with images of four tokens each.
pub trait OfFour {
    fn pair_of_four(&self, name: &str, text: &str) -> Result<Prompt, InputError>;
    fn document_of_four(&self, name: &str, texts: &[&str]) -> Result<Prompt, InputError>;
}

impl OfFour for PromptBuilder {
    fn pair_of_four(&self, name: &str, text: &str) -> Result<Prompt, InputError> {
        self.pair(name, text, &ImagePlan::of_tokens(4))
    }

    fn document_of_four(&self, name: &str, texts: &[&str]) -> Result<Prompt, InputError> {
        let plan = ImagePlan::of_tokens(4);
        self.document(name, texts, &vec![&plan; texts.len()])
    }
}

/// The files of one of the golden tokenizers, without a template.
pub fn tokenizer(name: &str) -> MemorySource {
    let mut source = MemorySource::new(name);
    for file in ["tokenizer.json", "tokenizer_config.json"] {
        let path = golden::root().join("prompts").join(name).join(file);
        source.insert(file, std::fs::read(path).unwrap());
    }
    source
}

pub fn index() -> Value {
    let path = golden::root().join("prompts/prompts.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn numbers(value: &Value) -> Vec<u32> {
    let list = value.as_array().unwrap().iter();
    list.map(|n| n.as_u64().unwrap() as u32).collect()
}

#[test]
fn ids_equal_the_processor_for_all_texts_templates_and_tokenizers() {
    let index = index();
    let prompts = index["prompts"].as_array().unwrap();
    let config = config(4096);
    let mut wrong = Vec::new();
    for entry in prompts {
        let mut source = tokenizer(entry["tokenizer"].as_str().unwrap());
        if let Some(name) = entry["template"].as_str() {
            let template = index["templates"][name].as_str().unwrap();
            source.insert("chat_template.jinja", template.as_bytes().to_vec());
        }
        let text = entry["text"].as_str().unwrap();
        let builder = PromptBuilder::open(&source, &config).unwrap();
        let prompt = builder.pair_of_four("text", text).unwrap();
        if prompt.input_ids != numbers(&entry["input_ids"])
            || prompt.text_content != numbers(&entry["text_content"])
        {
            wrong.push(format!("{entry}: {prompt:?}"));
        }
        assert_eq!(prompt.vision.len(), 4);
        assert!(prompt.vision.windows(2).all(|w| w[1] == w[0] + 1));
        let first_text = prompt.vision[3] + 1;
        assert_eq!(
            prompt.text_official,
            (first_text..prompt.input_ids.len() as u32).collect::<Vec<_>>()
        );
        let expected = match entry["template"].as_str() {
            Some(_) => PromptForm::ChatTemplate("chat_template.jinja".into()),
            None => PromptForm::VicunaV1,
        };
        assert_eq!(prompt.form, expected);
    }
    assert!(prompts.len() >= 100);
    assert!(
        wrong.is_empty(),
        "{} of {}: {wrong:#?}",
        wrong.len(),
        prompts.len()
    );
}

/// The bytes of a text in which some are written as `<0xE2>`.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = text.split("<0x");
    bytes.extend(parts.next().unwrap().bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[3..].bytes());
    }
    bytes
}

#[test]
fn token_texts_join_to_what_the_tokenizer_decodes() {
    let index = index();
    let config = config(4096);
    for name in ["byte", "llama"] {
        let source = tokenizer(name);
        let builder = PromptBuilder::open(&source, &config).unwrap();
        let file = golden::root().join(format!("prompts/{name}/tokenizer.json"));
        let own = tokenizers::Tokenizer::from_file(file).unwrap();
        let (mut checked, mut split) = (0, 0);
        for entry in index["prompts"].as_array().unwrap() {
            if entry["tokenizer"] != name {
                continue;
            }
            let ids = numbers(&entry["input_ids"]);
            let texts: Vec<String> = ids.iter().map(|&id| builder.token_text(id)).collect();
            let joined = bytes(&texts.concat());
            let expected = own.decode(&ids, false).unwrap();
            assert_eq!(String::from_utf8(joined).unwrap(), expected, "{entry}");
            assert_eq!(texts.iter().filter(|text| *text == "<image>").count(), 4);
            checked += 1;
            split += texts.iter().filter(|text| text.contains("<0x")).count();
        }
        assert!(checked >= 40 && split > 0, "{name}: {checked}, {split}");
        assert_eq!(builder.token_text(1_000_000), "<id 1000000>");
    }
}

#[test]
fn templates_render_as_jinja_renders_them() {
    let index = index();
    let special = [("bos_token", "<s>"), ("eos_token", "</s>")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let mut compared = 0;
    for entry in index["prompts"].as_array().unwrap() {
        let Some(name) = entry["template"].as_str() else {
            continue;
        };
        let template = index["templates"][name].as_str().unwrap();
        let template = ChatTemplate::new("t", template).unwrap();
        let forms = if name == "strings" {
            (UserForm::Text, AssistantForm::Text)
        } else {
            (UserForm::Parts, AssistantForm::Parts)
        };
        let text = entry["text"].as_str().unwrap();
        let rendered = template
            .render(forms, "<image>", &[text], &special)
            .unwrap();
        assert_eq!(entry["rendered"], rendered, "{name}");
        compared += 1;
    }
    assert!(compared >= 80);
}

#[test]
fn golden_cases_have_their_token_ids() {
    for case in golden::cases() {
        let checkpoint = case.checkpoint();
        let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
        let plan = processor.image("image.png", &case.image()).unwrap().plan;
        let prompt = processor.prompt("text.txt", &case.text, &plan).unwrap();
        assert_eq!(prompt.input_ids, case.input_ids(), "{}", case.name);
        assert_eq!(prompt.text_content, case.text_content(), "{}", case.name);
        assert_eq!(prompt.vision.len(), plan.tokens());
        assert!(prompt.notes.is_empty());
    }
}

#[test]
fn a_template_is_found_wherever_it_is_kept() {
    let template = "{% for m in messages %}{% for p in m.content %}\
        {{ '<image>' if p.type == 'image' else p.text }}{% endfor %}|{% endfor %}";
    let named =
        json!([{"name": "tool", "template": "x"}, {"name": "default", "template": template}]);
    let config = config(100);
    let expected = PromptBuilder::open(
        &tokenizer("byte").with("chat_template.jinja", template.as_bytes().to_vec()),
        &config,
    )
    .unwrap()
    .pair_of_four("t", "words")
    .unwrap();
    let mut tokenizer_config: Value = serde_json::from_slice(
        &std::fs::read(golden::root().join("prompts/byte/tokenizer_config.json")).unwrap(),
    )
    .unwrap();
    for (file, content) in [
        ("chat_template.json", json!({"chat_template": template})),
        ("processor_config.json", json!({"chat_template": template})),
        ("tokenizer_config.json", {
            tokenizer_config["chat_template"] = named;
            tokenizer_config.clone()
        }),
    ] {
        let source = tokenizer("byte").with(file, content.to_string().into_bytes());
        let prompt = PromptBuilder::open(&source, &config)
            .unwrap()
            .pair_of_four("t", "words")
            .unwrap();
        assert_eq!(prompt.input_ids, expected.input_ids, "{file}");
        assert_eq!(prompt.form, PromptForm::ChatTemplate(file.into()));
    }
}

#[test]
fn a_long_text_is_cut_to_the_context() {
    let text = "Three birds fly over the green hill, caf\u{e9} \u{1f600}. ".repeat(40);
    for name in ["byte", "llama"] {
        let full = PromptBuilder::open(&tokenizer(name), &config(100_000))
            .unwrap()
            .pair_of_four("story", &text)
            .unwrap();
        assert!(full.notes.is_empty());
        let around = full.input_ids.len() - full.text_content.len();
        for room in [1, 2, 3, 17, 100, full.text_content.len()] {
            let context = around + room;
            let builder = PromptBuilder::open(&tokenizer(name), &config(context)).unwrap();
            let cut = match builder.pair_of_four("story", &text) {
                // One or two tokens may be no more than white space.
                Err(InputError::ContextTooShort { .. }) if room < 3 => continue,
                other => other.unwrap(),
            };
            assert!(cut.input_ids.len() <= context);
            assert!(cut.input_ids.len() + 8 > context, "{name}: cut too much");
            let same = cut.text_content.len().saturating_sub(4);
            let start = cut.text_content[0] as usize;
            assert_eq!(
                cut.input_ids[start..start + same],
                full.input_ids[start..start + same]
            );
            let note = cut.notes.first().map(String::as_str);
            if room < full.text_content.len() {
                let length = text.chars().count();
                let expected = format!("story: the text was cut from {length} to ");
                assert!(note.unwrap().starts_with(&expected), "{note:?}");
            } else {
                assert_eq!(note, None);
            }
        }
    }
}
