//! Questions about what the last measurement kept.

use super::{
    super::{EngineError, Event, Explore, news::News},
    KeptStates, LiveRun, Loaded, Session,
};
use crate::gpu::Gpu;

/// What a question is answered from.
pub(in crate::engine) struct Live<'a> {
    /// The device.
    pub(in crate::engine) gpu: &'a Gpu,
    /// The model on it.
    pub(in crate::engine) loaded: &'a Loaded,
    /// The run.
    pub(in crate::engine) run: &'a LiveRun,
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
            Explore::WhatIf(settings) => {
                let what_if = live.what_if(settings, news).await?;
                Ok(Event::WhatIf(Box::new(what_if)))
            }
            Explore::Pair(pair) => Ok(Event::Pair(Box::new(live.pair(pair)?))),
            Explore::LogitLens { pair, position } => {
                let lens = live.look(pair)?.logit_lens(position, news.cancel).await?;
                Ok(Event::LogitLens(Box::new(lens)))
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
}
