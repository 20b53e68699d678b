//! The engine itself.

use super::{
    Command, EngineError, Event,
    bench::bench,
    inspect::inspect,
    measure::{device, measure},
    news::News,
};
use crate::{gpu, platform::Cancel};

/// Carries out one `command` in a [`Session`] of its own.
///
/// As [`Session::run`].
pub async fn run(command: Command, cancel: &Cancel, emit: &mut dyn FnMut(Event)) {
    Session::default().run(command, cancel, emit).await;
}

/// An engine that carries out one command after the other, and keeps what a measurement was asked to
/// keep for the questions that follow.
#[derive(Debug, Default)]
pub struct Session {}

impl Session {
    /// Carries out `command`, telling `emit` the news; the last event is one for which
    /// [`Event::is_last`] holds.
    ///
    /// Works on a native thread (see [`super::spawn`]) and in a dedicated Worker alike: it awaits the
    /// device instead of blocking and lets the event loop run in between, so that a cancel message
    /// gets through. `cancel` takes effect between two submissions, well within a second.
    pub async fn run(&mut self, command: Command, cancel: &Cancel, emit: &mut dyn FnMut(Event)) {
        let last = match self.dispatch(command, &mut News::new(cancel, emit)).await {
            Ok(event) => event,
            Err(EngineError::Cancelled) => Event::Cancelled,
            Err(error) => Event::Failed(error.to_string()),
        };
        emit(last);
    }

    async fn dispatch(
        &mut self,
        command: Command,
        news: &mut News<'_>,
    ) -> Result<Event, EngineError> {
        news.check()?;
        match command {
            Command::Inspect(request) => {
                let inspection = inspect(*request, news).await?;
                Ok(Event::Inspection(Box::new(inspection)))
            }
            Command::Adapters => Ok(Event::Adapters(gpu::adapters().await)),
            Command::Measure(request) => {
                let report = measure(*request, news).await?;
                Ok(Event::Report(Box::new(report)))
            }
            Command::Explore(_) => Err(EngineError::NothingKept),
            Command::Bench(request) => {
                let gpu = device(&request.device, news).await?;
                let report = bench(&gpu, &request, news).await?;
                Ok(Event::Bench(Box::new(report)))
            }
        }
    }
}
