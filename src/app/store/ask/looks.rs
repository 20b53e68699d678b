//! Where the model looked for each token of its answer, and what image tokens say: told while the answer
//! comes, asked for afterwards.

use std::collections::HashMap;

use super::Turn;
use crate::{
    app::store::{Answer, Store},
    engine::{Event, Explore, TalkQuestion},
    report::{AttentionRow, LogitLens, PairView, Said, TokenKind, TokenView},
};

/// What is known of the tokens of the conversation.
#[derive(Debug, Default)]
pub struct Looks {
    /// Names the conversation, for whoever keeps its pictures.
    pub number: u64,
    /// The last prompt and the answer to it, as the model sees them.
    pub view: Option<PairView>,
    /// The words of image tokens, by position.
    pub lenses: HashMap<usize, LogitLens>,
    /// Where tokens look, by position and layer.
    pub attention: HashMap<(usize, usize), AttentionRow>,
    /// The selected token, by its turn and its number in the answer; the newest one of the last answer if absent.
    pub token: Option<(usize, usize)>,
    /// The selected image token, by position; the one that is looked at most if absent.
    pub patch: Option<usize>,
    refusals: Vec<(TalkQuestion, String)>,
}

/// A token of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TalkToken {
    /// The turn whose answer it belongs to.
    pub turn: usize,
    /// Its number in the answer.
    pub token: usize,
    /// The position in the conversation of the token that it was written from.
    pub position: usize,
}

impl Looks {
    /// Begins with another conversation.
    pub(super) fn renew(&mut self) {
        *self = Self {
            number: self.number + 1,
            ..Self::default()
        };
    }

    /// Begins with another question of the same conversation: the image tokens stay what they are.
    pub(super) fn next_question(&mut self) {
        self.view = None;
        self.attention.clear();
        self.refusals.clear();
        self.token = None;
        self.patch = None;
    }

    /// Takes what was told with a token.
    pub(super) fn said(&mut self, said: &Said) {
        if let Some(view) = &mut self.view {
            view.tokens.push(TokenView {
                id: said.id,
                text: said.text.clone(),
                kind: TokenKind::Text,
                patch: None,
                picture: 0,
            });
        }
        let Some(watched) = &said.watched else { return };
        let row = &watched.attention;
        self.attention
            .insert((row.position, row.layer), row.clone());
        if let Some(lens) = &watched.lens {
            self.lenses.insert(lens.position, lens.clone());
        }
    }

    fn refusal(&self, question: &TalkQuestion) -> Option<&str> {
        let mut refusals = self.refusals.iter();
        let (_, reason) = refusals.find(|(refused, _)| refused == question)?;
        Some(reason)
    }
}

impl Store {
    /// The tokens of the conversation, where they are known or can be.
    pub fn talk_view(&mut self) -> Answer<'_, PairView> {
        self.ask_talk(TalkQuestion::Tokens, |looks| looks.view.as_ref())
    }

    /// The words of an image token of the conversation.
    pub fn talk_lens(&mut self, position: usize) -> Answer<'_, LogitLens> {
        let question = TalkQuestion::LogitLens { position };
        self.ask_talk(question, |looks| looks.lenses.get(&position))
    }

    /// Where a token of the conversation looks.
    pub fn talk_attention(&mut self, position: usize, layer: usize) -> Answer<'_, AttentionRow> {
        let question = TalkQuestion::Attention { position, layer };
        self.ask_talk(question, |looks| looks.attention.get(&(position, layer)))
    }

    /// The selected token of an answer. Without a selection the newest one of the last answer.
    pub fn talk_token(&self) -> Option<TalkToken> {
        let newest = self.ask.turns.len().checked_sub(1)?;
        let selected = self.ask.looks.token;
        let selected = selected.filter(|(turn, _)| self.talk_begin(*turn).is_some());
        let (turn, token) = selected.unwrap_or((newest, usize::MAX));
        let tokens = self.ask.turns.get(turn)?.tokens();
        let token = token.min(tokens.checked_sub(1)?);
        let prompt = self.talk_begin(turn)?;
        Some(TalkToken {
            turn,
            token,
            position: prompt + token - 1,
        })
    }

    /// Where the answer of a turn begins in the conversation; none where its tokens cannot be looked at: before
    /// the first one, and where a later prompt writes the same words in other tokens.
    pub fn talk_begin(&self, turn: usize) -> Option<usize> {
        let of = self.ask.turns.get(turn)?;
        let (prompt, said) = (&of.prompt, &of.said[..of.tokens()]);
        let is_last = turn + 1 == self.ask.turns.len();
        let stands = match &self.ask.looks.view {
            Some(view) if !is_last => {
                let there = view.tokens.get(*prompt..*prompt + said.len());
                let mut pairs = there.into_iter().flatten().zip(said);
                there.is_some() && pairs.all(|(there, said)| there.id == said.id)
            }
            // Of those that the engine has not told yet it is found out by asking.
            _ => true,
        };
        (*prompt > 0 && stands).then_some(*prompt)
    }

    fn ask_talk<'a, T>(
        &'a mut self,
        question: TalkQuestion,
        known: impl Fn(&Looks) -> Option<&T>,
    ) -> Answer<'a, T> {
        let looks = &self.ask.looks;
        let settled = known(looks).is_some() || looks.refusal(&question).is_some();
        if !settled {
            self.want_talk(&question);
        }
        let looks = &self.ask.looks;
        if let Some(thing) = known(looks) {
            Answer::Known(thing)
        } else if let Some(reason) = looks.refusal(&question) {
            Answer::Refused(reason)
        } else {
            Answer::Waiting
        }
    }

    /// Queues a question unless it is asked or waiting; while an answer comes, it has to wait.
    fn want_talk(&mut self, question: &TalkQuestion) {
        let ended = self.ask.turns.last().is_some_and(Turn::is_over);
        if !ended || self.is_asking() || self.is_busy() {
            return;
        }
        let wanted = Explore::Talk(question.clone());
        if self.asked.as_ref() == Some(&wanted) || self.questions.contains(&wanted) {
            return;
        }
        // Of a kind that follows a slider only the latest is worth asking.
        self.questions.retain(|waiting| match waiting {
            Explore::Talk(other) => {
                std::mem::discriminant(other) != std::mem::discriminant(question)
            }
            _ => true,
        });
        self.questions.push_back(wanted);
    }

    /// Takes an answer about the conversation.
    pub(in crate::app::store) fn talk_answered(&mut self, answer: Event) {
        let looks = &mut self.ask.looks;
        match answer {
            Event::Pair(view) => looks.view = Some(*view),
            Event::LogitLens(lens) => {
                looks.lenses.insert(lens.position, *lens);
            }
            Event::Attention(row) => {
                looks.attention.insert((row.position, row.layer), *row);
            }
            _ => {}
        }
    }

    /// Keeps that a question about the conversation was refused.
    pub(in crate::app::store) fn talk_refused(&mut self, question: TalkQuestion, reason: String) {
        self.ask.looks.refusals.push((question, reason));
    }
}
