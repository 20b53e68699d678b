//! What the app opens with: riddles of two models each, guessed and asked, and one training step by step.

use std::collections::{BTreeMap, VecDeque};

use super::{StartPart, Store};
use crate::{
    engine::{
        AskRequest, Command, DeviceSettings, Event, ImageInput, ModelSource, NamedBytes,
        SamplingSettings, thumbnail,
    },
    report::{Picture, Projection},
    study::{Opening, Riddle, Step, TrainingStep, along, pairs_seen},
};

/// Most pixels a side of a riddle's picture: the study's pictures are as large.
const SIDE: usize = 256;
/// Most tokens of an answer that is asked here.
const MAX_TOKENS: usize = 8;
/// Seconds that each step of the training is shown while it plays.
pub const PACE: f64 = 1.8;

/// The riddles, what was guessed, and what the models answered here.
#[derive(Debug, Default)]
pub struct Riddles {
    /// What was recorded.
    recorded: Opening,
    /// The clouds of each model.
    clouds: Vec<Projection>,
    /// The picture of each riddle.
    pictures: Vec<Picture>,
    /// What was guessed: by the riddle's number the letter, 0 for A and 1 for B.
    pub guesses: BTreeMap<usize, usize>,
    /// A riddle was guessed or skipped, now or on an earlier visit.
    pub met: bool,
    /// What was answered here, by riddle and side.
    pub live: BTreeMap<(usize, usize), LiveAnswer>,
    /// Riddles and sides that wait for their turn.
    wanted: VecDeque<(usize, usize)>,
    waiting: Option<(usize, usize)>,
}

/// An answer that was asked for here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveAnswer {
    /// It waits or comes; what was said so far.
    Coming(String),
    /// It is complete.
    Done(String),
    /// It cannot be had, with the reason.
    Refused(String),
}

/// Moving through the steps of the training.
#[derive(Debug, Default)]
pub struct Training {
    /// The clouds of each step, all in one plane.
    pub clouds: Vec<Projection>,
    /// The app's clock at the last step while it plays.
    pub playing: Option<f64>,
    /// It played by itself, or was touched before it could.
    pub played: bool,
    /// The press under way stopped it: the click that it ends with does not start it again.
    pub stopped: bool,
}

impl Riddles {
    /// All riddles.
    pub fn all(&self) -> &[Riddle] {
        &self.recorded.riddles
    }

    /// The steps of the training.
    pub fn steps(&self) -> &[TrainingStep] {
        &self.recorded.training.steps
    }

    /// The picture of a riddle.
    pub fn picture(&self, number: usize) -> Option<&Picture> {
        self.pictures.get(number)
    }

    /// Rate, share of right answers and clouds of a riddle's side: 0 for captions that fit, 1 for shuffled ones.
    pub fn model(&self, riddle: &Riddle, side: usize) -> Option<(f64, f64, &Projection)> {
        let place = *riddle.models.get(side)?;
        let model = self.recorded.models.get(place)?;
        Some((model.mir, model.answered.value, self.clouds.get(place)?))
    }

    /// Whether the engine was asked for an answer and has not ended with it.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Whether answers are on their way.
    pub fn is_asking(&self) -> bool {
        self.waiting.is_some() || !self.wanted.is_empty()
    }

    /// Ends what is under way with what came of it.
    fn ended(&mut self, answer: LiveAnswer) {
        if let Some(place) = self.waiting.take() {
            self.live.insert(place, answer);
        }
    }
}

impl Store {
    /// Takes what was recorded.
    pub(super) fn add_opening(&mut self, mut opening: Opening) {
        let models = opening.models.iter();
        self.riddles.clouds = models.flat_map(|it| it.clouds.projections()).collect();
        let pictures = opening.riddles.iter();
        let pictures: Result<_, String> = pictures
            .map(|riddle| thumbnail(&riddle.name, &riddle.image, SIDE))
            .collect();
        match pictures {
            Ok(pictures) => self.riddles.pictures = pictures,
            Err(reason) => return self.alarm(reason),
        }
        let clouds = std::mem::take(&mut opening.training.clouds);
        self.training.clouds = clouds.projections().collect();
        self.riddles.recorded = opening;
    }

    /// What Start shows: the riddle first, until one was met.
    pub fn start_part(&self) -> StartPart {
        let first = match self.riddles.met || self.riddles.all().is_empty() {
            true => StartPart::Trainings,
            false => StartPart::Riddle,
        };
        self.view.part.unwrap_or(first)
    }

