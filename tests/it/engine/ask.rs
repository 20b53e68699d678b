//! Questions and answers.

use std::path::PathBuf;

use mirscope::{
    engine::{
        AskRequest, Command, Event, Exchange, ImageInput, ModelSource, SamplingSettings, Session,
    },
    platform::Cancel,
    report::{Answer, AnswerEnd, Said},
};

use super::{events, measure, refusal, report, small};
use crate::golden;

/// Goes on with the first of the demo's pictures and a text.
fn request(model: ModelSource, question: &str) -> AskRequest {
    AskRequest {
        model,
        device: Default::default(),
        images: vec![picture(0)],
        earlier: Vec::new(),
        question: question.to_owned(),
        raw: false,
        max_tokens: 24,
        sampling: SamplingSettings::default(),
    }
}

fn picture(index: usize) -> ImageInput {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images");
    ImageInput::Path(demo.join(format!("scene-{index:03}.png")))
}

fn demo() -> ModelSource {
    ModelSource::Demo { connector: None }
}

/// A model without a vision tower.
fn decoder(name: &str) -> ModelSource {
    ModelSource::Folder(golden::root().join("families/decoder").join(name))
}

fn ask(request: AskRequest) -> Command {
    Command::Ask(Box::new(request))
}

fn said(events: &[Event]) -> Vec<&Said> {
    let said = events.iter().filter_map(|event| match event {
        Event::Said(said) => Some(said),
        _ => None,
    });
    said.collect()
}

/// Asks what has an answer; what was told is the answer.
#[track_caller]
fn answer(session: &mut Session, request: AskRequest) -> Answer {
    let most = request.max_tokens;
    let events = events(session, ask(request));
    let Some(Event::Answer(answer)) = events.last() else {
        panic!("expected an answer, found {:?}", events.last());
    };
    let said = said(&events);
    let text: String = said.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(text, answer.text);
    let ids: Vec<u32> = said.iter().map(|said| said.id).collect();
    assert!(ids.starts_with(&answer.tokens), "{ids:?}");
    // Bytes that are no character come at the end, with no token of their own.
    assert!(said.len() <= answer.tokens.len() + 1);
    assert!(said.iter().all(|said| said.log_probability <= 1e-6));
    assert!(answer.tokens.len() <= most);
    assert_eq!(
        answer.end == AnswerEnd::MaxTokens,
        answer.tokens.len() == most
    );
    assert_eq!(answer.tokens_per_second.is_some(), said.len() > 1);
    *answer.clone()
}

#[test]
fn the_demo_answers_and_ends() {
    let mut session = Session::default();
    let mut about = request(demo(), "What is at the top right?");
    about.max_tokens = 64;
    let first = answer(&mut session, about.clone());
    assert_eq!(first.end, AnswerEnd::Stop, "{first:?}");
    assert!(first.text.contains("fish"), "{}", first.text);
    assert_eq!(first.cached_tokens, 0);
    // The prompt is in the cache; its last token is read again, for what follows it.
    let again = answer(&mut session, about.clone());
    assert_eq!(again.tokens, first.tokens);
    assert_eq!(again.cached_tokens, first.prompt_tokens - 1);

    about.max_tokens = 3;
    let cut = answer(&mut session, about.clone());
    assert_eq!(cut.end, AnswerEnd::MaxTokens);
    assert_eq!(cut.tokens, first.tokens[..3]);
    about.max_tokens = 1;
    let one = answer(&mut session, about.clone());
    assert_eq!(one.tokens, first.tokens[..1]);
    assert_eq!(one.tokens_per_second, None);

    about.max_tokens = 64;
    about.images = vec![picture(1)];
    let other = answer(&mut session, about);
    assert_eq!(other.cached_tokens, 0, "other pictures are read anew");
    assert!(other.text.contains("circle"), "{}", other.text);
}

#[test]
fn what_is_drawn_comes_again_from_its_seed() {
    let mut session = Session::default();
    let drawn = |seed: u64, top_k: Option<usize>| {
        let mut request = request(small(), "Who is it?");
        request.sampling = SamplingSettings {
            temperature: 1.0,
            top_k,
            seed,
            ..SamplingSettings::default()
        };
        request
    };
    let first = answer(&mut session, drawn(7, None));
    let other = answer(&mut session, drawn(8, None));
    assert_ne!(first.tokens, other.tokens);
    assert_eq!(answer(&mut session, drawn(7, None)).tokens, first.tokens);
    let fresh = answer(&mut Session::default(), drawn(7, None));
    assert_eq!(fresh.tokens, first.tokens);
    // One token to draw from is the likeliest one.
    let greedy = answer(&mut session, request(small(), "Who is it?"));
    let narrow = answer(&mut session, drawn(7, Some(1)));
    assert_eq!(narrow.tokens, greedy.tokens);
    assert_ne!(greedy.tokens, first.tokens);
}

