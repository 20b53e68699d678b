//! The riddle that the app opens with.

use eframe::egui::Key;
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{LiveAnswer, StartPart, Tab},
    },
    engine::{Command, Event, ModelSource},
};

use super::{
    ask::{answer, said},
    support::{FakeLink, opened},
};

const STAKE: &str = "never sees the picture, only what the connector makes of it.";
const SIZES: [[f32; 2]; 4] = [
    [1280.0, 720.0],
    [390.0, 844.0],
    [768.0, 1024.0],
    [1920.0, 1080.0],
];

fn open(size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened(size);
    harness.run_ok();
    (harness, link)
}

/// The letter of the model that learned from captions that fit.
fn fitting(harness: &Harness<'_, App>) -> usize {
    let (_, riddle) = harness.state().store.riddle().unwrap();
    (0..2).find(|letter| riddle.side(*letter) == 0).unwrap()
}

fn says(harness: &Harness<'_, App>, words: &str) -> bool {
    harness.query_all_by_label_contains(words).next().is_some()
}

#[test]
fn it_comes_first_and_tells_nothing_before_the_guess() {
    for size in SIZES {
        let (harness, link) = open(size);
        let store = &harness.state().store;
        assert_eq!(
            (store.view.tab, store.start_part()),
            (Tab::Start, StartPart::Riddle)
        );
        harness.get_by_label_contains(STAKE);
        let (_, riddle) = store.riddle().unwrap();
        harness.get_by_label(&riddle.question);
        let ruler = harness.get_by_label_contains("From nearer to the words to farther: A ");
        assert!(ruler.rect().right() <= size[0]);
        let clouds = harness.query_all_by_label_contains("Vision and text tokens after layer 1");
        let places: Vec<_> = clouds.map(|clouds| clouds.rect()).collect();
        assert_eq!(places.len(), 2);
        if size[0] >= 1280.0 {
            // On the first screen, with the question.
            assert!(
                places.iter().all(|place| place.bottom() <= size[1]),
                "{places:?}"
            );
        }
        // Not which is which, nor what either answers.
        for told in [
            "A: captions that fit",
            "B: captions that fit",
            "It answered",
            "% right",
        ] {
            assert!(!says(&harness, told), "{told}");
        }
        for letter in ["A", "B"] {
            let label = format!("{letter} learned from captions that fit");
            let button = harness.get_by_label(&label).rect();
            assert!(
                button.right() <= size[0] && button.bottom() <= size[1],
                "{button:?}"
            );
        }
        assert!(link.last().is_none(), "nothing is fetched unasked");
    }
}

#[test]
fn a_guess_by_button_or_key_shows_both_answers_with_their_names() {
    for size in SIZES {
        for rightly in [true, false] {
            let (mut harness, _link) = open(size);
            let fits = fitting(&harness);
            let letter = if rightly { fits } else { 1 - fits };
            if rightly {
                let label = format!("{} learned from captions that fit", ["A", "B"][letter]);
                harness.get_by_label(&label).click();
            } else {
                harness.key_press([Key::A, Key::B][letter]);
            }
            harness.run_ok();
            let begin = if rightly {
                "Right. Its"
            } else {
                "It is the other"
            };
            assert!(says(&harness, begin));
            let name = format!("{}: captions that fit", ["A", "B"][fits]);
            harness.get_by_label(&name);
            let store = &harness.state().store;
            let (_, riddle) = store.riddle().unwrap();
            for (side, word) in [(0, "Right"), (1, "Wrong")] {
                let text = format!("It answered: \u{201c}{}\u{201d}", riddle.answers[side]);
                assert!(says(&harness, &text), "{text}");
                assert!(says(&harness, word));
                let (mir, share, _) = store.riddles.model(riddle, side).unwrap();
                harness.get_by_label(&format!("MIR {mir:.3}"));
                assert!(says(
                    &harness,
                    &format!("{:.0} % right answers", 100.0 * share)
                ));
            }
        }
    }
}

