//! The medians of several parts, each of which has counted its values in bins of its own.
//!
//! The median of a dimension is where the counts of all parts, each interpolated within its bins, reach the middle. It lies
//! between the medians of the parts.

use super::{
    BINS,
    layout::{edges, median},
    saved::{Part, SavedSums},
};
use crate::kernels::matmul::Packed;

/// Steps of the search for a median: each halves where it may lie.
const HALVINGS: usize = 60;

/// The median of each dimension, in the units of the states; none where one lies beyond the bins of a part.
pub(super) fn medians(parts: &[SavedSums], width: usize) -> Option<Vec<f64>> {
    let half = Packed { side: width };
    let of = |col: usize| {
        let own = parts.iter().map(|part| {
            let varies = part.part(Part::High)[half.index(col, col)] > 0.0;
            Counts::new(part, width, col, varies)
        });
        middle(&own.collect::<Option<Vec<_>>>()?)
    };
    (0..width).map(of).collect()
}

/// How the values of a column of a part lie.
struct Counts {
    center: f64,
    inverse: f64,
    median: f64,
    /// Values below each bin, and all of them.
    below: Vec<f64>,
}

impl Counts {
    /// None where the part's own median lies beyond its bins.
    fn new(part: &SavedSums, width: usize, col: usize, varies: bool) -> Option<Self> {
        let [bins, medians, inverse] =
            [Part::Bins, Part::Medians, Part::Inverse].map(|own| part.part(own));
        let (center, inverse) = (*medians.get(col)?, *inverse.get(col)?);
        let mut below = vec![0.0];
        let mut all = 0.0;
        for bin in 0..BINS {
            all += f64::from(bins[bin * width + col]);
            below.push(all);
        }
        Some(Self {
            center: f64::from(center),
            inverse: f64::from(inverse),
            median: median(bins, width, col, [center, inverse], varies)?,
            below,
        })
    }

    fn all(&self) -> f64 {
        self.below.last().copied().unwrap_or_default()
    }

    /// Values below `x`; none where `x` lies in a bin that reaches to infinity and has some.
    fn below(&self, x: f64) -> Option<f64> {
        if self.inverse <= 0.0 {
            // All of them have this value.
            return Some(if x > self.center { self.all() } else { 0.0 });
        }
        let place = (x - self.center) * self.inverse;
        let part = place / (1.0 + place.abs());
        let half = (BINS / 2) as f64;
        let bin = (((part + 1.0) * half) as usize).min(BINS - 1);
        let [below, through] = [self.below[bin], self.below[bin + 1]];
        if bin == 0 || bin == BINS - 1 {
            return (below == through).then_some(below);
        }
        let [begin, end] = edges(bin);
        let share = ((place - begin) / (end - begin)).clamp(0.0, 1.0);
        Some(below + (through - below) * share)
    }
}

/// Where the values of all parts reach the middle.
fn middle(parts: &[Counts]) -> Option<f64> {
    let all: f64 = parts.iter().map(Counts::all).sum();
    // As for the median of one part: the middle of the value's place in the order.
    let rank = ((all - 1.0) / 2.0).floor() + 0.5;
    let medians = || parts.iter().map(|part| part.median);
    let mut low = medians().fold(f64::INFINITY, f64::min);
    let mut high = medians().fold(f64::NEG_INFINITY, f64::max);
    for _ in 0..HALVINGS {
        let x = low + (high - low) / 2.0;
        let below = parts.iter().map(|part| part.below(x));
        match below.sum::<Option<f64>>()? <= rank {
            true => low = x,
            false => high = x,
        }
    }
    let found = low + (high - low) / 2.0;
    found.is_finite().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts about `center` of the values, in bins of the width that `inverse` says.
    fn counts(values: &[f64], center: f64, inverse: f64) -> Counts {
        let mut bins = vec![0.0; BINS];
        for value in values {
            let place = (value - center) * inverse;
            let part = place / (1.0 + place.abs());
            let bin = ((part + 1.0) * (BINS / 2) as f64) as usize;
            bins[bin.min(BINS - 1)] += 1.0;
        }
        let about = [center as f32, inverse as f32];
        let mut below = vec![0.0];
        for (bin, count) in bins.iter().enumerate() {
            below.push(below[bin] + f64::from(*count));
        }
        Counts {
            center,
            inverse,
            median: median(&bins, 1, 0, about, true).unwrap(),
            below,
        }
    }

    /// Values that lie about 0 or 3, by a formula.
    fn drawn(count: usize, seed: f64) -> Vec<f64> {
        let one = |i: usize| {
            let x = ((i as f64 + seed) * 0.618_033_988_75).fract() - 0.5;
            let far = if i.is_multiple_of(3) { 3.0 } else { 0.0 };
            4.0 * x * x * x + x + far
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn one_part_has_its_own_median() {
        for count in [1, 2, 7, 500] {
            let own = counts(&drawn(count, 0.3), 0.25, 2.0);
            let median = own.median;
            assert!((middle(&[own]).unwrap() - median).abs() < 1e-12, "{count}");
        }
    }

    #[test]
    fn parts_of_any_place_reach_the_middle_of_all_values() {
        let parts = [drawn(400, 0.1), drawn(70, 0.7), drawn(1000, 0.4)];
        let moved = parts.iter().zip([0.0, 1.5, -0.25]);
        let parts: Vec<Vec<f64>> = moved
            .map(|(part, by)| part.iter().map(|x| x + by).collect())
            .collect();
        let mut all: Vec<f64> = parts.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        let right = all[(all.len() - 1) / 2];
        let places = parts.iter().zip([(0.1, 2.0), (1.25, 3.0), (-0.5, 1.0)]);
        let own = places.map(|(part, (center, inverse))| counts(part, center, inverse));
        let found = middle(&own.collect::<Vec<_>>()).unwrap();
        assert!((found - right).abs() < 0.01, "{found}, {right}");
    }

    #[test]
    fn a_part_of_one_value_counts_where_it_lies() {
        let constant = |center: f64, count: f64| Counts {
            center,
            inverse: 0.0,
            median: center,
            below: (0..=BINS)
                .map(|bin| if bin == 0 { 0.0 } else { count })
                .collect(),
        };
        assert_eq!(middle(&[constant(2.0, 5.0)]), Some(2.0));
        let found = middle(&[constant(2.0, 5.0), constant(7.0, 11.0)]).unwrap();
        assert!((found - 7.0).abs() < 1e-12, "{found}");
    }
}
