//! A question with its answer.

use crate::{
    report::{Answer, Said},
    study::says,
};

/// A question with its answer, as far as it has come.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The question.
    pub question: String,
    /// What the right answer is, where that is known.
    pub right: Option<String>,
    /// Whether the answer is held against it: a model that was not trained to answer in its form may say the
    /// same in other words.
    pub judged: bool,
    /// Tokens before the answer; 0 as long as that is not known.
    pub prompt: usize,
    /// The answer's tokens.
    pub said: Vec<Said>,
    /// How far it is.
    pub state: TurnState,
}

/// How far an answer is.
#[derive(Clone, Debug)]
pub enum TurnState {
    /// It comes.
    Coming,
    /// It is complete.
    Done(Box<Answer>),
    /// It was stopped, by the reader or by an error.
    Stopped,
}

impl Turn {
    /// What was said so far. The template leaves the space before it to the model.
    pub fn text(&self) -> String {
        let text: String = self.said.iter().map(|said| said.text.as_str()).collect();
        text.trim_start().to_owned()
    }

    /// Tokens of the answer. Bytes that never became a character are told behind the last one, without a token of
    /// their own.
    pub fn tokens(&self) -> usize {
        match &self.state {
            TurnState::Done(answer) => answer.tokens.len().min(self.said.len()),
            TurnState::Coming | TurnState::Stopped => self.said.len(),
        }
    }

    /// Whether nothing more comes.
    pub fn is_over(&self) -> bool {
        !matches!(self.state, TurnState::Coming)
    }

    /// Whether the answer is right, once it is complete and where that is known.
    pub fn is_right(&self) -> Option<bool> {
        match (&self.right, &self.state) {
            (Some(right), TurnState::Done(answer)) if self.judged => {
                Some(says(&answer.text, right))
            }
            _ => None,
        }
    }
}
