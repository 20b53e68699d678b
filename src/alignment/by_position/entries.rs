//! What is told of a position, and how it moves with the weight of each pair.

use std::ops::Range;

use super::{ByPosition, Tokens};
use crate::{
    alignment::{
        frechet::dot,
        metric::{enter_derivatives, mean_over_states},
    },
    report::{MetricReport, basis_of_tokens},
};

/// Sums that were read.
pub(super) struct Part<'a> {
    pub(super) tokens: Tokens,
    /// `[layers, hidden_size]`, row by row.
    pub(super) units: &'a [f32],
    /// One a layer.
    pub(super) norms: &'a [f32],
}

impl Part<'_> {
    fn count(&self) -> f64 {
        self.tokens.count as f64
    }
}

/// The sums of a modality at a position.
pub(super) struct Side<'a> {
    pub(super) parts: Vec<&'a Part<'a>>,
}

impl Side<'_> {
    fn count(&self) -> f64 {
        self.parts.iter().map(|it| it.count()).sum()
    }

    /// The mean norm at a layer.
    fn norm(&self, layer: usize) -> f64 {
        let sum: f64 = self.parts.iter().map(|it| f64::from(it.norms[layer])).sum();
        sum / self.count()
    }

    /// The mean of the unit vectors at a layer, whose values are there.
    fn direction(&self, own: Range<usize>) -> Vec<f64> {
        let mut sums = vec![0.0; own.len()];
        for part in &self.parts {
            let values = sums.iter_mut().zip(&part.units[own.clone()]);
            values.for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let count = self.count();
        sums.iter().map(|sum| sum / count).collect()
    }
}

impl ByPosition {
    /// What is told of a position, counted from 1, from the sums of vision and text.
    pub(super) fn entries(&self, position: usize, sides: &[Side<'_>; 2]) -> [MetricReport; 2] {
        let (layers, width) = (self.layers, self.hidden_size);
        // The pairs that show it, and where the derivatives go.
        let pairs: Vec<usize> = sides[0].parts.iter().map(|it| it.tokens.pair).collect();
        let counts = sides.each_ref().map(Side::count);
        let by_pair = |of: &dyn Fn(usize, &Part<'_>) -> f64| -> Vec<f64> {
            if self.apart.is_none() {
                return Vec::new();
            }
            let mut moved = vec![0.0; pairs.len()];
            for (side, own) in sides.iter().enumerate() {
                for part in &own.parts {
                    if let Ok(place) = pairs.binary_search(&part.tokens.pair) {
                        moved[place] += of(side, part);
                    }
                }
            }
            moved
        };
        let (mut ratios, mut gaps) = (Vec::new(), Vec::new());
        let (mut of_ratios, mut of_gaps) = (Vec::new(), Vec::new());
        for layer in 0..layers {
            let norms = [0, 1].map(|side: usize| sides[side].norm(layer));
            let ratio = norms[0] / norms[1];
            ratios.push(ratio.is_finite().then_some(ratio));
            of_ratios.push(by_pair(&|side, part| {
                let moved = f64::from(part.norms[layer]) - part.count() * norms[side];
                let share = moved / counts[side] / norms[side];
                if side == 0 {
                    ratio * share
                } else {
                    -ratio * share
                }
            }));
            let own = layer * width..(layer + 1) * width;
            let means = [0, 1].map(|side: usize| sides[side].direction(own.clone()));
            let apart: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| a - b).collect();
            let gap = apart.iter().map(|x| x * x).sum::<f64>().sqrt();
            gaps.push(gap.is_finite().then_some(gap));
            let along: Vec<f64> = apart.iter().map(|x| x / gap).collect();
            let of_means = means.map(|mean| dot(&mean, &along));
            of_gaps.push(by_pair(&|side, part| {
                let sum: f64 = (part.units[own.clone()].iter().zip(&along))
                    .map(|(&x, along)| f64::from(x) * along)
                    .sum();
                let moved = (sum - part.count() * of_means[side]) / counts[side];
                if side == 0 { moved } else { -moved }
            }));
        }
        let basis = basis_of_tokens(counts.map(|count| count as usize));
        let place = match position {
            1 => "first image".to_owned(),
            2 => "second image".to_owned(),
            3 => "third image".to_owned(),
            more => format!("{more}th image"),
        };
        let entry = |id: &str, label: &str, about: &str, values, moved: &[Vec<f64>]| {
            let words = [
                &format!("{id}-image-{position}"),
                &format!("{label}, {place}"),
                &*format!(
                    "{about} of the {place} of each prompt, against all text tokens of the prompts that show one there."
                ),
            ];
            let words = words.map(|word| word as &str);
            let mut entry = mean_over_states(words, values, layers, basis.clone());
            enter_derivatives(&mut entry, moved);
            if !entry.by_pair.is_empty() {
                // The other pairs move nothing.
                let mut all = vec![0.0; self.pushed];
                for (&pair, moved) in pairs.iter().zip(&entry.by_pair) {
                    all[pair] = *moved;
                }
                entry.by_pair = all;
            }
            entry
        };
        [
            entry(
                "norm-ratio",
                "norm ratio",
                "Mean length of the vision tokens over that of the text tokens,",
                ratios,
                &of_ratios,
            ),
            entry(
                "centroid-gap",
                "centroid gap",
                "Distance between the mean directions of the two modalities, 0 to 2,",
                gaps,
                &of_gaps,
            ),
        ]
    }
}
