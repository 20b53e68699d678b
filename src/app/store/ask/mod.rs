//! A conversation with a model about a picture.

mod looks;
mod pictures;
mod target;
mod turn;

pub use looks::{Looks, TalkToken};
pub use pictures::{DemoPicture, DemoPictures};
pub(super) use target::Brought;
pub use target::{Key, Target, Whom};
pub use turn::{Turn, TurnState};

use serde::Serialize;

use super::Store;
use crate::{
    engine::{
        AskRequest, Command, DeviceSettings, Event, Exchange, Explore, ImageInput, SamplingSettings,
    },
    platform::FilePlace,
    report::Said,
    study::Known,
};

/// Most tokens of an answer, before the reader says otherwise.
const MAX_TOKENS: usize = 64;

/// Whom to ask, what about, and what was said.
#[derive(Debug)]
pub struct Ask {
    /// Which checkpoint is asked.
    pub whom: Whom,
    /// The picture that is asked about, by its number among those of the checkpoint; none to ask without one.
    pub picture: Option<usize>,
    /// The question as it is typed.
    pub typed: String,
    /// Most tokens of an answer.
    pub max_tokens: usize,
    /// 0: always the likeliest token.
    pub temperature: f32,
    /// Shows where each token looks while the answer comes.
    pub watch: bool,
    /// What is known of the conversation's tokens.
    pub looks: Looks,
    /// The demo's pictures.
    pub pictures: DemoPictures,
    /// Questions and answers, first to last.
    pub turns: Vec<Turn>,
    /// The questions that can be clicked, as they were drawn last.
    pub offered: Vec<Offered>,
    /// Why the last question could not be answered.
    pub refused: Option<String>,
    /// Whose conversation it is, about which picture.
    of: Option<Subject>,
    /// A question waiting for its turn.
    wanted: Option<Box<AskRequest>>,
    waiting: Waiting,
}

/// What a conversation is about: the checkpoint, the picture's number, and the file where it is one of the reader's.
type Subject = (Key, Option<usize>, Option<FilePlace>);

/// A question that can be clicked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offered {
    /// The question.
    pub question: String,
    /// Where its button's center is, in points from the top left of the app.
    pub center: [f32; 2],
    /// Whether the keyboard is on it.
    pub focused: bool,
}

/// What the engine was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    #[default]
    Nothing,
    Pictures,
    Answer,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            whom: Whom::default(),
            picture: Some(0),
            typed: String::new(),
            max_tokens: MAX_TOKENS,
            temperature: 0.0,
            watch: true,
            looks: Looks::default(),
            pictures: DemoPictures::default(),
            turns: Vec::new(),
            offered: Vec::new(),
            refused: None,
            of: None,
            wanted: None,
            waiting: Waiting::default(),
        }
    }
}

impl Ask {
    /// Whether the engine has been asked for something and has not ended with it.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting != Waiting::Nothing
    }

    /// Forgets what was said.
    pub fn clear(&mut self) {
        self.turns.clear();
        self.refused = None;
        self.looks.renew();
    }
}

impl Store {
    /// Whether a question is being answered or waits to be.
    pub fn is_asking(&self) -> bool {
        self.ask.wanted.is_some() || self.ask.waiting == Waiting::Answer
    }

    /// The image that is asked about, as the engine takes it.
    fn asked_image(&self, target: &Target) -> Option<ImageInput> {
        let picture = self.ask.picture?;
        match &target.images {
            Some(images) => images.get(picture).cloned(),
            None => Some(self.ask.pictures.get(picture)?.image.clone()),
        }
    }

    /// The questions that can be clicked, with their right answers: those of the demo's picture.
    pub fn known_questions(&self) -> Vec<Known> {
        let demo = self.target().is_ok_and(|target| target.images.is_none());
        let picture = self.ask.picture.filter(|_| demo);
        let picture = picture.and_then(|picture| self.ask.pictures.get(picture));
        picture.map_or_else(Vec::new, DemoPicture::questions)
    }

    /// Begins anew where checkpoint or picture are others than those of the conversation.
    pub fn follow_choice(&mut self) {
        let Ok(target) = self.target() else { return };
        let images = target.images.as_deref().unwrap_or_default();
        let file = match self.ask.picture.and_then(|picture| images.get(picture)) {
            Some(ImageInput::Picked(file)) => Some(file.place.clone()),
            _ => None,
        };
        let of = Some((target.key, self.ask.picture, file));
        if self.ask.of != of && !self.is_asking() {
            self.ask.clear();
            self.ask.of = of;
        }
    }

