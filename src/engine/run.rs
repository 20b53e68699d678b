//! Carries out commands.

use super::{
    Command, EngineError, Event, Session,
    bench::{bench, passes, record},
    demo, hub,
    inspect::inspect,
    news::News,
    session::device::open_device,
};
use crate::{gpu, platform::Cancel};

/// Carries out one `command` in a [`Session`] of its own.
///
/// As [`Session::run`].
pub async fn run(command: Command, cancel: &Cancel, emit: &mut dyn FnMut(Event)) {
    let mut session = Session::default();
    let last = session
        .carry_out(command, &mut News::new(cancel, emit))
        .await;
    // A program may end with the last event, and a driver must not be taken down while it does.
    drop(session);
    emit(last);
}

impl Session {
    /// Carries out `command`, telling `emit` the news; the last event is one for which
    /// [`Event::is_last`] holds.
    ///
    /// Works on a native thread (see [`super::spawn`]) and in a dedicated Worker alike: it awaits the
    /// device instead of blocking and lets the event loop run in between, so that a cancel message
    /// gets through. `cancel` takes effect between two submissions, well within a second.
    pub async fn run(&mut self, command: Command, cancel: &Cancel, emit: &mut dyn FnMut(Event)) {
        let last = self.carry_out(command, &mut News::new(cancel, emit)).await;
        emit(last);
    }

    /// Carries out `command` and returns its last event.
    async fn carry_out(&mut self, command: Command, news: &mut News<'_>) -> Event {
        let outcome = self.dispatch(command, news).await;
        if let Err(EngineError::Gpu(error)) = &outcome
            && error.ends_device()
        {
            self.forget();
        }
        match outcome {
            Ok(event) => event,
            Err(EngineError::Cancelled) => Event::Cancelled,
            Err(error) => Event::Failed(error.to_string()),
        }
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
            Command::Plan(model) => {
                let plan = hub::plan(&model, news).await?;
                Ok(Event::Plan(Box::new(plan)))
            }
            Command::DemoPairs(most) => Ok(Event::DemoPairs(demo::first_pairs(most).await?)),
            Command::Adapters => Ok(Event::Adapters(gpu::adapters().await)),
            Command::Measure(request) => {
                let report = self.measure(*request, news).await?;
                Ok(Event::Report(Box::new(report)))
            }
            Command::MeasureStates(request) => {
                let report = self.measure_states(*request, news).await?;
                Ok(Event::Report(Box::new(report)))
            }
            Command::Shard(request) => {
                let summary = self.measure_shard(*request, news).await?;
                Ok(Event::Shard(Box::new(summary)))
            }
            Command::Merge(request) => {
                let report = self.merge(*request, news).await?;
                Ok(Event::Report(Box::new(report)))
            }
            Command::Ask(request) => {
                let answer = self.ask(*request, news).await?;
                Ok(Event::Answer(Box::new(answer)))
            }
            Command::Explore(question) => self.explore(question, news).await,
            Command::Study(request) => {
                self.study(*request, news).await?;
                Ok(Event::Study)
            }
            Command::Bench(request) => {
                // A device of its own: what is kept would count as the peak of what is timed.
                let (gpu, _) = open_device(&request.device, news).await?;
                let report = bench(&gpu, &request, news).await?;
                Ok(Event::Bench(Box::new(report)))
            }
            Command::Record(request) => {
                let (gpu, _) = open_device(&request.device, news).await?;
                let record = record(&gpu, &request, news).await?;
                Ok(Event::Record(Box::new(record)))
            }
            Command::Passes(request) => {
                let (gpu, _) = open_device(&request.device, news).await?;
                let times = passes(&gpu, *request, news).await?;
                Ok(Event::Passes(Box::new(times)))
            }
            Command::Check(request) => {
                let report = self.check(*request, news).await?;
                Ok(Event::Check(Box::new(report)))
            }
        }
    }
}
