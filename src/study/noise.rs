//! How much a number changes by the seed of the training alone.

use serde::{Deserialize, Serialize};

use super::{Metric, StudyResults, Variant};
use crate::report::student;

/// The spread of a metric between seeds, pooled over all settings that were trained more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedNoise {
    /// Name of the metric.
    pub metric: String,
    /// Standard deviation of one run: the root of the summed squared deviations from their setting's
    /// mean over the degrees of freedom.
    pub deviation: f64,
    /// Settings with two seeds or more that differ.
    pub settings: usize,
    /// Runs of these settings.
    pub runs: usize,
}

impl SeedNoise {
    /// Standard deviation of the difference of two runs: a run's, times the root of 2.
    pub fn of_difference(&self) -> f64 {
        self.deviation * std::f64::consts::SQRT_2
    }

    /// Degrees of freedom of the deviation.
    pub fn freedom(&self) -> usize {
        self.runs.saturating_sub(self.settings)
    }

    /// Below this a difference of two runs is noise: the difference of two that differ by their seed alone
    /// exceeds it once in 20 times.
    pub fn threshold(&self) -> f64 {
        self.quantile() * self.of_difference()
    }

    /// How far from the mean of `runs` runs another seed's run of the setting lies at most, 19 times in 20.
    pub fn reach(&self, runs: usize) -> f64 {
        self.quantile() * self.deviation * (1.0 + 1.0 / runs.max(1) as f64).sqrt()
    }

    /// The 97.5 % quantile of Student's t for the degrees of freedom.
    fn quantile(&self) -> f64 {
        student(self.freedom())
    }
}

/// The noise of a metric; none where no setting has it from two seeds with different outcomes.
///
/// Of a long run's snapshots the last one counts: the others are the same run. Scores that are at chance
/// from all seeds tell how guesses differ, and do not count.
pub fn seed_noise(results: &StudyResults, metric: &Metric) -> Option<SeedNoise> {
    let study = &results.study;
    let (mut squares, mut settings, mut runs) = (0.0, 0, 0);
    for first in study.first_trainings() {
        let seeds = std::iter::once(first).chain(study.replicates(&first.name));
        let seeds: Vec<&Variant> = seeds.collect();
        let at_chance = |it: &&Variant| results.is_above_chance(metric, it) == Some(false);
        if seeds.iter().all(at_chance) {
            continue;
        }
        let values = seeds.iter().filter_map(|it| metric.value(results, it));
        let values: Vec<f64> = values.collect();
        // Equal to the last digit: the seed does not reach the metric here, as that of a connector does not
        // reach text without images. That says nothing about where it does.
        if values.windows(2).all(|pair| pair[0] == pair[1]) {
            continue;
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        squares += values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>();
        settings += 1;
        runs += values.len();
    }
    (settings > 0).then(|| SeedNoise {
        metric: metric.name(),
        deviation: (squares / (runs - settings) as f64).sqrt(),
        settings,
        runs,
    })
}