#[test]
fn another_picture_is_another_riddle_and_the_solved_one_stays() {
    let (mut harness, _link) = open([1280.0, 720.0]);
    let count = harness.state().store.riddles.all().len();
    assert!((3..=5).contains(&count), "{count}");
    harness.key_press(Key::A);
    harness.run_ok();
    let first = harness.state().store.riddle().unwrap().1.question.clone();
    harness.get_by_label("Another picture").click();
    harness.run_ok();
    let second = harness.state().store.riddle().unwrap().1.question.clone();
    assert_ne!(first, second);
    assert!(!says(&harness, "It answered"), "the next one is not solved");
    for _ in 1..count {
        harness.key_press(Key::N);
        harness.run_ok();
    }
    harness.get_by_label(&first);
    assert!(says(&harness, "It answered"));
    // Elsewhere and back again.
    harness.get_by_label("Alignment").click();
    harness.run_ok();
    harness.get_by_label("Start").click();
    harness.run_ok();
    assert!(says(&harness, "It answered"));
}

#[test]
fn it_can_be_skipped_and_opened_again() {
    let (mut harness, _link) = open([1280.0, 720.0]);
    harness.get_by_label("Skip the riddle").click();
    harness.run_ok();
    assert_eq!(harness.state().store.start_part(), StartPart::Trainings);
    harness.get_by_label_contains("Right answers to the same questions.");
    harness.get_by_label("A riddle").click();
    harness.run_ok();
    assert_eq!(harness.state().store.start_part(), StartPart::Riddle);
}

/// What was met once is not asked again on the next visit.
#[test]
fn the_next_visit_begins_with_the_trainings() {
    let (mut harness, _link) = open([1280.0, 720.0]);
    harness.state_mut().store.riddles.met = true;
    harness.run_ok();
    assert_eq!(harness.state().store.start_part(), StartPart::Trainings);
}

#[test]
fn both_models_are_asked_here_one_after_the_other() {
    let (mut harness, link) = open([1280.0, 720.0]);
    harness.key_press(Key::A);
    harness.run_ok();
    harness.get_by_label("Ask both here").click();
    harness.run_steps(3);
    let (number, riddle) = harness.state().store.riddle().unwrap();
    let riddle = riddle.clone();
    for (side, text) in [(0, "lemon"), (1, riddle.answers[1].as_str())] {
        let Some(Command::Ask(request)) = link.last() else {
            panic!("a question is asked");
        };
        assert_eq!(request.question, riddle.question);
        let ModelSource::Study(folder) = &request.model else {
            panic!("a checkpoint of the study is asked");
        };
        let shuffled = folder.starts_with("texts-shuffled");
        assert_eq!(shuffled, side == 1, "{folder}");
        assert_eq!(request.images[0].name(), riddle.name);
        assert!(says(&harness, "Asked here: "));
        link.tell([said(" x"), answer(&format!(" {text}"), 0)]);
        harness.run_steps(3);
        let live = &harness.state().store.riddles.live[&(number, side)];
        assert_eq!(*live, LiveAnswer::Done(text.to_owned()));
        assert!(says(
            &harness,
            &format!("Asked here, it answers: \u{201c}{text}\u{201d}")
        ));
    }
    assert!(!harness.state().store.riddles.is_asking());
    let asked = |link: &FakeLink| link.0.borrow().commands.len();
    assert_eq!(asked(&link), 2);
    // A refusal is told, for both.
    harness.get_by_label("Ask both here").click();
    harness.run_steps(3);
    link.tell([Event::Failed("no device".to_owned())]);
    harness.run_steps(3);
    assert_eq!(harness.query_all_by_label("no device").count(), 2);
    harness.get_by_label("Ask both here").click();
    harness.run_steps(3);
    // Meanwhile no other question can be put: the second answer would end its conversation.
    let store = &mut harness.state_mut().store;
    assert!(store.why_ask_waits().is_some());
    store.ask_model("What is at the top?");
    assert!(store.ask.turns.is_empty());
    // Escape closes what is open, and then stops what is under way.
    harness.get_by_label("Export").click();
    harness.run_steps(3);
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert_eq!(link.0.borrow().cancels, 0);
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert_eq!(link.0.borrow().cancels, 1);
    link.tell([Event::Cancelled]);
    harness.run_ok();
    assert!(!harness.state().store.riddles.is_asking());
    assert_eq!(harness.state().store.why_ask_waits(), None);
    assert!(!says(&harness, "Asked here"));
}
