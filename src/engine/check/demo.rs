//! The demo's measurement against its recorded report.

use crate::{
    engine::{
        DeviceSettings, EngineError, MeasureRequest, MeasureSettings, ModelSource, PairSource,
        Session, news::News,
    },
    platform::demo_files,
    report::{DemoLine, Report},
};

/// What a layer's distance or norm ratio may differ by from one adapter to another, relatively.
const BOUND: f64 = 1e-4;

const RECORDED: &str = "report.json";

/// Measures the demo as it is by default.
///
/// # Errors
/// [`EngineError::Cancelled`]; everything else is told in the line.
pub(super) async fn check(
    session: &mut Session,
    device: DeviceSettings,
    news: &mut News<'_>,
) -> Result<DemoLine, EngineError> {
    let failed = |failure: String| DemoLine {
        mir: None,
        recorded: None,
        error: None,
        bound: BOUND,
        failure: Some(failure),
        ok: false,
    };
    let recorded = match recorded().await {
        Ok(recorded) => recorded,
        Err(error) => return Ok(failed(error.to_string())),
    };
    let request = MeasureRequest {
        model: ModelSource::Demo { connector: None },
        pairs: PairSource::Demo,
        device,
        settings: MeasureSettings::default(),
        keep: false,
    };
    let outcome = session.measure(request, news).await;
    session.forget();
    let found = match outcome {
        Ok(found) => found,
        Err(EngineError::Cancelled) => return Err(EngineError::Cancelled),
        Err(error) => return Ok(failed(error.to_string())),
    };
    let error = largest_difference(&found, &recorded);
    Ok(DemoLine {
        mir: found.mir,
        recorded: recorded.mir,
        error: Some(error).filter(|error| error.is_finite()),
        bound: BOUND,
        failure: None,
        ok: error <= BOUND,
    })
}

async fn recorded() -> Result<Report, EngineError> {
    let files = demo_files(|path| path == RECORDED, |_, _| {}).await?;
    let file = files.first().ok_or(EngineError::NoDemo)?;
    let wrong = |reason: String| EngineError::Demo {
        file: RECORDED.to_owned(),
        reason,
    };
    let text = std::str::from_utf8(&file.bytes).map_err(|error| wrong(error.to_string()))?;
    crate::report::parse(text, RECORDED).map_err(|error| wrong(error.to_string()))
}

/// Infinite where the layers are not the same ones.
fn largest_difference(found: &Report, recorded: &Report) -> f64 {
    if found.layers.len() != recorded.layers.len() || found.tokens() != recorded.tokens() {
        return f64::INFINITY;
    }
    let relative = |found: f64, recorded: f64| match (found - recorded).abs() / recorded.abs() {
        error if error.is_nan() => f64::INFINITY,
        error => error,
    };
    let layers = found.layers.iter().zip(&recorded.layers);
    layers
        .map(|(found, recorded)| {
            let ratio = match (found.norm_ratio(), recorded.norm_ratio()) {
                (Some(found), Some(recorded)) => relative(found, recorded),
                _ => f64::INFINITY,
            };
            relative(found.frechet, recorded.frechet).max(ratio)
        })
        .fold(0.0, f64::max)
}
