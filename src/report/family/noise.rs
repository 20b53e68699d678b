//! How much a number changes by the seed of the training alone.

use serde::{Deserialize, Serialize};

use super::{FamilyResults, Metric};

/// A difference is noise below so many standard deviations of a difference between two seeds.
pub const NOISE_FACTOR: f64 = 2.0;

/// The spread of a metric between seeds, pooled over all settings that were trained more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedNoise {
    /// Name of the metric.
    pub metric: String,
    /// Standard deviation of one run: the root of the summed squared deviations from their setting's
    /// mean over the degrees of freedom.
    pub deviation: f64,
    /// Settings with two seeds or more.
    pub settings: usize,
    /// Runs of these settings.
    pub runs: usize,
}

impl SeedNoise {
    /// Standard deviation of the difference of two runs: a run's, times the root of 2.
    pub fn of_difference(&self) -> f64 {
        self.deviation * std::f64::consts::SQRT_2
    }

    /// Below this a difference is noise.
    pub fn threshold(&self) -> f64 {
        NOISE_FACTOR * self.of_difference()
    }
}

/// The noise of a metric; none where no setting has it from two seeds.
pub fn seed_noise(results: &FamilyResults, metric: &Metric) -> Option<SeedNoise> {
    let family = &results.family;
    let (mut squares, mut settings, mut runs) = (0.0, 0, 0);
    for first in family.first_seeds() {
        let seeds = std::iter::once(first).chain(family.replicates(&first.name));
        let values: Vec<f64> = seeds
            .filter_map(|variant| metric.value(results, variant))
            .collect();
        if values.len() < 2 {
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
