//! A study of checkpoints in pictures: MIR against score, along an axis, layer by layer.

mod all;
#[cfg(feature = "app")]
mod card;
#[cfg(feature = "app")]
mod claims;
mod curves;
mod quantities;
mod scatter;
mod settings;

pub use all::{StudyFigure, study_captioned, study_figures};
#[cfg(feature = "app")]
pub use card::card_figure;
#[cfg(feature = "app")]
pub use claims::{published_figure, topic_figures};
pub use curves::axis_curves;
pub use quantities::score_quantities;
pub use scatter::mir_score;
pub use settings::settings_plot;

use super::{Color, Look, Stroke, compare::stroke};
use crate::study::{Metric, StudyAxis, StudyResults, Variant};
use crate::words::counted;

/// What a plot of a study shows.
#[derive(Clone, Copy, Debug)]
pub struct StudyPlot<'a> {
    /// The study with what was measured of it.
    pub results: &'a StudyResults,
    /// The axis that stands out; none for all variants alike.
    pub axis: Option<&'a StudyAxis>,
    /// The selected variant, by its place in the study.
    pub selected: Option<usize>,
}

impl<'a> StudyPlot<'a> {
    /// The settings of the axis, each with its place in the study; all first seeds without an axis.
    fn settings(&self) -> Vec<(usize, &'a Variant)> {
        let study = &self.results.study;
        let settings: Vec<&Variant> = match self.axis {
            Some(axis) => study.settings(axis).collect(),
            None => study.first_seeds().collect(),
        };
        settings
            .into_iter()
            .filter_map(|it| self.placed(it))
            .collect()
    }

    /// The further seeds of a setting, each with its place in the study.
    fn replicates(&self, first: &'a Variant) -> Vec<(usize, &'a Variant)> {
        let replicates = self.results.study.replicates(&first.name);
        replicates.filter_map(|it| self.placed(it)).collect()
    }

    fn placed(&self, variant: &'a Variant) -> Option<(usize, &'a Variant)> {
        Some((self.results.study.position(&variant.name)?, variant))
    }
}

/// The line of the `index`th of `count` settings: along an order over three hues, every second one dashed; without one in
/// colors and dashes that tell them apart.
fn setting_stroke(look: &Look, ordered: bool, index: usize, count: usize) -> Stroke {
    if !ordered {
        return stroke(look, index);
    }
    let stroke = Stroke::new(2.0, ordered_color(look, index, count));
    match index % 2 {
        0 => stroke,
        _ => stroke.dashed(7.0, 3.0),
    }
}

/// A color on the way from the first of them to the last: over three hues. Neighbours of many
/// differ little: lines are dashed by turns, and discs have their names beside them.
fn ordered_color(look: &Look, index: usize, count: usize) -> Color {
    let [first, middle, last] = look.palette.ordered();
    let way = 2.0 * index as f32 / count.saturating_sub(1).max(1) as f32;
    match way <= 1.0 {
        true => first.mixed(middle, way),
        false => middle.mixed(last, way - 1.0),
    }
}

/// What to say about a variant, in lines.
pub fn variant_tip(results: &StudyResults, variant: &Variant) -> String {
    let mut tip = variant.label.clone();
    let mut add = |metric: &Metric| {
        let Some(value) = metric.value(results, variant) else {
            return;
        };
        tip += &format!("\n{} {}", metric.title(), metric.text(value));
        if let (Some(score), true) = (metric.score(variant), metric.is_share()) {
            tip += &format!(" ({:.1} to {:.1})", 100.0 * score.low, 100.0 * score.high);
        }
    };
    Metric::TABLE.iter().for_each(&mut add);
    for shots in variant.scores.few_shot.keys() {
        add(&Metric::FewShot(shots.clone()));
    }
    tip += &format!(
        "\n{}, {}, seed {}",
        counted(variant.samples as usize, "sample"),
        counted(variant.image_tokens, "image token"),
        variant.seed
    );
    tip
}

/// Where a study's numbers come from, for the captions of a figure.
pub fn study_origin(results: &StudyResults) -> String {
    let settings = results.settings;
    format!(
        "Definition exact, text mask {}, at most {} never trained on, seed {}; {}; mirscope {}.",
        settings.text_mask,
        counted(settings.num_pairs, "pair"),
        settings.seed,
        results.devices().join("; "),
        results.mirscope_version
    )
}
