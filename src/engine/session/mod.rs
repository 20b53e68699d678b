//! The engine itself, and what it keeps from one command to the next.

mod device;
mod explore;
mod kept;
mod loaded;
mod look;
mod pair_view;
mod projection;
mod what_if;

pub(super) use device::{grant, open_device, request as request_device};
pub(super) use kept::{KeptRows, KeptStates, Room};
pub(super) use loaded::Loaded;
pub(super) use look::{Look, Looked, attention_row};

use std::{
    cell::{Cell, OnceCell},
    fmt,
    sync::Arc,
};

use super::{
    Command, EngineError, Event,
    ask::Talk,
    bench::{bench, record},
    demo,
    forward::State,
    hub,
    inspect::inspect,
    news::News,
    prepare::Prepared,
};
use crate::{
    alignment::Plane,
    gpu,
    platform::Cancel,
    report::{Definition, TextMask},
};
use device::Device;

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

/// An engine that carries out one command after the other, and keeps what a measurement was asked to
/// keep for the questions that follow.
///
/// The device stays as long as the same one is asked for, so that nothing is compiled or tested twice.
/// After an error that leaves the device unusable everything is given up, and the next command starts
/// anew.
#[derive(Default)]
pub struct Session {
    /// The device of the last measurement.
    pub(super) device: Option<Device>,
    /// The model on it, where the last measurement was asked to keep it.
    pub(super) loaded: Option<Arc<Loaded>>,
    /// What else it was asked to keep.
    pub(super) live: Option<LiveRun>,
    /// The conversation with the model.
    pub(super) talk: Option<Talk>,
}

/// What a measurement leaves for the questions that follow.
pub(super) struct LiveRun {
    /// The pairs, in the order of the run.
    pub(super) prepared: Vec<Prepared>,
    /// The run's definition.
    pub(super) definition: Definition,
    /// The run's text mask.
    pub(super) text_mask: TextMask,
    /// The states that were measured: 1 to L.
    pub(super) states: Vec<State>,
    /// The tokens of all pairs at all states, or why they are not kept.
    pub(super) kept: Result<KeptStates, String>,
    /// Device memory that metric and kept states may take together.
    pub(super) budget: Option<u64>,
    /// The axes of all states together, once they were asked for.
    pub(super) shared_plane: OnceCell<Plane>,
    /// The pair that was looked at last.
    pub(super) looked: Cell<Option<Looked>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.live.as_ref().map(|live| live.prepared.len());
        formatter
            .debug_struct("Session")
            .field("device", &self.device.as_ref().map(|device| &device.gpu))
            .field("model", &self.loaded.is_some())
            .field("pairs", &kept)
            .finish()
    }
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
            Command::Check(request) => {
                let report = self.check(*request, news).await?;
                Ok(Event::Check(Box::new(report)))
            }
        }
    }

    /// Gives up everything that is kept, the device last.
    pub(super) fn forget(&mut self) {
        self.live = None;
        self.talk = None;
        self.loaded = None;
        self.device = None;
    }
}
