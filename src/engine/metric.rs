//! The metric of states that have been taken.

use super::{EngineError, Stage, forward::State, news::News, session::kept::KeptRows};
use crate::{
    alignment::{Mir, MirResult, MirSettings, effective_ranks as rank_entries},
    gpu::{Gpu, Recording},
    report::{LayerReport, MetricReport, shortened},
};

/// What its progress counts.
pub(super) const UNIT: &str = "layers";

/// The metric over kept tokens, which stay as they are.
///
/// # Errors
/// As [`Mir::new`], and what the device reports.
pub(super) async fn of_kept(
    gpu: &Gpu,
    settings: MirSettings,
    kept: &KeptRows,
    budget: Option<u64>,
) -> Result<Mir, EngineError> {
    let states = kept.states.get(1..).unwrap_or_default();
    let width = states.first().map_or(0, crate::gpu::Tensor::cols);
    let [vision, text] = &kept.rows;
    let tokens = [vision.len(), text.len()];
    let layers = states.len();
    let mut mir = Mir::new(gpu, settings, layers, width, tokens[0], tokens[1], budget)?;
    let mut recording = Recording::new();
    mir.push(&mut recording, states, vision, text)?;
    gpu.run(&recording).await?;
    Ok(mir)
}

/// Computes the distance of each layer, telling the progress of [`Stage::Metric`].
///
/// # Errors
/// As [`Mir::finish`].
pub(super) async fn finish(mir: Mir, news: &mut News<'_>) -> Result<MirResult, EngineError> {
    let cancel = news.cancel;
    let result = mir
        .finish(cancel, &mut |done, layers| {
            let detail = match done < layers {
                true => format!("layer {} of {layers}", done + 1),
                false => String::new(),
            };
            news.progress_at(Stage::Metric, done as u64, layers as u64, UNIT, detail);
        })
        .await?;
    Ok(result)
}

/// Enters the intervals into a report's quantities, whose states are the layers.
pub(super) fn enter_intervals(metrics: &mut [MetricReport], result: &MirResult) {
    for found in result.intervals() {
        let Some(metric) = metrics.iter_mut().find(|metric| metric.id == found.id) else {
            continue;
        };
        metric.interval = found.overall;
        metric.by_pair = found.by_pair.into_iter().map(shortened).collect();
        for (state, interval) in metric.per_state.iter_mut().zip(found.per_layer) {
            state.interval = interval;
        }
    }
}

/// The layers of a report.
pub(super) fn layers(result: &MirResult, states: &[State]) -> Vec<LayerReport> {
    (1..)
        .zip(result.layers.iter().zip(states))
        .map(|(layer, (distance, state))| distance.report(layer, state.name()))
        .collect()
}

/// The entries of the effective ranks, where they were asked for.
pub(super) fn effective_ranks(result: &MirResult, states: &[State]) -> Vec<MetricReport> {
    let names: Vec<String> = states.iter().map(State::name).collect();
    rank_entries(&result.layers, &names)
}
