//! What a visitor can answer after the app, by docs/learning-goals.md: each place it names exists, and says what it
//! is named for.

use egui_kittest::{Harness, Node, kittest::NodeT};
use mirscope::app::{
    App,
    store::{FITTING, SHUFFLED, Store, View},
};

use super::support::opened;

/// A place that answers a question.
struct Place {
    question: String,
    link: String,
    words: Vec<String>,
}

/// The questions in their order, and all places.
fn goals() -> (Vec<String>, Vec<Place>) {
    let doc = std::fs::read_to_string("docs/learning-goals.md").unwrap();
    let (mut questions, mut places) = (Vec::new(), Vec::new());
    for line in doc.lines() {
        if let Some(question) = line.strip_prefix("## ") {
            questions.push(question.to_owned());
        }
        let Some(rest) = line.strip_prefix("- `") else {
            continue;
        };
        let (link, rest) = rest.split_once("`: ").expect(line);
        let quoted = rest.split('"').skip(1).step_by(2);
        places.push(Place {
            question: questions.last().expect(line).clone(),
            link: link.to_owned(),
            words: quoted.map(str::to_owned).collect(),
        });
    }
    (questions, places)
}

/// Everything that the app tells in words, in its order, with single spaces and in small letters.
fn told(harness: &Harness<'_, App>) -> String {
    fn add(node: Node<'_>, words: &mut Vec<String>) {
        let data = node.accesskit_node();
        words.extend(data.label());
        words.extend(data.value());
        for child in node.children() {
            add(child, words);
        }
    }
    let mut words = Vec::new();
    add(harness.root(), &mut words);
    plain(&words.join(" "))
}

fn plain(words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The app as another reader has it who opens the link.
fn at(link: &str) -> Harness<'static, App> {
    let (mut harness, _link) = opened([1280.0, 900.0]);
    harness.state_mut().store.restore(View::from_link(link));
    // The study's results come from a file.
    for _ in 0..40 {
        harness.run_steps(2);
        let store = &harness.state().store;
        if store.view.tab != mirscope::app::store::Tab::Study || store.study.results().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    harness.run_steps(4);
    harness
}

#[test]
fn twelve_questions_are_answered_somewhere() {
    let (questions, places) = goals();
    assert_eq!(questions.len(), 12);
    for (index, question) in questions.iter().enumerate() {
        assert!(
            question.starts_with(&format!("{}. ", index + 1)),
            "{question}"
        );
        assert!(question.ends_with('?'), "{question}");
        let here = places.iter().filter(|place| place.question == *question);
        assert!(here.clone().count() >= 2, "{question}");
        for place in here {
            assert!(!place.words.is_empty(), "{}", place.link);
        }
    }
}

/// Nothing of a link is unknown or spelled otherwise than the app spells it.
#[test]
fn every_place_is_one_of_the_app() {
    for place in goals().1 {
        let view = View::from_link(&place.link);
        let known = view.to_link();
        for pair in place.link.trim_start_matches('#').split('&') {
            // The ellipses have a short name of their own; a default is left out of links.
            let short = ["tab=ellipses", "training_step=0"];
            assert!(
                short.contains(&pair)
                    || known
                        .trim_start_matches('#')
                        .split('&')
                        .any(|it| it == pair),
                "{}: `{pair}` of `{}` is no part of {known}",
                place.question,
                place.link
            );
        }
        if !view.step.is_empty() {
            let harness = at(&place.link);
            let store = &harness.state().store;
            assert!(
                store.tour.is_on() && store.view.step == view.step,
                "{}",
                place.link
            );
        }
    }
}

#[test]
fn every_place_says_what_it_is_named_for() {
    let mut missing = Vec::new();
    for place in goals().1 {
        let told = told(&at(&place.link));
        for words in &place.words {
            if !told.contains(&plain(words)) {
                missing.push(format!(
                    "{}: {} does not say \u{201c}{words}\u{201d}",
                    place.question, place.link
                ));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What the answer to the tenth question says of the recorded trainings.
#[test]
fn the_largest_parts_are_those_of_the_recording() {
    let store = Store::new();
    let largest = |name: &str| -> Vec<usize> {
        let run = store.runs.iter().find(|run| run.name == name).unwrap();
        let layers = run.report.layers.iter();
        let parts = layers.map(|layer| [layer.location, layer.spread, layer.shape]);
        parts
            .map(|parts| {
                (0..3)
                    .max_by(|&a, &b| parts[a].total_cmp(&parts[b]))
                    .unwrap()
            })
            .collect()
    };
    assert!(largest(FITTING).iter().all(|part| *part == 2));
    let shuffled = largest(SHUFFLED);
    assert_eq!((shuffled.first(), shuffled.last()), (Some(&1), Some(&0)));
}
