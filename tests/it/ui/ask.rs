//! Asking a model: pictures, questions, an answer as it comes, several turns.

use eframe::egui::Key;
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{App, store::Tab},
    engine::{
        AskRequest, Command, Event, Explore, ImageInput, ModelSource, NamedBytes, PairInput,
        TalkQuestion, thumbnail,
    },
    report::{Answer, AnswerEnd, Said, Watched},
};

use super::{
    made_up,
    support::{FakeLink, opened},
};

const CAPTION: &str = "A picture at the beach. There are four objects in it: a tree at the top, a fish at the top \
    right, a red triangle on the left and a pink star on the right.";

/// Some of the demo's pictures.
pub fn pictures() -> Event {
    let picture = |number: usize| {
        let name = format!("images/scene-{number:03}.png");
        let bytes = std::fs::read(format!("assets/demo/{name}")).unwrap();
        let caption = match number {
            0 => CAPTION,
            _ => "Something else.",
        };
        PairInput::new(ImageInput::Bytes(NamedBytes { name, bytes }), caption)
    };
    Event::DemoPairs((0..24).map(picture).collect())
}

pub fn said(text: &str) -> Event {
    Event::Said(Said {
        id: 5,
        log_probability: -0.1,
        text: text.to_owned(),
        watched: None,
    })
}

pub fn answer(text: &str, cached: usize) -> Event {
    Event::Answer(Box::new(Answer {
        text: text.to_owned(),
        tokens: vec![5],
        end: AnswerEnd::Stop,
        prompt_tokens: 24,
        cached_tokens: cached,
        seconds_to_first_token: 0.4,
        tokens_per_second: None,
        cache_bytes: 1 << 20,
        adapter: "made up".to_owned(),
        notes: Vec::new(),
    }))
}

/// The tab with its pictures.
fn asking() -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened([1280.0, 900.0]);
    harness.run_ok();
    assert!(link.last().is_none(), "nothing is fetched unasked");
    harness.state_mut().store.view.tab = Tab::Ask;
    harness.run_ok();
    assert!(matches!(link.last(), Some(Command::DemoPairs(24))));
    link.tell([pictures()]);
    harness.run_ok();
    (harness, link)
}

fn request(link: &FakeLink) -> AskRequest {
    let shared = link.0.borrow();
    let mut commands = shared.commands.iter().rev();
    let asked = commands.find_map(|command| match command {
        Command::Ask(request) => Some((**request).clone()),
        _ => None,
    });
    asked.expect("a question")
}

#[test]
fn a_clicked_question_is_answered_and_judged() {
    let (mut harness, link) = asking();
    harness.get_by_label("How many objects are there?").click();
    harness.run_steps(3);
    let first = request(&link);
    assert_eq!(first.question, "How many objects are there?");
    assert!(matches!(&first.model, ModelSource::Study(folder) if folder == "base"));
    assert_eq!(first.images[0].name(), "images/scene-000.png");
    assert_eq!((first.max_tokens, first.sampling.temperature), (64, 0.0));
    assert!(first.earlier.is_empty());
    // The answer is shown while it comes.
    link.tell([said(" fo")]);
    harness.run_steps(3);
    harness.get_by_label("fo");
    assert!(harness.query_by_label_contains("Right answer").is_none());
    link.tell([said("ur"), answer(" four", 0)]);
    harness.run_ok();
    assert_eq!(harness.state().store.ask.turns[0].text(), "four");
    harness.get_by_label("ur");
    harness.get_by_label("Right");
    harness.get_by_label("Right answer: four");

    // Where it looked was not told, and cannot be asked for here.
    let tokens = Explore::Talk(TalkQuestion::Tokens);
    assert!(matches!(link.last(), Some(Command::Explore(asked)) if asked == tokens));
    link.tell([Event::Failed("not in this test".to_owned())]);
    harness.run_ok();

    // The next question goes on with the conversation.
    harness.get_by_label("What color is the triangle?").click();
    harness.run_steps(3);
    let second = request(&link);
    assert_eq!(second.earlier.len(), 1);
    assert_eq!(second.earlier[0].answer, "four");
    assert_eq!(second.images[0].name(), first.images[0].name());
    link.tell([said("blue"), answer("blue", 20)]);
    harness.run_ok();
    harness.get_by_label("Wrong");
    harness.get_by_label("Right answer: red");
    harness.get_by_label_contains("20 of 24 prompt tokens were in the cache");

    // Another picture is another conversation.
    harness.get_by_label("Picture 3").click();
    harness.run_ok();
    assert!(harness.state().store.ask.turns.is_empty());
    assert!(
        harness
            .query_by_label("How many objects are there?")
            .is_none()
    );
}

