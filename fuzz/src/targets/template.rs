//! A chat template, rendered for a pair, a document and a question.

use std::sync::OnceLock;

use mirscope::{
    families::ImagePlan,
    input::{AssistantForm, ChatTemplate, PromptBuilder, Turn, UserForm},
    weights::MemorySource,
};

use super::tokenizer::{byte_level, spec};
use crate::seeds;

pub const WORDS: &str = "{{ }} {% %} {# #} {%- -%} if elif else endif for endfor in set endset macro endmacro call endcall
    filter endfilter block endblock not and or is defined none true false messages message role content user assistant
    system bos_token eos_token image text type video add_generation_prompt raise_exception namespace range loop.index0
    loop.first loop.last loop.previtem tojson trim upper lower join map select selectattr equalto list reverse sort
    dictsort batch slice length default replace split strip startswith endswith items() get( strftime_now( ['role']
    break continue generation endgeneration recursive format indent ~ | [::-1] [1:] <image> groupby unique sum min max";

pub fn run(data: &[u8]) {
    let [template, text] = seeds::parts(data);
    let (Ok(template), Ok(text)) = (std::str::from_utf8(template), std::str::from_utf8(text)) else {
        return;
    };
    static SPECIAL: OnceLock<std::collections::BTreeMap<String, String>> = OnceLock::new();
    let special = SPECIAL.get_or_init(|| [("bos_token".into(), "<s>".into())].into());
    let Ok(compiled) = ChatTemplate::at("a.jinja", template, 1_700_000_000) else {
        return;
    };
    for user in [UserForm::Parts, UserForm::Text, UserForm::Bare, UserForm::Video] {
        for assistant in [AssistantForm::Parts, AssistantForm::Text] {
            let _ = compiled.render((user, assistant), "<image>", &["A.", text], special);
        }
    }
    let source = byte_level().with("chat_template.jinja", template.as_bytes().to_vec());
    with(&source, text);
}

/// Makes every kind of prompt.
pub fn with(source: &MemorySource, text: &str) {
    let Ok(builder) = PromptBuilder::open(source, spec()) else {
        return;
    };
    let plan = ImagePlan::of_tokens(4);
    let _ = builder.pair("p", text, &plan);
    let _ = builder.document("d", &["A cat.", text], &[&plan, &plan]);
    let turns = [Turn { question: "What?", answer: Some("A cat.") }, Turn { question: text, answer: None }];
    if let Ok(prompt) = builder.question("q", &turns, &[&plan]) {
        let _ = builder.decode(&prompt.input_ids);
        prompt.input_ids.iter().take(40).for_each(|id| drop(builder.token_text(*id)));
    }
    let _ = builder.continued("c", text, &[&plan]);
    builder.notes();
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::files(&[".jinja"]);
    for file in ["tests/golden/prompts/templates.json", "tests/golden/prompts/prompts.json"] {
        let json: serde_json::Value = serde_json::from_slice(&seeds::file(file)).expect("JSON");
        let of = |value: &serde_json::Value| Some(value.as_str()?.as_bytes().to_vec());
        match &json["templates"] {
            serde_json::Value::Object(map) => all.extend(map.values().filter_map(of)),
            other => all.extend(other.as_array().into_iter().flatten().filter_map(|entry| of(&entry["template"]))),
        }
    }
    all.sort();
    all.dedup();
    let with_text = |template: &Vec<u8>| seeds::joined(&[template, b"Some red words."]);
    seeds::short(all.iter().map(with_text).collect())
}
