//! Templates of the kinds that are published, against what transformers renders with them.

use std::{path::PathBuf, sync::Arc};

use mirscope::{
    input::{AssistantForm, ChatTemplate, Processor, PromptBuilder, PromptForm, UserForm},
    model::Checkpoint,
    weights::{FolderSource, MemorySource},
};
use serde_json::Value;

use super::prompts::{OfFour, config, numbers, tokenizer};
use crate::golden;

fn recorded() -> Value {
    let path = golden::root().join("prompts/templates.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn texts(prompt: &Value) -> Vec<&str> {
    let texts = prompt["texts"].as_array().unwrap().iter();
    texts.map(|text| text.as_str().unwrap()).collect()
}

fn with(template: &str) -> MemorySource {
    tokenizer("byte").with("chat_template.jinja", template.as_bytes().to_vec())
}

#[test]
fn published_shapes_render_as_with_transformers() {
    let recorded = recorded();
    let now = recorded["now"].as_i64().unwrap();
    let special = [("bos_token", "<s>"), ("eos_token", "</s>")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let templates = recorded["templates"].as_array().unwrap();
    assert!(templates.len() >= 16);
    for entry in templates {
        let name = entry["name"].as_str().unwrap();
        let template = entry["template"].as_str().unwrap();
        let forms = match entry["parts"].as_bool().unwrap() {
            true => (UserForm::Parts, AssistantForm::Parts),
            false => (UserForm::Text, AssistantForm::Text),
        };
        let compiled = ChatTemplate::at("t", template, now).unwrap();
        // As it is with the line ends of another system.
        let returns = ChatTemplate::at("t", &template.replace('\n', "\r\n"), now).unwrap();
        for prompt in entry["prompts"].as_array().unwrap() {
            for template in [&compiled, &returns] {
                let rendered = template.render(forms, "<image>", &texts(prompt), &special);
                assert_eq!(rendered.unwrap(), prompt["rendered"], "{name}");
            }
        }
        assert_eq!(compiled.is_dated(), name == "llama-3.2", "{name}");
    }
}

#[test]
fn the_form_of_the_messages_is_found_by_what_the_template_does() {
    for entry in recorded()["templates"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let source = with(entry["template"].as_str().unwrap());
        let builder = PromptBuilder::open(&source, &config(4096)).unwrap();
        let dated = name == "llama-3.2";
        assert_eq!(builder.notes().len(), usize::from(dated), "{name}");
        for prompt in entry["prompts"].as_array().unwrap() {
            let built = builder.document_of_four("d", &texts(prompt)).unwrap();
            let images = texts(prompt).len();
            assert_eq!((built.images, built.vision.len()), (images, 4 * images));
            if !dated {
                assert_eq!(built.input_ids, numbers(&prompt["input_ids"]), "{name}");
            }
        }
    }
}

/// The first eight pairs of the demo with another template: tokens after the image, and of the text.
fn tokens_with(template: &str) -> (usize, usize) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let model = Arc::new(FolderSource::open(root.join("model")).unwrap());
    let checkpoint = Checkpoint::open(model.clone()).unwrap();
    let mut source = MemorySource::new("demo");
    for file in [
        "tokenizer.json",
        "tokenizer_config.json",
        "processor_config.json",
    ] {
        let bytes = std::fs::read(root.join("model").join(file));
        source.insert(file, bytes.unwrap());
    }
    source.insert("chat_template.jinja", template.as_bytes().to_vec());
    let processor = Processor::open(&source, &checkpoint.spec).unwrap();
    let form = PromptForm::ChatTemplate("chat_template.jinja".into());
    assert_eq!(processor.prompt_form(), form);
    let pairs = std::fs::read_to_string(root.join("pairs.jsonl")).unwrap();
    let mut counts = (0, 0);
    let plan = processor.plan("an image", 64, 64).unwrap();
    for line in pairs.lines().take(8) {
        let pair: Value = serde_json::from_str(line).unwrap();
        let text = pair["text"].as_str().unwrap();
        let prompt = processor.prompt("text", text, &plan).unwrap();
        assert!(prompt.notes.is_empty(), "{:?}", prompt.notes);
        counts.0 += prompt.text_official.len();
        counts.1 += prompt.text_content.len();
    }
    counts
}

#[test]
fn no_tools_are_none_and_a_printed_content_is_a_string() {
    let tools = "{{ bos_token }}{% if tools is not none %}{{ 'TOOLS: ' }}{% for t in tools %}\
        {{ t | tojson }}{% endfor %}{% endif %}{% for m in messages %}{% if m['role'] == 'user' %}\
        {{ 'USER: ' }}{% for p in m['content'] %}{% if p['type'] == 'image' %}{{ '<image>\\n' }}{% endif %}\
        {% endfor %}{% if tools is not none %}{{ 'Pick one. ' }}{% endif %}{% else %}{{ 'ASSISTANT: ' }}\
        {% for p in m['content'] %}{% if p['type'] == 'text' %}{{ p['text'] }}{% endif %}{% endfor %}\
        {{ eos_token }}{% endif %}{% endfor %}";
    // Counted with transformers.
    assert_eq!(tokens_with(tools).0, 299);
    let printed = "{{ bos_token }}{% for m in messages %}\
        {{ m['role'] | upper + ': ' + m['content'] | trim + '\\n' }}{% endfor %}{{ eos_token }}";
    assert_eq!(tokens_with(printed), (307, 243));
}

#[test]
fn what_a_template_makes_of_a_message_is_proved_on_its_rendering() {
    let roles = "{% for m in messages %}{{ m.role }}: ";
    for (template, part) in [
        (
            format!(
                "{roles}{{{{ m.content | tojson }}}}{{{{ m.content | tojson }}}}{{% endfor %}}"
            ),
            "the text stands in it 2 times",
        ),
        (
            format!("{roles}{{{{ m.content[0].text }}}}{{% endfor %}}"),
            "it renders no image (`<image>`); it begins with \"user: assistant: Some words.\"",
        ),
        (
            format!("{roles}\u{1b}[2J\n{{{{ m.content[0].type }}}}{{% endfor %}}"),
            "the text is missing; it begins with \"user: \\u{1b}[2J\\n",
        ),
        (
            "{% for m in messages if m.content is not string %}{{ m }}{% endfor %}".into(),
            "it prints the list of a message's parts, not what they say; it begins with \"{'role'",
        ),
        ("{{ '' }}".into(), "renders nothing at all"),
        (
            "{{ raise_exception('a\u{7}' ~ 'b' * 200 ~ 'c' * 200) }}".into(),
            "a\\u{7}bbb",
        ),
        (
            "{% for t in tools %}{% endfor %}".into(),
            "none is not iterable",
        ),
    ] {
        let opened = PromptBuilder::open(&with(&template), &config(4096));
        let error = opened.err().unwrap().to_string();
        assert!(error.starts_with("chat_template.jinja: "), "{error}");
        assert!(error.contains(part), "{template}: {error}");
        assert!(
            error.len() < 600 && !error.contains(char::is_control),
            "{error}"
        );
    }
    // What only one text shows is told by its own rendering.
    let template = "{% for m in messages %}{{ m.content | replace('secret', '') }}{% endfor %}";
    let builder = PromptBuilder::open(&with(template), &config(4096)).unwrap();
    assert!(builder.pair_of_four("p", "Some text").is_ok());
    let error = builder
        .pair_of_four("p", "A secret text")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("it changes the text; it begins with \"<image>"),
        "{error}"
    );
}

