//! From distances to a report, whoever gave the states.

use super::{
    Extra, MeasureSettings, definitions, forward::State, metric, news::News, samples::Samples,
};
use crate::{
    alignment::MirResult,
    gpu::Gpu,
    report::{
        DataSummary, MetricReport, ModelSummary, Outliers, Report, SCHEMA, TextMask, of_layers,
    },
};

/// What was measured.
pub(super) struct Outcome<'a> {
    /// Of all states.
    pub(super) everything: &'a MirResult,
    /// Those of the definition, which are `own`, then those of [`definitions::further`].
    pub(super) states: &'a [State],
    pub(super) own: usize,
    /// The rate of fewer pairs.
    pub(super) sampled: Option<Samples>,
    /// What the other metrics gave.
    pub(super) others: Vec<MetricReport>,
}

impl Outcome<'_> {
    /// The report, which takes the notes and timings of `news`.
    pub(super) fn report(
        self,
        settings: &MeasureSettings,
        (model, data): (ModelSummary, DataSummary),
        gpu: &Gpu,
        news: &mut News<'_>,
    ) -> Report {
        let Self {
            everything,
            states,
            own,
            sampled,
            others,
        } = self;
        let definition = settings.definition;
        let places = definitions::places(definition, definition, own);
        let result = everything.taken(&places, definition);
        let layers = metric::layers(&result, states);
        let mut metrics = of_layers(definition, &layers);
        metric::enter_intervals(&mut metrics, &result);
        if settings.also.contains(&Extra::Definitions) {
            let is_official =
                settings.text_mask == TextMask::Official && settings.outliers == Outliers::Replace;
            let by = (definition, is_official);
            metrics.extend(definitions::entries(everything, states, by, own));
        }
        let all = (data.num_pairs, result.mir);
        let samples = sampled.map(|it| it.enter(definition, &layers, all, &mut metrics));
        let own = &states[..own.min(states.len())];
        metrics.extend(metric::effective_ranks(&result, own));
        metrics.extend(others);
        Report {
            schema: SCHEMA,
            mir: result.mir,
            norm_matched_mir: result.norm_matched_mir,
            definition,
            text_mask: settings.text_mask,
            outliers: settings.outliers,
            layers,
            metrics,
            samples: samples.unwrap_or_default(),
            model,
            data,
            device: gpu.summary(),
            timings: std::mem::take(&mut news.timings),
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            notes: std::mem::take(&mut news.notes),
        }
    }
}
