//! Whether the adapter at hand computes rightly: kernels, whole models, the demo.

mod against;
mod demo;
mod golden;
mod golden_input;

use web_time::Instant;

use super::{
    CheckRequest, DeviceSettings, EngineError, KernelChoice, Session, Stage, news::News,
    session::device::request as request_device,
};
use crate::{
    check::{KERNELS, check_kernel},
    gpu::{Gpu, GpuError, KernelVariant},
    report::{CHECK_SCHEMA, CheckReport, KernelLine},
};

/// What its progress counts.
const UNIT: &str = "checks";

impl Session {
    /// Checks what `request` asks for. What is wrong, or cannot be run, is a line of the report.
    ///
    /// # Errors
    /// There is no such device; [`EngineError::Cancelled`].
    pub(super) async fn check(
        &mut self,
        request: CheckRequest,
        news: &mut News<'_>,
    ) -> Result<CheckReport, EngineError> {
        let start = Instant::now();
        self.forget();
        // It is about one adapter, whatever is wrong with it: none is passed over.
        let device = DeviceSettings {
            adapter: request.device.adapter.or_else(|| Some("0".to_owned())),
            ..request.device
        };
        let (gpu, notes) = request_device(&device).await?;
        let device = DeviceSettings {
            adapter: Some(gpu.number().to_string()),
            ..device
        };
        let mut report = CheckReport {
            schema: CHECK_SCHEMA,
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: gpu.grant(),
            kernels: Vec::new(),
            states: Vec::new(),
            demo: None,
            left_out: Vec::new(),
            ok: false,
            seconds: 0.0,
        };
        if let Some(against) = request.against {
            drop(gpu);
            news.begin(Stage::Device, 0, UNIT)?;
            news.note_all(notes);
            let tell = |news: &mut News<'_>, what: String| {
                news.progress_at(Stage::Device, 0, 0, UNIT, what);
                news.check()
            };
            report.states = against::check(&device, against, news, tell).await?;
            report.ok = report.states.iter().all(|line| line.ok);
            report.seconds = start.elapsed().as_secs_f64();
            news.end();
            return Ok(report);
        }
        let own = gpu.kernels();
        let mut variants = vec![own];
        if device.kernel == KernelChoice::Auto {
            variants.push(match own {
                KernelVariant::Tiled => KernelVariant::Direct,
                KernelVariant::Direct => KernelVariant::Tiled,
            });
        }
        let mut cases = match &request.golden {
            Some(folder) => golden::cases(folder)?,
            None => Vec::new(),
        };
        cases.extend(request.cases.into_iter().map(golden::Case::handed_over));
        let total = (variants.len() * KERNELS.len() + cases.len() + 1) as u64;
        news.begin(Stage::Device, total, UNIT)?;
        news.note_all(notes);
        drop(gpu);
        if request.states_only {
            variants.clear();
            report.left_out.push("the kernels: as asked for".to_owned());
        }
        for variant in variants {
            kernels(&device, variant, &mut report, news, total).await?;
        }
        let mut kept = None;
        for case in &cases {
            tell(&report, news, total, format!("states of {}", case.name))?;
            let line = golden::check(&device, &mut kept, case, news).await?;
            report.states.push(line);
        }
        if cases.is_empty() {
            let why = "states of whole models: --golden names the folder that holds them";
            report.left_out.push(why.to_owned());
        }
        if request.kernels_only || request.states_only {
            report.left_out.push("the demo: as asked for".to_owned());
        } else {
            report.demo = Some(demo::check(self, device, news).await?);
        }
        report.ok = report.kernels.iter().all(|line| line.ok)
            && report.states.iter().all(|line| line.ok)
            && report.demo.as_ref().is_none_or(|demo| demo.ok);
        report.seconds = start.elapsed().as_secs_f64();
        news.end();
        Ok(report)
    }
}

/// Tells what is begun.
fn tell(
    report: &CheckReport,
    news: &mut News<'_>,
    total: u64,
    what: String,
) -> Result<(), EngineError> {
    let done = report.kernels.len() + report.states.len();
    news.progress_at(Stage::Device, done as u64, total, UNIT, what);
    news.check()
}

/// All kernels in one variant; a device that comes to grief is replaced.
async fn kernels(
    settings: &DeviceSettings,
    variant: KernelVariant,
    report: &mut CheckReport,
    news: &mut News<'_>,
    total: u64,
) -> Result<(), EngineError> {
    let settings = DeviceSettings {
        kernel: match variant {
            KernelVariant::Tiled => KernelChoice::Tiled,
            KernelVariant::Direct => KernelChoice::Direct,
        },
        ..settings.clone()
    };
    let mut gpu: Option<Gpu> = None;
    for check in &KERNELS {
        let what = format!("{}, {}", check.kernel, variant.name());
        tell(report, news, total, what)?;
        let outcome = match gpu.take() {
            Some(gpu) => Ok(gpu),
            None => request_device(&settings).await.map(|(gpu, _)| gpu),
        };
        let outcome = match outcome {
            Ok(device) => {
                let outcome = check_kernel(&device, check).await;
                // A device without memory, or one that was lost, is no measure of what follows.
                if !outcome.as_ref().is_err_and(GpuError::ends_device) {
                    gpu = Some(device);
                }
                outcome
            }
            Err(error) => Err(error),
        };
        report
            .kernels
            .push(outcome.unwrap_or_else(|error| KernelLine {
                kernel: check.kernel.to_owned(),
                variant: variant.name().to_owned(),
                cases: 0,
                error: None,
                bound: 0.0,
                worst: String::new(),
                failure: Some(error.to_string()),
                ok: false,
            }));
    }
    Ok(())
}
