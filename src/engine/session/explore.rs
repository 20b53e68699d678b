//! Questions about what the last measurement kept, and about the conversation.

use super::{LiveRun, Session, kept::KeptStates, loaded::Loaded, look::Look};
use crate::{
    engine::{EngineError, Event, Explore, TalkQuestion, news::News},
    gpu::Gpu,
    platform::Cancel,
};

/// What a question is answered from.
pub(in crate::engine) struct Live<'a> {
    /// The device.
    pub(in crate::engine) gpu: &'a Gpu,
    /// The model on it.
    pub(in crate::engine) loaded: &'a Loaded,
    /// The run.
    pub(in crate::engine) run: &'a LiveRun,
}

impl<'a> Live<'a> {
    /// A pair's tokens.
    ///
    /// # Errors
    /// [`EngineError::NoSuch`].
    pub(super) fn look(&'a self, pair: usize) -> Result<Look<'a>, EngineError> {
        let prepared = self.prepared(pair)?;
        let loaded = self.loaded;
        Ok(Look {
            gpu: self.gpu,
            loaded,
            pair,
            input: prepared.input(&[]),
            pixel_values: Box::new(move || prepared.pixel_values(&loaded.processor)),
            looked: &self.run.looked,
        })
    }
}

impl LiveRun {
    /// The tokens of all pairs.
    ///
    /// # Errors
    /// [`EngineError::StatesNotKept`] with the reason.
    pub(in crate::engine) fn states(&self) -> Result<&KeptStates, EngineError> {
        (self.kept.as_ref()).map_err(|reason| EngineError::StatesNotKept {
            reason: reason.clone(),
        })
    }
}

impl Session {
    /// What is kept, for a question about it.
    ///
    /// # Errors
    /// [`EngineError::NothingKept`]; what happened to the device in the meantime.
    pub(in crate::engine) fn live(&self) -> Result<Live<'_>, EngineError> {
        match (&self.device, &self.loaded, &self.live) {
            (Some(device), Some(loaded), Some(run)) => {
                device.gpu.check_health()?;
                Ok(Live {
                    gpu: &device.gpu,
                    loaded,
                    run,
                })
            }
            _ => Err(EngineError::NothingKept),
        }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// Those of [`Session::live`], and what the answer needs.
    pub(in crate::engine) async fn explore(
        &self,
        question: Explore,
        news: &mut News<'_>,
    ) -> Result<Event, EngineError> {
        if let Explore::Talk(question) = question {
            return self.explore_talk(question, news.cancel).await;
        }
        let live = self.live()?;
        match question {
            Explore::Projection { state, axes } => {
                let projection = live.projection(state, axes, news.cancel).await?;
                Ok(Event::Projection(Box::new(projection)))
            }
            Explore::Plane(state) => {
                let plane = live.plane(state, news.cancel).await?;
                Ok(Event::Plane(Box::new(plane)))
            }
            Explore::OnPlane(state, axes) => {
                let projection = live.on_plane(state, &axes, news.cancel).await?;
                Ok(Event::Projection(Box::new(projection)))
            }
            Explore::WhatIf(settings) => {
                let what_if = live.what_if(settings, news).await?;
                Ok(Event::WhatIf(Box::new(what_if)))
            }
            Explore::Pair(pair) => Ok(Event::Pair(Box::new(live.pair(pair)?))),
            Explore::LogitLens { pair, position } => {
                let lens = live.look(pair)?.logit_lens(position, news.cancel).await?;
                Ok(Event::LogitLens(Box::new(lens)))
            }
            Explore::PatchWords { pair, state } => {
                let words = live.look(pair)?.patch_words(state, news.cancel).await?;
                Ok(Event::PatchWords(Box::new(words)))
            }
            Explore::Path { pair, position } => {
                let path = live.path(pair, position, news.cancel).await?;
                Ok(Event::Path(Box::new(path)))
            }
            Explore::Attention {
                pair,
                position,
                layer,
            } => {
                let look = live.look(pair)?;
                let row = look.attention(position, layer, news.cancel).await?;
                Ok(Event::Attention(Box::new(row)))
            }
            // It is about no run.
            Explore::Talk(_) => Err(EngineError::NothingKept),
        }
    }

    /// Answers a question about the conversation.
    ///
    /// # Errors
    /// [`EngineError::NoConversation`], and what the answer needs.
    async fn explore_talk(
        &self,
        question: TalkQuestion,
        cancel: &Cancel,
    ) -> Result<Event, EngineError> {
        let (Some(device), Some(loaded), Some(talk)) = (&self.device, &self.loaded, &self.talk)
        else {
            return Err(EngineError::NoConversation);
        };
        let Some(subject) = &talk.subject else {
            return Err(EngineError::NoConversation);
        };
        device.gpu.check_health()?;
        let look = subject.look(&device.gpu, loaded, &talk.ids);
        Ok(match question {
            TalkQuestion::Tokens => Event::Pair(Box::new(subject.view(loaded, &talk.ids))),
            TalkQuestion::LogitLens { position } => {
                Event::LogitLens(Box::new(look.logit_lens(position, cancel).await?))
            }
            TalkQuestion::Attention { position, layer } => {
                Event::Attention(Box::new(look.attention(position, layer, cancel).await?))
            }
        })
    }
}
