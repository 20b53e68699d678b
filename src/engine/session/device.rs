//! The device, opened once for as long as the same one is asked for.

use super::{
    super::{DeviceSettings, EngineError, KernelChoice, Stage, news::News},
    Session,
};
use crate::{
    check::{choose_decoding, self_test},
    gpu::{Gpu, GpuError, GpuOptions, KernelVariant, LimitTier},
    report::DeviceGrant,
};

const UNIT: &str = "device";

/// A device and what was asked for when it was opened.
pub(in crate::engine) struct Device {
    settings: DeviceSettings,
    /// The device.
    pub(in crate::engine) gpu: Gpu,
    /// What is to be said of its choice, in each report.
    notes: Vec<String>,
}

fn options(settings: &DeviceSettings) -> GpuOptions {
    GpuOptions {
        adapter: settings.adapter.clone(),
        kernels: match settings.kernel {
            KernelChoice::Auto => None,
            KernelChoice::Tiled => Some(KernelVariant::Tiled),
            KernelChoice::Direct => Some(KernelVariant::Direct),
        },
        limits: match settings.webgpu_limits {
            true => LimitTier::WebGpuDefault,
            false => LimitTier::Adapter,
        },
        ..GpuOptions::default()
    }
}

/// Requests the device, which may still compute wrongly, with notes about the choice.
pub(in crate::engine) async fn request(
    settings: &DeviceSettings,
) -> Result<(Gpu, Vec<String>), GpuError> {
    // Whether it decodes rightly in the end is for whoever asks to find out.
    Gpu::request_tested(&options(settings), async |gpu| {
        match choose_decoding(gpu).await {
            Err(GpuError::SelfTest { .. }) => Ok(()),
            outcome => outcome,
        }
    })
    .await
}

/// What the adapter grants that is tried first and opens, with notes about the choice.
pub(in crate::engine) async fn grant(
    settings: &DeviceSettings,
) -> Result<(DeviceGrant, Vec<String>), GpuError> {
    let (gpu, notes) = Gpu::request_tested(&options(settings), async |_| Ok(())).await?;
    Ok((gpu.grant(), notes))
}

/// Requests the device and lets it prove that it computes correctly. Adapters that nobody asked for and
/// that fail are passed over, which the notes say.
pub(in crate::engine) async fn open_device(
    settings: &DeviceSettings,
    news: &mut News<'_>,
) -> Result<(Gpu, Vec<String>), EngineError> {
    news.begin(Stage::Device, 1, UNIT)?;
    let (gpu, notes) = Gpu::request_tested(&options(settings), self_test).await?;
    news.note_all(notes.iter().cloned());
    news.progress(Stage::Device, 1, 1, UNIT);
    Ok((gpu, notes))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{
            Command, Event, Explore, MeasureRequest, MeasureSettings, ModelSource, PairSource,
        },
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
        let first = last(&mut session, measure());
        if !matches!(first, Event::Report(_)) {
            assert!(matches!(last(&mut session, measure()), Event::Report(_)));
        }
    }
}