#[test]
fn the_ends_of_a_sequence_are_those_of_tokenizer_json() {
    let template = "{% for m in messages %}{% for p in m.content %}\
        {{ '<image>' if p.type == 'image' else p.text }}{% endfor %}{% endfor %}";
    let ids = |settings: Value, template: &str| {
        let mut source = with(template);
        let path = golden::root().join("prompts/byte/tokenizer_config.json");
        let mut config_file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for (key, value) in settings.as_object().unwrap() {
            config_file[key] = value.clone();
        }
        let config_file = config_file.to_string().into_bytes();
        source.insert("tokenizer_config.json", config_file);
        let builder = PromptBuilder::open(&source, &config(4096)).unwrap();
        builder.pair_of_four("p", "Some words.").unwrap().input_ids
    };
    // Where there is a tokenizer.json, transformers does not look at these settings.
    let plain = ids(serde_json::json!({}), template);
    assert_eq!(plain[..5], [1, 4, 4, 4, 4]);
    let both = serde_json::json!({"add_bos_token": true, "add_eos_token": true});
    for settings in [both, serde_json::json!({"add_bos_token": false})] {
        assert_eq!(ids(settings.clone(), template), plain);
        // A bos of the template's own is the only one, as in the processor.
        let own = format!("{{{{ bos_token }}}}{template}");
        assert_eq!(ids(settings, &own), plain);
    }
}

#[test]
fn a_list_without_a_default_template_is_refused() {
    for named in [
        serde_json::json!([{"name": "tool_use", "template": "x"}]),
        serde_json::json!({"rag": "x"}),
        serde_json::json!(5),
    ] {
        let file = serde_json::json!({"chat_template": named}).to_string();
        let source = tokenizer("byte").with("chat_template.json", file.into_bytes());
        let error = PromptBuilder::open(&source, &config(100)).err().unwrap();
        let error = error.to_string();
        assert!(error.starts_with("chat_template.json: "), "{error}");
        assert!(error.contains("`default`"), "{error}");
    }
}
