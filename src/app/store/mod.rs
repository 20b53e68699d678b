//! What there is to show, what is selected, and what is wanted of the engine.

pub mod ask;
mod comparing;
pub mod data;
mod demo;
mod explore;
mod fetched;
mod open;
pub mod opening;
mod recorded;
mod run;
mod saves;
mod select;
mod study;
mod tour;
mod view;
mod view_link;
mod work;

pub use ask::Ask;
use ask::Brought;
pub use comparing::Comparing;
pub use data::Data;
pub use explore::Answer;
pub use fetched::Fetched;
pub use opening::{LiveAnswer, Riddles, Training};
pub use recorded::{FITTING, SHUFFLED, TRAINED};
pub use run::{Origin, Run};
pub use study::{Known, KnownReal, KnownStudy};
pub use tour::Tour;
pub use view::{Embed, Scale, StartPart, StudyPart, Tab, View, WhatIfPart};
pub use work::{Progress, StageProgress, Work};

use std::collections::VecDeque;

use super::link::{Link, News};
use crate::{
    engine::{Command, Event, Explore, MeasureRequest},
    report::{Kept, Report},
    study::{Contrast, RecordedModel},
};

/// The state of the app: what is known and selected, not how it is drawn.
#[derive(Default)]
pub struct Store {
    /// All runs that can be shown, oldest first; never empty after [`Store::new`].
    pub runs: Vec<Run>,
    /// Index of the run that is shown.
    pub current: usize,
    /// What is selected; all of it can be put into a link.
    pub view: View,
    /// What the engine is doing.
    pub work: Work,
    /// What the pointer is on, in whichever panel.
    pub hover: Hover,
    /// What the reader should know; the newest last.
    pub messages: Vec<Message>,
    /// The tour was seen or declined, now or on an earlier visit.
    pub tour_seen: bool,
    /// Where the reader is in the tour.
    pub tour: Tour,
    /// What the reader brings.
    pub data: Data,
    /// The riddles that the app opens with.
    pub riddles: Riddles,
    /// Moving through one training.
    pub training: Training,
    /// The conversation with a model.
    pub ask: Ask,
    /// What a browser keeps of fetched files.
    pub fetched: Fetched,
    /// Seconds of the app's clock at which the last step of playing through the states was taken;
    /// absent while not playing.
    pub playing: Option<f64>,
    /// Which runs are compared.
    pub comparing: Comparing,
    /// The two trainings that the app opens with.
    pub contrast: Option<Contrast>,
    /// A study of checkpoints and what was found of it.
    pub study: KnownStudy,
    /// The same by the MIR paper's own protocol.
    pub papers: KnownStudy,
    /// Connectors between published models.
    pub real: KnownReal,
    /// The run whose states the engine keeps, by its number.
    live: Option<u64>,
    /// Questions to the engine about the live run, waiting for their turn.
    questions: VecDeque<Explore>,
    /// The question under way.
    asked: Option<Explore>,
    /// A measurement waiting for its turn.
    ordered: Option<Order>,
    /// The measurement under way.
    measuring: Option<Measuring>,
    /// How the last measurement ended, once one has: where it failed, why.
    pub(super) measured: Option<Result<(), String>>,
    /// Files on their way to the reader.
    saves: Vec<saves::Saving>,
    numbers: u64,
}

/// The token under the pointer: set by the panel that has the pointer, shown by all others one frame
/// later, whichever is drawn first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hover {
    /// Pair and position of the token to show.
    pub token: Option<(usize, usize)>,
    next: Option<(usize, usize)>,
}

impl Hover {
    /// Tells that the pointer is on a token.
    pub fn point_at(&mut self, pair: usize, position: usize) {
        self.next = Some((pair, position));
    }

    /// Ends the frame; whether another one is needed to show what changed.
    pub fn end_frame(&mut self) -> bool {
        let next = self.next.take();
        std::mem::replace(&mut self.token, next) != next
    }
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// One sentence or two.
    pub text: String,
    /// Whether something went wrong.
    pub alarm: bool,
}