    /// The riddle that is shown, with its number.
    pub fn riddle(&self) -> Option<(usize, &Riddle)> {
        let all = self.riddles.all();
        let number = self.view.riddle.checked_rem(all.len())?;
        Some((number, all.get(number)?))
    }

    /// Guesses that the model of a letter, 0 for A and 1 for B, learned from captions that fit. The first guess
    /// counts.
    pub fn guess(&mut self, letter: usize) {
        if let Some((number, _)) = self.riddle() {
            self.riddles.guesses.entry(number).or_insert(letter.min(1));
            // The reader stays here until they go on.
            self.view.part = Some(StartPart::Riddle);
            self.riddles.met = true;
        }
    }

    /// Whether the shown riddle was guessed rightly; none before.
    pub fn guessed(&self) -> Option<bool> {
        let (number, riddle) = self.riddle()?;
        let letter = self.riddles.guesses.get(&number)?;
        Some(riddle.side(*letter) == 0)
    }

    /// Goes on to another riddle.
    pub fn next_riddle(&mut self) {
        if let Some((number, _)) = self.riddle() {
            self.view.riddle = (number + 1) % self.riddles.all().len();
        }
    }

    /// Leaves the riddles for the two trainings.
    pub fn leave_riddle(&mut self) {
        self.riddles.met = true;
        self.view.part = Some(StartPart::Trainings);
    }

    /// Asks both models of the shown riddle here.
    pub fn ask_both(&mut self) {
        if self.riddles.is_asking() || self.is_busy() || self.is_asking() {
            return;
        }
        if let Some((number, _)) = self.riddle() {
            for side in 0..2 {
                let coming = LiveAnswer::Coming(String::new());
                self.riddles.live.insert((number, side), coming);
                self.riddles.wanted.push_back((number, side));
            }
        }
    }

    /// Asks the answers under way to stop.
    pub fn stop_riddle(&mut self) {
        for place in std::mem::take(&mut self.riddles.wanted) {
            self.riddles.live.remove(&place);
        }
        if self.riddles.is_waiting() {
            self.work.cancel_wanted = true;
        }
    }

    /// The command that an answer waits for.
    pub(super) fn next_of_riddle(&mut self) -> Option<Command> {
        let (number, side) = self.riddles.wanted.pop_front()?;
        let riddle = self.riddles.all().get(number)?;
        let model = self.riddles.recorded.models.get(riddle.models[side])?;
        let request = AskRequest {
            model: ModelSource::Study(model.folder.clone()),
            device: DeviceSettings::default(),
            images: vec![ImageInput::Bytes(NamedBytes {
                name: riddle.name.clone(),
                bytes: riddle.image.clone(),
            })],
            earlier: Vec::new(),
            question: riddle.question.clone(),
            raw: false,
            max_tokens: MAX_TOKENS,
            sampling: SamplingSettings::default(),
            watch: None,
        };
        if !self.is_live_model(&request.model) {
            // The engine keeps one model.
            self.live = None;
            self.questions.clear();
        }
        // It keeps one conversation, too.
        self.ask.clear();
        self.work.begin();
        self.riddles.waiting = Some((number, side));
        Some(Command::Ask(Box::new(request)))
    }

    /// Takes an event that is about an answer; the others come back.
    pub(super) fn heard_of_riddle(&mut self, event: Event) -> Option<Event> {
        let Some(place) = self.riddles.waiting else {
            return Some(event);
        };
        match event {
            Event::Said(said) => {
                if let Some(LiveAnswer::Coming(text)) = self.riddles.live.get_mut(&place) {
                    text.push_str(&said.text);
                }
                return None;
            }
            Event::Answer(answer) => {
                let text = answer.text.trim().to_owned();
                self.riddles.ended(LiveAnswer::Done(text));
            }
            Event::Cancelled => {
                self.riddles.waiting = None;
                self.riddles.live.remove(&place);
            }
            Event::Failed(reason) => self.lost_of_riddle(&reason),
            other => return Some(other),
        }
        self.work.end();
        None
    }

    /// Takes that no answer will come.
    pub(super) fn lost_of_riddle(&mut self, reason: &str) {
        let refused = || LiveAnswer::Refused(reason.to_owned());
        for place in std::mem::take(&mut self.riddles.wanted) {
            self.riddles.live.insert(place, refused());
        }
        self.riddles.ended(refused());
    }

