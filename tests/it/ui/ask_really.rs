//! Asking with the engine itself behind the app.

use std::{path::PathBuf, sync::Arc, time::Duration};

use eframe::egui::{Key, MissingGlyphPolicy};
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{Tab, ask::Whom, data::Inspected},
    },
    engine::{Command, ModelSource, Session},
    platform::native::files_at,
};

use super::support::{FakeLink, opened};
use crate::{engine::events, golden};

/// The engine, and how many of the app's commands it has carried out.
#[derive(Default)]
struct Engine {
    session: Session,
    served: usize,
}

impl Engine {
    /// Carries out what the app asks until it asks no more.
    fn serve(&mut self, harness: &mut Harness<'_, App>, link: &FakeLink) {
        loop {
            harness.run_steps(4);
            let asked = link.0.borrow().commands.get(self.served).cloned();
            let Some(command) = asked else { return };
            self.served += 1;
            link.tell(events(&mut self.session, command));
        }
    }
}

fn ask(harness: &mut Harness<'_, App>, question: &str) {
    harness.get_by_label("Question").focus();
    harness.run_steps(2);
    harness.get_by_label("Question").type_text(question);
    harness.run_steps(2);
    harness.key_press(Key::Enter);
}

/// Clicks a token of an answer.
fn click(harness: &mut Harness<'_, App>, turn: usize, token: usize) {
    let said = &harness.state().store.ask.turns[turn].said[token];
    let words = said.text.trim().to_owned();
    let mut tokens = harness.query_all_by_label(&words);
    tokens
        .next()
        .unwrap_or_else(|| panic!("no {words:?}"))
        .click();
}

#[test]
fn a_checkpoint_of_the_readers_own_answers() {
    let (mut harness, link) = opened([1280.0, 1400.0]);
    let mut engine = Engine::default();
    // A checkpoint of random weights says whatever comes.
    harness
        .ctx
        .set_missing_glyph_policy(MissingGlyphPolicy::Tofu);
    let folder = golden::root().join("clip_mlp_gqa_tied_f32");
    let store = &mut harness.state_mut().store;
    store.tour_seen = true;
    store.view.tab = Tab::Data;
    store.data.add(
        files_at(&[folder, PathBuf::from("assets/demo/images/scene-003.png")]),
        &(Arc::new(|| {}) as _),
    );
    for _ in 0..3000 {
        engine.serve(&mut harness, &link);
        let data = &harness.state().store.data;
        let open = data.images.iter().any(|item| item.is_open()) || data.is_reading();
        if matches!(data.inspected, Inspected::Known(_)) && !open {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(harness.state().store.has_own_model());
    harness.state_mut().store.view.tab = Tab::Ask;
    engine.serve(&mut harness, &link);
    harness.get_by_label("Model to ask").click();
    harness.run_steps(3);
    harness.get_by_label_contains("(your data)").click();
    engine.serve(&mut harness, &link);
    assert_eq!(harness.state().store.ask.whom, Whom::Data);

    harness.state_mut().store.ask.max_tokens = 5;
    ask(&mut harness, "What is in the picture?");
    engine.serve(&mut harness, &link);
    let commands = link.0.borrow().commands.clone();
    let mut asked = commands.iter().filter_map(|command| match command {
        Command::Ask(request) => Some(request),
        _ => None,
    });
    let request = asked.next().unwrap();
    assert!(matches!(&request.model, ModelSource::Picked(files) if files.len() > 4));
    assert_eq!(request.images.len(), 1, "a picture of their own");
    let ask = &harness.state().store.ask;
    assert_eq!(ask.refused, None);
    assert!(!ask.turns[0].said.is_empty() && ask.turns[0].is_over());
    assert!(ask.looks.view.as_ref().unwrap().pictures.len() == 1);

    // Another layer is asked for afterwards, and answered.
    harness.state_mut().store.view.layer = 2;
    engine.serve(&mut harness, &link);
    let store = &harness.state().store;
    let position = store.talk_token().unwrap().position;
    let known = &store.ask.looks.attention;
    assert!(
        known.contains_key(&(position, 2)),
        "{position}: {:?}, {:?}",
        known.keys(),
        link.last()
    );
    harness.get_by_label_contains("Where it looked to write");
}

#[test]
fn words_of_an_older_answer_show_where_they_came_from() {
    let (mut harness, link) = opened([1280.0, 1400.0]);
    let mut engine = Engine::default();
    let store = &mut harness.state_mut().store;
    store.tour_seen = true;
    store.view.tab = Tab::Ask;
    store.view.layer = 3;
    engine.serve(&mut harness, &link);
    ask(&mut harness, "What is at the top right?");
    engine.serve(&mut harness, &link);
    let store = &harness.state().store;
    assert_eq!(store.ask.refused, None);
    let begin = store.talk_begin(0).unwrap();
    let told = store.ask.looks.attention[&(begin - 1, 3)].clone();

    ask(&mut harness, "What is the background?");
    engine.serve(&mut harness, &link);
    let store = &harness.state().store;
    assert_eq!(store.talk_begin(0), Some(begin));
    assert!(store.talk_token().unwrap().turn == 1);
    assert!(!store.ask.looks.attention.contains_key(&(begin - 1, 3)));

    // The same weights as while it was written.
    click(&mut harness, 0, 0);
    engine.serve(&mut harness, &link);
    let store = &harness.state().store;
    let shown = store.talk_token().unwrap();
    assert_eq!((shown.turn, shown.token, shown.position), (0, 0, begin - 1));
    let again = &store.ask.looks.attention[&(begin - 1, 3)];
    assert_eq!(again.heads.len(), told.heads.len());
    for (a, b) in again
        .heads
        .iter()
        .flatten()
        .zip(told.heads.iter().flatten())
    {
        assert!((a - b).abs() < 1e-4, "{a} against {b}");
    }
    let word = store.ask.turns[0].said[0].text.trim().to_owned();
    harness.get_by_label(&format!("Where it looked to write “{word}”"));
    harness.get_by_label_contains("Image of the conversation");
    // The next question goes to its own answer.
    ask(&mut harness, "How many objects are there?");
    engine.serve(&mut harness, &link);
    assert_eq!(harness.state().store.talk_token().unwrap().turn, 2);
}