#[test]
fn each_token_shows_where_it_looks_and_what_is_seen_there() {
    let (mut harness, link) = asking();
    harness.get_by_label("What is the background?").click();
    harness.run_steps(3);
    assert_eq!(request(&link).watch, Some(1));
    let prompt = made_up::pair(0);
    let last = prompt.tokens.len() - 1;
    link.tell([Event::Asked(Box::new(prompt)), watched(" sno", last)]);
    harness.run_steps(3);
    harness.get_by_label("Where it looked to write “sno”");
    // Of the patch that is looked at most, without a question to the engine.
    harness.get_by_label_contains("Image of the conversation in 4 by 4 patches; row 2, column 3");
    harness.get_by_label_contains("layer 6: apple 94");
    let mut whole = answer("snow", 0);
    if let Event::Answer(answer) = &mut whole {
        answer.tokens = vec![5, 5];
    }
    // What was left of a character that did not come has no place where it looked.
    link.tell([watched("w", last + 1), said("~"), whole]);
    harness.run_steps(3);
    harness.get_by_label("Where it looked to write “w”");
    let asked = |link: &FakeLink| match link.last() {
        Some(Command::Explore(Explore::Talk(question))) => Some(question),
        _ => None,
    };
    assert_eq!(asked(&link), None, "all of it was told");

    // Of another layer, or another patch, the engine is asked.
    harness.get_by_label("sno").click();
    harness.run_steps(3);
    harness.get_by_label("Where it looked to write “sno”");
    harness.state_mut().store.view.layer = 2;
    harness.run_steps(3);
    let layer = 2;
    let question = TalkQuestion::Attention {
        position: last,
        layer,
    };
    assert_eq!(asked(&link), Some(question));
    link.tell([Event::Attention(Box::new(made_up::attention(0, last, 2)))]);
    harness.run_steps(3);
    harness.get_by_label_contains("patches; row 2, column 4");
    let position = made_up::position(7);
    assert_eq!(asked(&link), Some(TalkQuestion::LogitLens { position }));
    link.tell([Event::Failed("it is gone".to_owned())]);
    harness.run_ok();
    harness.get_by_label("it is gone");
    assert!(harness.state().store.messages.is_empty());
}

#[test]
fn an_older_answer_is_clickable_as_long_as_its_tokens_stand() {
    let (mut harness, link) = asking();
    let mut view = made_up::pair(0);
    let last = view.tokens.len() - 1;
    harness
        .state_mut()
        .store
        .ask_model("How many objects are there?");
    harness.run_steps(3);
    link.tell([
        Event::Asked(Box::new(view.clone())),
        watched("four", last),
        answer_after("four", view.tokens.len()),
    ]);
    harness.run_ok();
    let begin = view.tokens.len();
    assert_eq!(harness.state().store.talk_begin(0), Some(begin));
    // The next prompt has the first answer in it.
    let mut four = view.tokens[last].clone();
    four.id = 5;
    view.tokens.push(four);
    for _ in 0..4 {
        view.tokens.push(view.tokens[last].clone());
    }
    for (id, stands) in [(5, Some(begin)), (6, None)] {
        view.tokens[begin].id = id;
        harness
            .state_mut()
            .store
            .ask_model("What color is the triangle?");
        harness.run_steps(3);
        let asked = Event::Asked(Box::new(view.clone()));
        let now = view.tokens.len();
        link.tell([asked, watched("blue", now - 1), answer_after("blue", now)]);
        harness.run_ok();
        assert_eq!(harness.state().store.talk_begin(0), stands);
        harness.get_by_label("four").click();
        harness.run_steps(3);
        let turn = harness.state().store.talk_token().unwrap().turn;
        let newest = harness.state().store.ask.turns.len() - 1;
        assert_eq!(turn, if stands.is_some() { 0 } else { newest });
        if stands.is_some() {
            harness.get_by_label("Where it looked to write “four”");
            // Which is a question to the engine, as it was not told with this answer.
            let (position, layer) = (last, 1);
            let question = TalkQuestion::Attention { position, layer };
            let asked = link.last();
            assert!(
                matches!(&asked, Some(Command::Explore(Explore::Talk(found))) if *found == question),
                "{asked:?}"
            );
            link.tell([Event::Failed("not in this test".to_owned())]);
            harness.run_ok();
        }
    }
}