/// A measurement that is wanted.
pub struct Order {
    /// What the run will be called.
    pub name: String,
    /// What to measure.
    pub request: MeasureRequest,
    /// What that is, where it ships with mirscope.
    pub model: Option<RecordedModel>,
}

struct Measuring {
    name: String,
    model: Option<RecordedModel>,
    brought: Option<Brought>,
    kept: Option<Kept>,
}

impl Store {
    /// The app's state at its start: the recorded runs of the demo are there.
    pub fn new() -> Self {
        let mut store = Self::default();
        store.add_recorded();
        store
    }

    /// The run that is shown.
    pub fn run(&self) -> Option<&Run> {
        self.runs.get(self.current)
    }

    /// The report that is shown.
    pub fn report(&self) -> Option<&Report> {
        self.run().map(|run| &run.report)
    }

    /// Whether the engine keeps the states of the run that is shown, so that it can be asked.
    pub fn is_live(&self) -> bool {
        self.live.is_some() && self.live == self.run().map(|run| run.number)
    }

    /// Whether a measurement is under way.
    pub fn is_busy(&self) -> bool {
        self.measuring.is_some() || self.ordered.is_some()
    }

    /// Adds a run and shows it.
    pub fn add(&mut self, name: String, origin: Origin, report: Report) -> &mut Run {
        self.numbers += 1;
        self.runs.push(Run::new(self.numbers, name, origin, report));
        self.show(self.runs.len() - 1);
        let last = self.runs.len() - 1;
        &mut self.runs[last]
    }

    /// Shows another run; the selection stays where the run has it.
    pub fn show(&mut self, index: usize) {
        if let Some(run) = self.runs.get(index) {
            self.view.layer = self.view.layer.clamp(1, run.report.layers.len().max(1));
            self.current = index;
            self.view.run = match run.origin {
                Origin::Recorded if index > 0 => run.name.clone(),
                _ => String::new(),
            };
        }
    }

    /// Orders a measurement.
    pub fn measure(&mut self, name: String, request: MeasureRequest) {
        self.order(name, request, None);
    }

    /// Orders a measurement of what ships with mirscope, if `model` says so.
    fn order(&mut self, name: String, request: MeasureRequest, model: Option<RecordedModel>) {
        self.questions.clear();
        self.ordered = Some(Order {
            name,
            request,
            model,
        });
    }

    /// Orders a measurement of what the reader brought; nothing where the plan refuses it.
    pub fn run_data(&mut self) {
        if let Ok((name, request)) = self.data.request() {
            self.measure(name, request);
        }
    }

    /// Takes what was read of the reader's files; reports among them are opened.
    pub fn poll_data(&mut self, wake: &data::Wake) {
        for (name, report) in self.data.poll(wake) {
            self.add(name, Origin::Opened, report);
            self.view.tab = Tab::Alignment;
        }
    }

    /// Asks the measurement under way to stop.
    pub fn cancel(&mut self) {
        self.ordered = None;
        if self.measuring.is_some() {
            self.work.cancel_wanted = true;
        }
    }

    /// Tells the reader something that went wrong.
    pub fn alarm(&mut self, text: impl Into<String>) {
        self.messages.push(Message {
            text: text.into(),
            alarm: true,
        });
    }

