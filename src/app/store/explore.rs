//! Questions about the live run: asked once, answered into the run.

use super::Store;
use crate::{
    engine::{Event, Explore},
    report::{
        AttentionRow, Axes, LogitLens, PairView, PatchWords, Projection, TokenPath, WhatIf,
        WhatIfSettings,
    },
};

/// What a view gets for something it wants to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer<'a, T> {
    /// Here it is.
    Known(&'a T),
    /// The engine has been asked.
    Waiting,
    /// The engine cannot be asked about this run; measuring again would make it possible.
    NotLive,
    /// The engine refused, with its reason.
    Refused(&'a str),
}

impl<'a, T> Answer<'a, T> {
    /// The thing itself, if it is known.
    pub fn known(self) -> Option<&'a T> {
        match self {
            Self::Known(thing) => Some(thing),
            _ => None,
        }
    }
}

impl Store {
    /// A pair of the run that is shown.
    pub fn pair(&mut self, pair: usize) -> Answer<'_, PairView> {
        self.ask(Explore::Pair(pair), |store| store.run()?.pairs.get(&pair))
    }

    /// The clouds at a state.
    pub fn projection(&mut self, state: usize, axes: Axes) -> Answer<'_, Projection> {
        self.ask(Explore::Projection { state, axes }, |store| {
            store.run()?.projections.get(&(state, axes))
        })
    }

    /// The words nearest to a token.
    pub fn logit_lens(&mut self, pair: usize, position: usize) -> Answer<'_, LogitLens> {
        self.ask(Explore::LogitLens { pair, position }, |store| {
            store.run()?.lenses.get(&(pair, position))
        })
    }

    /// Where a token looks.
    pub fn attention(
        &mut self,
        pair: usize,
        position: usize,
        layer: usize,
    ) -> Answer<'_, AttentionRow> {
        let question = Explore::Attention {
            pair,
            position,
            layer,
        };
        self.ask(question, |store| {
            store.run()?.attention.get(&(pair, position, layer))
        })
    }

    /// The likeliest word of each image token at a state.
    pub fn patch_words(&mut self, pair: usize, state: usize) -> Answer<'_, PatchWords> {
        self.ask(Explore::PatchWords { pair, state }, |store| {
            store.run()?.patch_words.get(&(pair, state))
        })
    }

    /// What becomes of a token on its way.
    pub fn path(&mut self, pair: usize, position: usize) -> Answer<'_, TokenPath> {
        self.ask(Explore::Path { pair, position }, |store| {
            store.run()?.paths.get(&(pair, position))
        })
    }

    /// The alignment under other assumptions.
    pub fn what_if(&mut self, settings: &WhatIfSettings) -> Answer<'_, WhatIf> {
        self.ask(Explore::WhatIf(settings.clone()), |store| {
            store.run()?.what_if(settings)
        })
    }

    fn ask<'a, T>(
        &'a mut self,
        question: Explore,
        known: impl Fn(&Store) -> Option<&T>,
    ) -> Answer<'a, T> {
        let settled = known(self).is_some() || self.refusal(&question).is_some();
        let waiting = !settled && self.wants(&question);
        let this: &'a Store = self;
        if let Some(thing) = known(this) {
            Answer::Known(thing)
        } else if let Some(reason) = this.refusal(&question) {
            Answer::Refused(reason)
        } else if waiting {
            Answer::Waiting
        } else {
            Answer::NotLive
        }
    }

    /// Why the engine refused a question about the run that is shown, if it did.
    fn refusal(&self, question: &Explore) -> Option<&str> {
        let mut refusals = self.run()?.refusals.iter();
        let (_, reason) = refusals.find(|(refused, _)| refused == question)?;
        Some(reason)
    }

    /// Queues a question unless it is asked or waiting; whether an answer can come.
    fn wants(&mut self, question: &Explore) -> bool {
        if !self.is_live() || self.is_busy() {
            return false;
        }
        if self.asked.as_ref() != Some(question) && !self.questions.contains(question) {
            // Of a kind that follows the pointer or a slider only the latest is worth asking.
            self.questions.retain(|waiting| {
                std::mem::discriminant(waiting) != std::mem::discriminant(question)
            });
            self.questions.push_back(question.clone());
        }
        true
    }

    /// Takes an answer into the live run.
    pub(super) fn answered(&mut self, answer: Event) {
        let live = self.live;
        let Some(run) = self.runs.iter_mut().find(|run| Some(run.number) == live) else {
            return;
        };
        match answer {
            Event::Pair(pair) => {
                run.pairs.insert(pair.pair, *pair);
            }
            Event::Projection(projection) => {
                let key = (projection.state, projection.axes);
                run.projections.insert(key, *projection);
            }
            Event::LogitLens(lens) => {
                run.lenses.insert((lens.pair, lens.position), *lens);
            }
            Event::Attention(row) => {
                run.attention
                    .insert((row.pair, row.position, row.layer), *row);
            }
            Event::PatchWords(words) => {
                run.patch_words.insert((words.pair, words.state), *words);
            }
            Event::Path(path) => {
                run.paths.insert((path.pair, path.position), *path);
            }
            Event::WhatIf(what_if) => run.what_ifs.push(*what_if),
            _ => {}
        }
    }

    /// Keeps that the engine refused a question, so that it is not asked in every frame.
    pub(super) fn refused(&mut self, question: Explore, reason: String) {
        let live = self.live;
        if let Some(run) = self.runs.iter_mut().find(|run| Some(run.number) == live) {
            run.refusals.push((question, reason));
        }
    }
}