#[test]
fn a_conversation_goes_on_as_if_it_were_read_anew() {
    for (model, images) in [(small(), 1), (decoder("mistral"), 0)] {
        let mut session = Session::default();
        let mut request = request(model, "Who is it?");
        request.images.truncate(images);
        let first = answer(&mut session, request.clone());
        request.earlier.push(Exchange {
            question: request.question.clone(),
            answer: "a cat".to_owned(),
        });
        request.question = "What is this?".to_owned();
        // More room than the first turn made.
        request.max_tokens = 150;
        let second = answer(&mut session, request.clone());
        assert!(second.cached_tokens > 0, "{second:?}");
        assert!(second.cached_tokens < second.prompt_tokens);
        assert!(second.cache_bytes > first.cache_bytes);
        let fresh = answer(&mut Session::default(), request.clone());
        assert_eq!(fresh.cached_tokens, 0);
        assert_eq!(fresh.tokens, second.tokens);
        assert_eq!(fresh.prompt_tokens, second.prompt_tokens);

        // Another question shares what stands before it.
        request.question = "Who stands there?".to_owned();
        let third = answer(&mut session, request.clone());
        assert!(third.cached_tokens > 0 && third.cached_tokens < third.prompt_tokens);
        let fresh = answer(&mut Session::default(), request);
        assert_eq!(fresh.tokens, third.tokens);
    }
}

#[test]
fn a_question_that_is_cancelled_leaves_the_session_usable() {
    let mut session = Session::default();
    let whole = answer(&mut session, request(small(), "Who is it?"));
    assert!(whole.tokens.len() > 5);
    let cancel = Cancel::default();
    let mut heard = Vec::new();
    let command = ask(request(small(), "Who is it?"));
    pollster::block_on(session.run(command, &cancel, &mut |event| {
        heard.push(event);
        if said(&heard).len() == 3 {
            cancel.cancel();
        }
    }));
    assert!(matches!(heard.last(), Some(Event::Cancelled)), "{heard:?}");
    assert!(said(&heard).len() < 5);
    let again = answer(&mut session, request(small(), "Who is it?"));
    assert_eq!(again.tokens, whole.tokens);
}

#[test]
fn settings_that_choose_nothing_are_refused() {
    let mut session = Session::default();
    let plain = SamplingSettings {
        temperature: 1.0,
        ..SamplingSettings::default()
    };
    let with = |change: &dyn Fn(&mut SamplingSettings)| {
        let mut settings = plain;
        change(&mut settings);
        settings
    };
    for (sampling, named) in [
        (with(&|s| s.temperature = -1.0), ["temperature", "-1"]),
        (with(&|s| s.temperature = f32::NAN), ["temperature", "NaN"]),
        (
            with(&|s| s.temperature = f32::INFINITY),
            ["temperature", "inf"],
        ),
        (with(&|s| s.top_p = 0.0), ["top_p", "found 0"]),
        (with(&|s| s.top_p = 1.5), ["top_p", "1.5"]),
        (with(&|s| s.top_p = f32::NAN), ["top_p", "NaN"]),
        (with(&|s| s.top_k = Some(0)), ["top_k", "at least 1"]),
    ] {
        let mut request = request(small(), "Who is it?");
        request.sampling = sampling;
        let reason = refusal(&mut session, ask(request));
        assert!(named.iter().all(|word| reason.contains(word)), "{reason}");
    }
    let mut silent = request(decoder("qwen2"), " ");
    silent.images.clear();
    let reason = refusal(&mut session, ask(silent));
    assert!(reason.contains("the question"), "{reason}");
}

#[test]
fn measuring_and_asking_take_turns() {
    let mut session = Session::default();
    let first = report(&mut session, measure(2));
    let alone = answer(&mut Session::default(), request(small(), "Who is it?"));
    let asked = answer(&mut session, request(small(), "Who is it?"));
    assert_eq!(asked.tokens, alone.tokens);
    let again = report(&mut session, measure(2));
    assert_eq!(again.layers, first.layers);
    let asked = answer(&mut session, request(small(), "Who is it?"));
    assert_eq!(asked.tokens, alone.tokens);
    assert_eq!(asked.cached_tokens, 0, "its memory was the metric's");
    // Another model takes nothing from the conversation with this one.
    let mut other = request(
        ModelSource::Folder(golden::root().join("clip_hub_layout_bf16")),
        "Who is it?",
    );
    other.max_tokens = 4;
    assert_eq!(answer(&mut session, other).cached_tokens, 0);
}

#[test]
fn a_decoder_alone_answers_but_sees_and_measures_nothing() {
    let mut session = Session::default();
    for name in ["gemma3_text", "llama_dynamic", "mistral", "qwen3"] {
        let mut blind = request(decoder(name), "Who is it?");
        let reason = refusal(&mut session, ask(blind.clone()));
        assert!(reason.contains("without a vision tower"), "{reason}");
        blind.images.clear();
        let chat = answer(&mut session, blind.clone());
        blind.raw = true;
        let raw = answer(&mut session, blind);
        assert!(raw.prompt_tokens < chat.prompt_tokens, "{name}");
    }
    let mut request = measure(2);
    request.model = decoder("qwen3");
    let reason = refusal(&mut session, Command::Measure(Box::new(request)));
    assert!(reason.contains("without a vision tower"), "{reason}");
}

#[test]
fn an_answer_ends_where_the_context_does() {
    let mut session = Session::default();
    let mut longest = request(decoder("qwen2"), "Who is it?");
    longest.images.clear();
    longest.raw = true;
    longest.max_tokens = 1 << 30;
    let whole = answer(&mut session, longest.clone());
    assert_eq!(whole.end, AnswerEnd::Context);
    let context = whole.prompt_tokens + whole.tokens.len();
    longest.max_tokens = whole.tokens.len();
    assert_eq!(
        answer(&mut session, longest.clone()).end,
        AnswerEnd::MaxTokens
    );
    longest.question = "Who? ".repeat(context);
    let reason = refusal(&mut session, ask(longest));
    assert!(reason.contains(&context.to_string()), "{reason}");
}