    /// The step of the training that is shown.
    pub fn training_step(&self) -> usize {
        let last = self.riddles.steps().len().saturating_sub(1);
        self.view.training_step.min(last)
    }

    /// Selects a step of the training, by hand: from then on it does not move by itself.
    pub fn select_step(&mut self, step: usize) {
        self.view.training_step = step.min(self.riddles.steps().len().saturating_sub(1));
        self.stop_training();
    }

    /// Stops the training where it is; it does not begin by itself again.
    pub fn stop_training(&mut self) {
        self.training.playing = None;
        self.training.played = true;
    }

    /// Takes that something was pressed, or that nothing is any more.
    pub fn touch_training(&mut self, pressed: bool, held: bool) {
        if pressed {
            self.training.stopped = self.training.playing.is_some();
            self.stop_training();
        } else if !held {
            self.training.stopped = false;
        }
    }

    /// Starts or stops playing through the steps; at the last one it starts anew.
    pub fn toggle_training(&mut self, now: f64) {
        self.training.played = true;
        if self.training.playing.take().is_none() && !self.training.stopped {
            if self.training_step() + 1 >= self.riddles.steps().len() {
                self.view.training_step = 0;
            }
            self.training.playing = Some(now);
        }
    }

    /// Begins by itself once, goes on when it is time, and stops at the last step. Returns the seconds until the
    /// next step while it plays.
    pub fn play_training(&mut self, now: f64, by_itself: bool) -> Option<f64> {
        if by_itself && !self.training.played && self.view.training_step == 0 {
            self.training.played = true;
            self.training.playing = Some(now);
        }
        let began = self.training.playing?;
        let left = began + PACE - now;
        if left > 0.0 {
            return Some(left);
        }
        let next = self.training_step() + 1;
        if next >= self.riddles.steps().len() {
            self.training.playing = None;
            return None;
        }
        self.view.training_step = next;
        self.training.playing = Some(now);
        Some(PACE)
    }

    /// What happens along the training, in a sentence.
    pub fn along_training(&self) -> Option<String> {
        let step = |step: &TrainingStep| Step {
            label: pairs_seen(step.samples),
            mir: step.mir,
            norm_matched: step.norm_matched,
            norm_ratio: Some(step.norm_ratio),
        };
        along(&self.riddles.steps().iter().map(step).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guess_counts_and_stays() {
        let mut store = Store::new();
        assert_eq!(store.start_part(), StartPart::Riddle);
        let (number, riddle) = store.riddle().unwrap();
        let fitting = (0..2).find(|letter| riddle.side(*letter) == 0).unwrap();
        assert_eq!(store.guessed(), None);
        store.guess(1 - fitting);
        assert_eq!(store.guessed(), Some(false));
        store.guess(fitting);
        assert_eq!(store.guessed(), Some(false));
        assert_eq!(store.start_part(), StartPart::Riddle);
        for _ in 0..store.riddles.all().len() {
            store.next_riddle();
        }
        assert_eq!(store.view.riddle, number);
        assert_eq!(store.guessed(), Some(false));
        store.leave_riddle();
        assert_eq!(store.start_part(), StartPart::Trainings);
    }

    #[test]
    fn the_training_plays_once_and_stops_at_a_touch() {
        let mut store = Store::new();
        let count = store.riddles.steps().len();
        assert_eq!(store.play_training(0.0, false), None, "motion is reduced");
        let mut now = 1.0;
        assert!(store.play_training(now, true).is_some());
        for step in 1..count {
            now += PACE;
            store.play_training(now, true);
            assert_eq!(store.training_step(), step);
        }
        now += PACE;
        assert_eq!(store.play_training(now, true), None);
        store.view.training_step = 0;
        assert_eq!(store.play_training(now + PACE, true), None, "once");
        // By its button it starts anew.
        store.select_step(count - 1);
        store.toggle_training(now);
        assert_eq!(store.training_step(), 0);
        store.play_training(now + PACE, true);
        assert_eq!(store.training_step(), 1);
        // The press of the click that stops it must not start it again.
        store.touch_training(true, true);
        store.toggle_training(now + PACE);
        assert_eq!(store.training.playing, None);
        store.touch_training(false, false);
        store.toggle_training(now + PACE);
        assert!(store.training.playing.is_some());
        store.select_step(3);
        assert_eq!(store.play_training(now + 9.0 * PACE, true), None);
        assert_eq!(store.training_step(), 3);
    }
}
