//! What the engine keeps from one command to the next.

pub(super) mod device;
mod explore;
pub(super) mod kept;
pub(super) mod loaded;
pub(super) mod look;
mod pair_view;
mod path;
mod projection;
mod what_if;

use std::{
    cell::{Cell, OnceCell},
    fmt,
    sync::Arc,
};

use super::{
    DeviceSettings, EngineError, ModelSource, Stage,
    ask::talk::Talk,
    forward::State,
    hub,
    news::{MIB, News},
    prepare::Prepared,
};
use crate::{
    alignment::Plane,
    gpu::Gpu,
    report::{Definition, Outliers, TextMask},
};
use device::{Device, UNIT, open_device};
use kept::KeptStates;
use loaded::{Loaded, Origin, load};
use look::Looked;

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
    /// The run's rule for outliers.
    pub(super) outliers: Outliers,
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
    /// The device with these settings: the one at hand, unless it is another one or came to grief.
    pub(in crate::engine) async fn device(
        &mut self,
        settings: &DeviceSettings,
        news: &mut News<'_>,
    ) -> Result<Gpu, EngineError> {
        if let Some(device) = &self.device
            && device.settings == *settings
            && device.gpu.check_health().is_ok()
        {
            news.begin(Stage::Device, 1, UNIT)?;
            let detail = "as before".to_owned();
            news.note_all(device.notes.iter().cloned());
            news.progress_at(Stage::Device, 1, 1, UNIT, detail);
            return Ok(device.gpu.clone());
        }
        // First the memory of the old one.
        self.forget();
        let (gpu, notes) = open_device(settings, news).await?;
        self.device = Some(Device {
            settings: settings.clone(),
            gpu: gpu.clone(),
            notes,
        });
        Ok(gpu)
    }

    /// The checkpoint on the device: the one at hand, unless it is another one. With `sees`, one without a
    /// vision tower is refused before it is loaded.
    pub(in crate::engine) async fn model(
        &mut self,
        gpu: &Gpu,
        source: ModelSource,
        sees: bool,
        news: &mut News<'_>,
    ) -> Result<Arc<Loaded>, EngineError> {
        let source = hub::local(source, news).await?;
        let origin = Origin::of(&source);
        if let Some(loaded) = &self.loaded
            && origin.is_some()
            && loaded.origin == origin
        {
            if sees {
                loaded.vlm.spec().vision()?;
            }
            news.begin(Stage::Load, 1, MIB)?;
            news.progress_at(Stage::Load, 1, 1, MIB, "as before".to_owned());
            return Ok(loaded.clone());
        }
        // Both at once might not fit.
        self.loaded = None;
        self.live = None;
        self.talk = None;
        gpu.trim();
        Ok(Arc::new(load(gpu, source, origin, sees, news).await?))
    }

    /// Gives up everything that is kept, the device last.
    pub(super) fn forget(&mut self) {
        self.live = None;
        self.talk = None;
        self.loaded = None;
        self.device = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Command, Event, Explore, MeasureRequest, MeasureSettings, PairSource},
        platform::{Cancel, native::block_on},
        report::WhatIfSettings,
    };

    fn last(session: &mut Session, command: Command) -> Event {
        let mut last = None;
        let cancel = Cancel::default();
        block_on(session.run(command, &cancel, &mut |event| last = Some(event)));
        last.unwrap()
    }

    fn measure() -> Command {
        Command::Measure(Box::new(MeasureRequest {
            model: ModelSource::Demo { connector: None },
            pairs: PairSource::Demo,
            device: DeviceSettings::default(),
            settings: MeasureSettings {
                num_pairs: Some(2),
                ..MeasureSettings::default()
            },
            keep: true,
        }))
    }

    #[test]
    fn a_lost_device_is_told_and_replaced() {
        let mut session = Session::default();
        let question = || Command::Explore(Explore::WhatIf(WhatIfSettings::default()));
        assert!(matches!(last(&mut session, measure()), Event::Report(_)));
        assert!(matches!(last(&mut session, question()), Event::WhatIf(_)));

        session.device.as_ref().unwrap().gpu.destroy();
        let Event::Failed(reason) = last(&mut session, question()) else {
            panic!("a device that is gone cannot answer");
        };
        assert!(!reason.is_empty());
        assert!(session.device.is_none() && session.live.is_none());
        assert!(session.loaded.is_none());

        // No restart is needed, whether the loss is found out by a question or by a measurement.
        assert!(matches!(last(&mut session, measure()), Event::Report(_)));
        session.device.as_ref().unwrap().gpu.destroy();
        assert!(matches!(last(&mut session, measure()), Event::Report(_)));
    }
}