    /// Why no question can be put now, in a sentence or two: the engine does one thing at a time.
    pub fn why_ask_waits(&self) -> Option<&'static str> {
        if self.is_busy() {
            return Some("A measurement is under way. Ask when it is done.");
        }
        let riddle = "The models of the first view are answering. Ask when they are done.";
        self.riddles.is_asking().then_some(riddle)
    }

    /// Asks `question` about the picture that is selected; nothing where that cannot be done now.
    pub fn ask_model(&mut self, question: &str) {
        let question = question.trim();
        if question.is_empty() || self.is_asking() || self.why_ask_waits().is_some() {
            return;
        }
        self.follow_choice();
        let Ok(target) = self.target() else { return };
        let images = self.asked_image(&target).into_iter().collect();
        let earlier = self.ask.turns.iter().map(|turn| Exchange {
            question: turn.question.clone(),
            answer: turn.text(),
        });
        let request = AskRequest {
            images,
            model: target.model,
            device: DeviceSettings::default(),
            earlier: earlier.collect(),
            question: question.to_owned(),
            raw: false,
            max_tokens: self.ask.max_tokens,
            sampling: SamplingSettings {
                temperature: self.ask.temperature,
                seed: self.ask.turns.len() as u64,
                ..SamplingSettings::default()
            },
            watch: (self.ask.watch).then(|| self.view.layer.clamp(1, target.layers.max(1))),
        };
        let mut known = self.known_questions().into_iter();
        let known = known.find(|known| known.question.eq_ignore_ascii_case(question));
        self.ask.refused = None;
        self.ask.looks.next_question();
        self.ask.turns.push(Turn {
            question: question.to_owned(),
            right: known.map(|known| known.right),
            judged: target.ours,
            prompt: 0,
            said: Vec::new(),
            state: TurnState::Coming,
        });
        self.ask.wanted = Some(Box::new(request));
    }

    /// Asks the answer under way to stop; what was said stays.
    pub fn stop_answer(&mut self) {
        if self.ask.wanted.take().is_some() {
            self.take_back();
        } else if self.ask.waiting == Waiting::Answer {
            self.work.cancel_wanted = true;
        }
    }

    /// Puts a question of which nothing came back to where it was typed.
    fn take_back(&mut self) {
        if let Some(turn) = self.ask.turns.pop()
            && self.ask.typed.is_empty()
        {
            self.ask.typed = turn.question;
        }
    }

    /// The command that a question or the pictures are waiting for.
    pub(super) fn next_of_ask(&mut self) -> Option<Command> {
        if let Some(request) = self.ask.wanted.take() {
            if !self.is_live_model(&request.model) {
                // The engine keeps one model.
                self.live = None;
                self.questions.clear();
            }
            // They are about the answer before.
            self.questions
                .retain(|question| !matches!(question, Explore::Talk(_)));
            self.work.begin();
            self.ask.waiting = Waiting::Answer;
            return Some(Command::Ask(request));
        }
        let pictures = self.ask.pictures.order()?;
        self.ask.waiting = Waiting::Pictures;
        Some(Command::DemoPairs(pictures))
    }

    /// Takes an event that is about a question or the pictures; the others come back.
    pub(super) fn heard_of_ask(&mut self, event: Event) -> Option<Event> {
        match (self.ask.waiting, event) {
            (Waiting::Answer, Event::Asked(view)) => {
                if let Some(turn) = self.ask.turns.last_mut() {
                    turn.prompt = view.tokens.len();
                }
                self.ask.looks.view = Some(*view);
            }
            (Waiting::Answer, Event::Said(said)) => self.said(said),
            (Waiting::Answer, Event::Answer(answer)) => {
                if let Some(turn) = self.ask.turns.last_mut() {
                    turn.prompt = answer.prompt_tokens;
                }
                self.answer_ended(None, TurnState::Done(answer));
            }
            (Waiting::Answer, Event::Cancelled) => self.answer_ended(None, TurnState::Stopped),
            (Waiting::Answer, Event::Failed(reason)) => {
                self.answer_ended(Some(reason), TurnState::Stopped);
            }
            (Waiting::Pictures, Event::DemoPairs(pairs)) => {
                self.ask.waiting = Waiting::Nothing;
                self.ask.pictures = DemoPictures::of(pairs);
            }
            (Waiting::Pictures, Event::Failed(reason)) => {
                self.ask.waiting = Waiting::Nothing;
                self.ask.pictures = DemoPictures::Wrong(reason);
            }
            (Waiting::Pictures, Event::Cancelled) => {
                self.ask.waiting = Waiting::Nothing;
                self.ask.pictures = DemoPictures::Unasked;
            }
            (_, event) => return Some(event),
        }
        None
    }

    /// Takes that the engine is gone.
    pub(super) fn lost_of_ask(&mut self, reason: &str) {
        match self.ask.waiting {
            Waiting::Nothing => {}
            Waiting::Pictures => {
                self.ask.waiting = Waiting::Nothing;
                self.ask.pictures = DemoPictures::Wrong(reason.to_owned());
            }
            Waiting::Answer => self.answer_ended(Some(reason.to_owned()), TurnState::Stopped),
        }
    }

    fn said(&mut self, said: Said) {
        self.ask.looks.said(&said);
        if let Some(turn) = self.ask.turns.last_mut() {
            turn.said.push(said);
        }
    }

    fn answer_ended(&mut self, refused: Option<String>, state: TurnState) {
        self.ask.waiting = Waiting::Nothing;
        self.ask.refused = refused;
        self.work.end();
        let silent = !matches!(state, TurnState::Done(_));
        match self.ask.turns.last_mut() {
            Some(turn) if !(silent && turn.said.is_empty()) => turn.state = state,
            _ => self.take_back(),
        }
    }
}
