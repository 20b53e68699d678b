//! Turns of several images with a question, and vicuna_v1 for whoever brings another form.

use mirscope::{
    families::ImagePlan,
    input::{InputError, Passage, Prompt, PromptBuilder, Turn},
    weights::MemorySource,
};

use super::prompts::{config, index, tokenizer};

fn source(template: Option<&str>) -> MemorySource {
    let mut source = tokenizer("byte");
    if let Some(name) = template {
        let template = index()["templates"][name].as_str().unwrap().to_owned();
        source.insert("chat_template.jinja", template.into_bytes());
    }
    source
}

/// The prompt of passages whose images have four tokens each.
fn prompt(
    builder: &PromptBuilder,
    passages: &[Passage<'_>],
    vicuna: bool,
) -> Result<Prompt, InputError> {
    let plan = ImagePlan::of_tokens(4);
    let images = passages.iter().map(|passage| passage.images).sum();
    builder.passages("p", passages, &vec![&plan; images], vicuna)
}

/// What the tokens of the texts say.
fn words(builder: &PromptBuilder, prompt: &Prompt) -> String {
    let tokens = prompt.text_content.iter();
    tokens
        .map(|&token| builder.token_text(prompt.input_ids[token as usize]))
        .collect()
}

const ASKED: Passage<'_> = Passage {
    images: 2,
    question: "What is it?",
    text: "A cat.",
};

#[test]
fn a_passage_begins_as_the_question_that_is_asked() {
    for template in [None, Some("turns"), Some("parts"), Some("mixed")] {
        let builder = PromptBuilder::open(&source(template), &config(4096)).unwrap();
        let made = prompt(&builder, &[ASKED], false).unwrap();
        let plan = ImagePlan::of_tokens(4);
        let turn = Turn {
            question: ASKED.question,
            answer: None,
        };
        let asked = builder.question("q", &[turn], &[&plan, &plan]).unwrap();
        assert_eq!((made.images, made.turns, made.vision.len()), (2, 1, 8));
        // Up to the answer, but for what a template says of a generation alone.
        let same = made.input_ids.iter().zip(&asked.input_ids);
        let same = same.take_while(|(a, b)| a == b).count();
        let last = *made.vision.last().unwrap() as usize;
        assert!(
            same > last + 1 && same + 2 >= asked.input_ids.len(),
            "{template:?}: {same} of {}",
            asked.input_ids.len()
        );
        // Between two images of a turn nothing is text; the question is, but not the pair's own.
        assert!(made.text_official[0] as usize > last, "{template:?}");
        assert_eq!(words(&builder, &made).trim(), ASKED.text, "{template:?}");
        let official = |token: &u32| made.text_official.contains(token);
        assert!(made.text_content.iter().all(official));
        assert!(made.text_official.len() > made.text_content.len() + 2);
    }
}

#[test]
fn vicuna_is_the_same_with_a_template_and_without() {
    let plain = PromptBuilder::open(&source(None), &config(4096)).unwrap();
    let passages = [Passage::pair("A cat."), ASKED];
    let expected = prompt(&plain, &passages, false).unwrap();
    for template in ["turns", "parts", "strings"] {
        let builder = PromptBuilder::open(&source(Some(template)), &config(4096)).unwrap();
        assert_eq!(prompt(&builder, &passages, true).unwrap(), expected);
        let own = prompt(&builder, &passages[..1], false).unwrap();
        assert_ne!(own.input_ids, expected.input_ids);
        assert_ne!(own.form, expected.form);
    }
}

#[test]
fn what_stands_before_the_first_image_is_no_text() {
    let builder = PromptBuilder::open(&source(None), &config(4096)).unwrap();
    let greeting = Passage {
        images: 0,
        question: "Hello.",
        text: "Good day.",
    };
    let later = Passage { images: 0, ..ASKED };
    let made = prompt(&builder, &[greeting, ASKED, later], false).unwrap();
    assert_eq!((made.images, made.turns), (2, 3));
    let last = *made.vision.last().unwrap();
    for tokens in [&made.text_official, &made.text_content] {
        assert!(tokens.iter().all(|token| *token > last));
    }
    let words = words(&builder, &made);
    assert!(
        !words.contains("Good") && words.matches("cat").count() == 2,
        "{words}"
    );
}

#[test]
fn turns_without_room_are_left_out_and_counted() {
    let builder = |context| PromptBuilder::open(&source(None), &config(context)).unwrap();
    let passages = [ASKED, Passage { images: 0, ..ASKED }, ASKED];
    let whole = prompt(&builder(4096), &passages, false).unwrap();
    let cut = prompt(&builder(whole.input_ids.len() - 1), &passages, false).unwrap();
    assert_eq!((cut.images, cut.turns), (2, 2));
    assert!(
        cut.notes[0].starts_with("p: the last 1 of 3 turns was left out"),
        "{:?}",
        cut.notes
    );
    let none = prompt(&builder(20), &passages, false).unwrap_err();
    assert!(matches!(none, InputError::ContextTooShort { .. }), "{none}");
}