/// An answer to a prompt of so many tokens.
fn answer_after(text: &str, prompt: usize) -> Event {
    match answer(text, 0) {
        Event::Answer(mut answer) => {
            answer.prompt_tokens = prompt;
            Event::Answer(answer)
        }
        other => other,
    }
}

/// A token told with where it looks at layer 1.
fn watched(text: &str, position: usize) -> Event {
    let attention = made_up::attention(0, position, 1);
    let lens = Some(made_up::lens(0, made_up::position(6)));
    Event::Said(Said {
        id: 5,
        log_probability: -0.1,
        text: text.to_owned(),
        watched: Some(Box::new(Watched { attention, lens })),
    })
}

#[test]
fn a_typed_question_is_sent_with_enter_and_stopped_with_what_was_said() {
    let (mut harness, link) = asking();
    harness.get_by_label("Question").focus();
    harness.run_ok();
    harness
        .get_by_label("Question")
        .type_text("What do you see?");
    harness.run_ok();
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert_eq!(request(&link).question, "What do you see?");
    assert!(harness.state().store.ask.typed.is_empty());
    link.tell([said("A tree")]);
    harness.run_steps(3);
    harness.get_by_label("Stop").click();
    harness.run_steps(3);
    assert_eq!(link.0.borrow().cancels, 1);
    link.tell([Event::Cancelled]);
    harness.run_ok();
    harness.get_by_label("A tree");
    harness.get_by_label("Stopped.");
    harness.get_by_label("New conversation").click();
    harness.run_ok();
    assert!(harness.query_by_label("A tree").is_none());
}

#[test]
fn a_question_that_fails_comes_back_with_the_reason() {
    let (mut harness, link) = asking();
    harness.get_by_label("What is the background?").click();
    harness.run_steps(3);
    link.tell([Event::Failed("the adapter is gone".to_owned())]);
    harness.run_ok();
    harness.get_by_label("the adapter is gone");
    let ask = &harness.state().store.ask;
    assert_eq!(ask.typed, "What is the background?");
    assert!(ask.turns.is_empty() && !harness.state().store.is_asking());
}

#[test]
fn what_has_no_model_says_so() {
    let (mut harness, _link) = opened([1280.0, 900.0]);
    let store = &mut harness.state_mut().store;
    let report = store.report().cloned().unwrap();
    store.add(
        "a report".to_owned(),
        mirscope::app::store::Origin::Opened,
        report,
    );
    store.view.tab = Tab::Ask;
    harness.run_ok();
    harness.get_by_label_contains("A report holds numbers, not the model.");
}

/// Two questions about one of the demo's pictures, answered with where each answer looks.
pub fn converse(harness: &mut Harness<'_, App>, link: &FakeLink) {
    harness.run_ok();
    link.tell([pictures()]);
    harness.run_ok();
    let file = "assets/demo/images/scene-000.png";
    let mut view = made_up::pair(0);
    let bytes = std::fs::read(file).unwrap();
    view.pictures[0].picture = thumbnail(file, &bytes, 128).unwrap();
    let last = view.tokens.len() - 1;
    for (question, words, cached) in [
        ("How many objects are there?", "four", 0),
        ("What color is the triangle?", "blue", 20),
    ] {
        harness.state_mut().store.ask_model(question);
        harness.run_steps(3);
        let asked = Event::Asked(Box::new(view.clone()));
        link.tell([asked, watched(words, last), answer(words, cached)]);
        harness.run_ok();
    }
}
