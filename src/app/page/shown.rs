//! What the page hears of the app after each frame.

use eframe::egui::{self, output::OutputEvent};
use serde::Serialize;

use crate::{
    app::{
        App,
        store::{
            LiveAnswer, StartPart, Store, Tab, View,
            ask::{Offered, Turn},
            data::{Data, Inspected, Item, PairList},
        },
    },
    engine::{PlannedFile, Stage},
    study::Riddle,
};

/// What is shown, for tests and for curious readers at the browser's console.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Shown {
    /// Whether a measurement is under way.
    running: bool,
    /// The stage under way: its name, finished units, all units.
    stage: Option<(Stage, u64, u64)>,
    /// What is selected.
    view: View,
    /// The same as the end of a link.
    link: String,
    /// Whether a menu or a dialog lies over it.
    dialog: bool,
    /// What has the keyboard's focus, by its label; empty for nothing.
    focused: String,
    /// What the reader was told, and whether something went wrong.
    messages: Vec<(String, bool)>,
    /// The names of all runs, and which is shown.
    runs: Vec<String>,
    current: usize,
    /// Whether questions about the run that is shown can be answered.
    live: bool,
    /// What the reader brought.
    data: Brought,
    /// The conversation with a model.
    ask: Asked,
    /// The riddle that is shown.
    riddle: Guessing,
    /// Whether the training plays step by step; where it is stands in the view.
    playing: bool,
    /// The number of checkpoints in the study, once its results are there.
    study: usize,
    /// The same of the papers' own protocol.
    papers: usize,
    /// The number of connectors between real parts, once they are there.
    real: usize,
}

/// The riddle that is shown.
#[derive(Clone, PartialEq, Serialize)]
struct Guessing {
    /// What the first tab shows.
    part: StartPart,
    /// The question.
    question: String,
    /// Whether it was guessed rightly; absent before.
    guessed: Option<bool>,
    /// Whether the models are being asked.
    asking: bool,
    /// What both answered here, captions that fit first, and whether that is right; only complete answers.
    answers: Vec<(String, bool)>,
}

impl Guessing {
    fn of(store: &Store) -> Self {
        let riddle = store.riddle();
        let live = |(number, riddle): (usize, &Riddle)| {
            let of = (0..2).filter_map(|side| store.riddles.live.get(&(number, side)));
            of.filter_map(|answer| match answer {
                LiveAnswer::Done(text) => Some((text.clone(), riddle.is_right(text))),
                _ => None,
            })
            .collect()
        };
        Self {
            part: store.start_part(),
            question: riddle.map_or_else(String::new, |(_, riddle)| riddle.question.clone()),
            guessed: store.guessed(),
            asking: store.riddles.is_asking(),
            answers: riddle.map_or_else(Vec::new, live),
        }
    }
}

/// The conversation with a model.
#[derive(Clone, PartialEq, Serialize)]
struct Asked {
    /// Whether an answer is under way.
    asking: bool,
    /// Questions that can be clicked.
    offered: Vec<Offered>,
    /// Questions and answers, with the right answer and whether this is it, where that is known.
    turns: Vec<(String, String, Option<String>, Option<bool>)>,
    /// Tokens of which it is known where they look.
    looks: usize,
    /// Why the last question could not be answered.
    refused: Option<String>,
}

impl Asked {
    fn of(store: &Store) -> Self {
        let ask = &store.ask;
        let turn = |turn: &Turn| {
            let right = turn.right.clone();
            (turn.question.clone(), turn.text(), right, turn.is_right())
        };
        Self {
            asking: store.is_asking(),
            offered: match store.view.tab {
                Tab::Ask => ask.offered.clone(),
                _ => Vec::new(),
            },
            turns: ask.turns.iter().map(turn).collect(),
            looks: ask.looks.attention.len(),
            refused: ask.refused.clone(),
        }
    }
}

/// What the reader brought.
#[derive(Clone, PartialEq, Serialize)]
struct Brought {
    /// The checkpoint.
    model: String,
    /// Whether it has been looked at.
    inspected: bool,
    /// The files that would be fetched, while the reader is asked.
    plan: Vec<String>,
    /// What keeps it all from being measured.
    refusals: Vec<String>,
    /// Images: path, whether it has been read, what is wrong with it.
    images: Vec<(String, bool, Option<String>)>,
    /// Texts, likewise.
    texts: Vec<(String, bool, Option<String>)>,
    /// How many pairs of the list can be used.
    pairs: usize,
    /// What nobody knows what to do with.
    rejected: Vec<String>,
}

impl Brought {
    fn of(data: &Data) -> Self {
        fn items<T>(items: &[Item<T>]) -> Vec<(String, bool, Option<String>)> {
            let item = |item: &Item<T>| {
                let wrong = item.wrong().map(str::to_owned);
                (item.file.path.clone(), item.ready().is_some(), wrong)
            };
            items.iter().map(item).collect()
        }
        Self {
            model: data.model.name(),
            inspected: matches!(
                data.inspected,
                Inspected::Nothing | Inspected::Known(_) | Inspected::Refused(_)
            ),
            plan: match &data.inspected {
                Inspected::Planned(plan) => plan.files.iter().map(PlannedFile::name).collect(),
                _ => Vec::new(),
            },
            refusals: data.plan().refusals,
            images: items(&data.images),
            texts: items(&data.texts),
            pairs: data.list.as_ref().map_or(0, PairList::usable),
            rejected: data.rejected.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Shown {
    /// What is shown after a frame, with `before` what was.
    pub(super) fn of(app: &App, context: &egui::Context, before: Option<&Self>) -> Self {
        let store = &app.store;
        let stage = store.work.current().map(|stage| &stage.progress);
        Self {
            running: store.is_busy(),
            stage: stage.map(|progress| (progress.stage, progress.done, progress.total)),
            view: store.view.clone(),
            link: store.view.to_link(),
            dialog: egui::Popup::is_any_open(context)
                || context.memory(|memory| memory.top_modal_layer().is_some()),
            focused: focused(context, before),
            messages: (store.messages.iter())
                .map(|message| (message.text.clone(), message.alarm))
                .collect(),
            runs: store.runs.iter().map(|run| run.name.clone()).collect(),
            current: store.current,
            live: store.is_live(),
            data: Brought::of(&store.data),
            ask: Asked::of(store),
            riddle: Guessing::of(store),
            playing: store.training.playing.is_some(),
            study: (store.study.results()).map_or(0, |results| results.study.variants.len()),
            papers: (store.papers.results()).map_or(0, |results| results.study.variants.len()),
            real: (store.real.results()).map_or(0, |real| real.points.len()),
        }
    }
}

/// The label of what has the focus: egui tells it once, when the focus comes.
fn focused(context: &egui::Context, before: Option<&Shown>) -> String {
    if context.memory(|memory| memory.focused().is_none()) {
        return String::new();
    }
    let gained = context.output(|output| {
        let mut gained = output.events.iter().filter_map(|event| match event {
            OutputEvent::FocusGained(info) => Some(info.label.clone().unwrap_or_default()),
            _ => None,
        });
        gained.next_back()
    });
    gained.unwrap_or_else(|| before.map_or_else(String::new, |shown| shown.focused.clone()))
}