    /// Gives the engine the next command, if it is free and something is wanted.
    pub fn drive(&mut self, link: &mut dyn Link) {
        if std::mem::take(&mut self.work.cancel_wanted) {
            link.cancel();
        }
        if self.data.take_stop() {
            link.cancel();
        }
        if self.measuring.is_some()
            || self.asked.is_some()
            || self.data.inspecting.is_some()
            || self.ask.is_waiting()
            || self.riddles.is_waiting()
        {
            return;
        }
        if let Some(Order {
            name,
            request,
            model,
        }) = self.ordered.take()
        {
            self.live = None;
            self.messages.clear();
            self.work.begin();
            self.measuring = Some(Measuring {
                brought: model.is_none().then(|| Brought::of(&request)),
                name,
                model,
                kept: None,
            });
            link.send(Command::Measure(Box::new(request)));
        } else if let Some(command) = self.data.next_inspection() {
            self.work.begin();
            link.send(command);
        } else if let Some(command) = self.next_of_riddle() {
            link.send(command);
        } else if let Some(command) = self.next_of_ask() {
            link.send(command);
        } else if let Some(question) = self.questions.pop_front() {
            link.send(Command::Explore(question.clone()));
            self.asked = Some(question);
        }
    }

    /// Takes news of the engine.
    pub fn heard(&mut self, news: News) {
        match news {
            News::Event(event) => self.event(event),
            News::Lost(reason) => {
                self.ended(Err(&reason));
                self.data.inspection_ended(Err(reason.clone()));
                self.lost_of_ask(&reason);
                self.lost_of_riddle(&reason);
                self.live = None;
                self.questions.clear();
                self.alarm(format!(
                    "The engine stopped: {reason}. Running again starts a new one."
                ));
            }
        }
    }

    /// The command under way is over; `how` is kept where it was a measurement.
    fn ended(&mut self, how: Result<(), &str>) -> (Option<Measuring>, Option<Explore>) {
        self.work.end();
        let measuring = self.measuring.take();
        if measuring.is_some() {
            self.measured = Some(how.map_err(str::to_owned));
        }
        (measuring, self.asked.take())
    }

    fn event(&mut self, event: Event) {
        let Some(event) = self.heard_of_riddle(event) else {
            return;
        };
        let Some(event) = self.heard_of_ask(event) else {
            return;
        };
        match event {
            Event::Progress {
                stage,
                done,
                total,
                unit,
                detail,
            } => self.work.heard(Progress {
                stage,
                done,
                total,
                unit,
                detail,
            }),
            // The report repeats them.
            Event::Note(_) => {}
            // The app measures one checkpoint at a time.
            Event::Member { .. } | Event::MemberReport(_) => {}
            Event::Kept(kept) => {
                if let Some(measuring) = &mut self.measuring {
                    measuring.kept = Some(kept);
                }
            }
            Event::Report(report) => {
                if let (Some(measuring), _) = self.ended(Ok(())) {
                    if matches!(self.view.tab, Tab::Start | Tab::Data | Tab::Study) {
                        // What was asked for there is seen here.
                        self.view.tab = Tab::Alignment;
                    }
                    let kept = measuring.kept;
                    let live = kept.is_some();
                    let run = self.add(measuring.name, Origin::Measured, *report);
                    run.kept = kept;
                    run.model = measuring.model;
                    run.brought = measuring.brought;
                    let number = run.number;
                    self.live = live.then_some(number);
                }
            }
            Event::Inspection(inspection) => {
                self.ended(Ok(()));
                self.data.inspection_ended(Ok(inspection));
            }
            Event::Failed(reason) if self.data.inspecting.is_some() => {
                self.ended(Err(&reason));
                self.data.inspection_ended(Err(reason));
            }
            Event::Failed(reason) => {
                let (_, asked) = self.ended(Err(&reason));
                if let Some(Explore::Talk(asked)) = asked {
                    self.talk_refused(asked, reason);
                } else if let Some(asked) = asked {
                    self.refused(asked, reason);
                } else {
                    self.alarm(reason);
                }
            }
            Event::Plan(plan) => {
                self.ended(Ok(()));
                self.data.planned(plan);
            }
            Event::Cancelled => {
                self.ended(Err("it was cancelled"));
                self.data.inspection_stopped();
            }
            answer => {
                let (_, asked) = self.ended(Ok(()));
                if matches!(asked, Some(Explore::Talk(_))) {
                    self.talk_answered(answer);
                } else {
                    self.answered(answer);
                }
            }
        }
    }
}
