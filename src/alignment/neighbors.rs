//! Nearest neighbours that the same samples share in two spaces, and how far other samples would have moved their share.
//!
//! What a sample's weight does to a count of neighbours has no derivative, and a bootstrap of whole samples misleads: a
//! sample that is drawn twice is its own nearest neighbour in either space. Leaving each sample out once (the jackknife)
//! counts everything several samples do together once for each of them (Efron and Stein 1981); for neighbours that is
//! much, and its standard error is a fifth to twice too large. How much too large can be measured on half as many
//! samples: two halves of the samples are independent of each other, so that half of the mean square of their difference
//! is, without bias, the variance of a half; and the jackknife can be had of each half. What it is too large by there is
//! what it is taken to be too large by of all.

use super::{
    frechet::dot,
    similarity::{Moved, left_out},
};
use crate::report::{SplitMix64, standard_error};

/// Fewest samples whose spread can be told: below, the halves say little of the whole.
pub(super) const FEWEST: usize = 12;

/// Ways to halve the samples; their standard deviations are right within about `1 / (2 SPLITS)^(1/2)`.
const SPLITS: usize = 200;

/// Those of them of whose halves each sample is left out: these vary less.
const LEFT_OUT: usize = 12;

/// The mean share of the `k` nearest samples by cosine that are the same in both spaces; ties go to the sample that
/// comes first. Of one layer after another, whose mean is asked for as well.
///
/// Source: arXiv 2405.07987, mutual k-nearest neighbours.
pub(super) struct SharedNeighbors {
    samples: usize,
    k: usize,
    /// None where no standard error is wanted or can be had.
    halves: Vec<[Vec<usize>; 2]>,
    all: Tally,
}

impl SharedNeighbors {
    pub(super) fn new(samples: usize, k: usize, intervals: bool) -> Self {
        let splits = if intervals && samples >= FEWEST {
            SPLITS
        } else {
            0
        };
        let mut random = SplitMix64::new(samples as u64);
        let mut order: Vec<usize> = (0..samples).collect();
        let halves = (0..splits).map(|_| {
            random.shuffle(&mut order);
            let half = samples / 2;
            [order[..half].to_vec(), order[half..2 * half].to_vec()]
        });
        Self {
            samples,
            k,
            halves: halves.collect(),
            all: Tally::default(),
        }
    }

    /// Of one layer; row `i` of both is sample `i`. Absent without neighbours.
    pub(super) fn of(&mut self, x: &[Vec<f64>], y: &[Vec<f64>]) -> Option<Moved> {
        let (n, k) = (self.samples, self.k);
        if k == 0 || k >= n || x.len() != n || y.len() != n {
            return None;
        }
        let ranked = [ranked(x), ranked(y)];
        let everybody: Vec<usize> = (0..n).collect();
        let all = Nearest::new(&ranked, &everybody, k);
        if self.halves.is_empty() {
            return Some(Moved {
                value: all.value(),
                by_sample: Vec::new(),
            });
        }
        let mut own = Tally {
            by_sample: all.left_out(),
            ..Tally::default()
        };
        // A tenth fewer than of all, where a half has enough: with as many, halves tell a little too much.
        let k = (9 * k).div_ceil(10).min((n / 2 - 1) / 2);
        for (split, halves) in self.halves.iter().enumerate() {
            let [one, other] = (halves.each_ref()).map(|half| Nearest::new(&ranked, half, k));
            own.apart.push(one.value() - other.value());
            if split < LEFT_OUT {
                own.of_halves.extend([one.left_out(), other.left_out()]);
            }
        }
        self.all.add(&own);
        Some(Moved {
            value: all.value(),
            by_sample: own.by_sample(),
        })
    }

    /// The derivatives of the mean over the layers that were asked for, by the weight of each sample; empty where there
    /// are none.
    pub(super) fn overall(&self) -> Vec<f64> {
        let layers = self.all.layers as f64;
        let all = self.all.by_sample();
        all.into_iter().map(|moved| moved / layers).collect()
    }
}

/// What says how far samples move a share, or a sum of shares.
#[derive(Default)]
struct Tally {
    layers: usize,
    /// By the jackknife, of each sample.
    by_sample: Vec<f64>,
    /// The value of one half less that of the other, of each split.
    apart: Vec<f64>,
    /// By the jackknife, of each sample of a half, of some halves.
    of_halves: Vec<Vec<f64>>,
}

impl Tally {
    fn add(&mut self, own: &Self) {
        if self.layers == 0 {
            self.by_sample = vec![0.0; own.by_sample.len()];
            self.apart = vec![0.0; own.apart.len()];
            self.of_halves = own.of_halves.iter().map(|it| vec![0.0; it.len()]).collect();
        }
        self.layers += 1;
        let sum = |all: &mut [f64], own: &[f64]| {
            all.iter_mut().zip(own).for_each(|(all, own)| *all += own);
        };
        sum(&mut self.by_sample, &own.by_sample);
        sum(&mut self.apart, &own.apart);
        for (all, own) in self.of_halves.iter_mut().zip(&own.of_halves) {
            sum(all, own);
        }
    }

    /// The jackknife's, made as much smaller as that of a half is too large.
    fn by_sample(&self) -> Vec<f64> {
        let squares = self.apart.iter().map(|apart| apart * apart);
        let right = squares.sum::<f64>() / (2 * self.apart.len()) as f64;
        let found = self.of_halves.iter().filter_map(|it| standard_error(it));
        let found = found.map(|error| error * error).sum::<f64>() / self.of_halves.len() as f64;
        let factor = (right / found).sqrt();
        // Where every half is alike there is nothing to measure it by.
        let factor = if factor.is_finite() && factor > 0.0 {
            factor
        } else {
            1.0
        };
        self.by_sample.iter().map(|moved| factor * moved).collect()
    }
}

/// The nearest of some samples among themselves.
struct Nearest<'a> {
    samples: &'a [usize],
    k: usize,
    /// Of each sample that is among them, in either space, and one more than is asked for: it moves up where one of them
    /// is left out.
    lists: [Vec<Vec<usize>>; 2],
    /// How many each shares.
    shared: Vec<usize>,
}

impl<'a> Nearest<'a> {
    fn new(ranked: &[Vec<Vec<usize>>; 2], samples: &'a [usize], k: usize) -> Self {
        let total = ranked[0].len();
        let mut inside = vec![false; total];
        samples.iter().for_each(|&sample| inside[sample] = true);
        let lists = ranked.each_ref().map(|ranked| {
            let mut lists = vec![Vec::new(); total];
            for &sample in samples {
                let own = ranked[sample].iter().copied();
                lists[sample] = own.filter(|&other| inside[other]).take(k + 1).collect();
            }
            lists
        });
        let mut found = Self {
            samples,
            k,
            lists,
            shared: vec![0; total],
        };
        for &sample in samples {
            found.shared[sample] = found.shared(sample, None);
        }
        found
    }

    /// How many a sample shares, without one of the others.
    fn shared(&self, sample: usize, out: Option<usize>) -> usize {
        let list = |side: usize| {
            let own = self.lists[side][sample].iter();
            own.filter(move |&&other| Some(other) != out).take(self.k)
        };
        let is_shared = |it: &&usize| list(1).any(|other| other == *it);
        list(0).filter(is_shared).count()
    }

    fn all(&self) -> usize {
        self.shared.iter().sum()
    }

    fn value(&self) -> f64 {
        self.all() as f64 / (self.k * self.samples.len()) as f64
    }

    /// See [`left_out`].
    fn left_out(&self) -> Vec<f64> {
        let all = self.all() as isize;
        let of = |&out: &usize| {
            let touched = self.samples.iter().filter(|&&sample| {
                sample != out && (self.lists.iter()).any(|lists| lists[sample].contains(&out))
            });
            let moved = touched.map(|&sample| {
                self.shared(sample, Some(out)) as isize - self.shared[sample] as isize
            });
            let left = all - self.shared[out] as isize + moved.sum::<isize>();
            left as f64 / (self.k * (self.samples.len() - 1)) as f64
        };
        left_out(&self.samples.iter().map(of).collect::<Vec<f64>>())
    }
}

/// All others by their cosine with each sample, the nearest first.
fn ranked(x: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let norms: Vec<f64> = x.iter().map(|row| dot(row, row).sqrt()).collect();
    let cosine = |i: usize, j: usize| match norms[i] * norms[j] {
        product if product > 0.0 => dot(&x[i], &x[j]) / product,
        _ => 0.0,
    };
    (0..x.len())
        .map(|i| {
            let mut others: Vec<(f64, usize)> = (0..x.len())
                .filter(|&j| j != i)
                .map(|j| (cosine(i, j), j))
                .collect();
            others.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            others.into_iter().map(|(_, j)| j).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alignment::similarity::tests::{CLOSE, deviation, draw, normal};

    #[test]
    fn leaving_a_sample_out_is_what_it_is_without_it() {
        let mut random = SplitMix64::new(3);
        for n in [7, 12, 25] {
            let [x, y] = draw(&mut random, n);
            let value = |x: &[Vec<f64>], y: &[Vec<f64>]| {
                let found = SharedNeighbors::new(x.len(), 5, false).of(x, y);
                found.unwrap().value
            };
            let without = (0..n).map(|out| {
                let left = |rows: &[Vec<f64>]| [&rows[..out], &rows[out + 1..]].concat();
                value(&left(&x), &left(&y))
            });
            let without = left_out(&without.collect::<Vec<f64>>());
            let ranked = [ranked(&x), ranked(&y)];
            let everybody: Vec<usize> = (0..n).collect();
            let found = Nearest::new(&ranked, &everybody, 5).left_out();
            for (found, expected) in found.iter().zip(without) {
                assert!((found - expected).abs() < 1e-12, "{n}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_few_samples_cannot_tell_is_absent() {
        let mut random = SplitMix64::new(4);
        let [x, y] = draw(&mut random, FEWEST);
        let of = |n: usize, intervals: bool| {
            let mut shared = SharedNeighbors::new(n, 5, intervals);
            let found = shared.of(&x[..n], &y[..n]).unwrap();
            assert_eq!(shared.overall().len(), found.by_sample.len());
            found.by_sample.len()
        };
        assert_eq!(of(FEWEST, true), FEWEST);
        assert_eq!(of(FEWEST - 1, true), 0);
        assert_eq!(of(FEWEST, false), 0);
        assert!(
            SharedNeighbors::new(3, 3, true)
                .of(&x[..3], &y[..3])
                .is_none()
        );
    }

    /// Both spaces of a draw: of 24 dimensions that share 16, whose neighbours are mostly the same.
    fn alike(random: &mut SplitMix64, n: usize) -> [Vec<Vec<f64>>; 2] {
        let mut both = [Vec::new(), Vec::new()];
        for _ in 0..n {
            let common: Vec<f64> = (0..16).map(|_| normal(random)).collect();
            for (side, rows) in both.iter_mut().enumerate() {
                let row = (0..24).map(|at| {
                    let all = common.iter().enumerate();
                    let mixed = all.map(|(k, x)| x * ((at * 16 + k + 7 * side) as f64).sin());
                    mixed.sum::<f64>() + normal(random)
                });
                rows.push(row.collect());
            }
        }
        both
    }

    /// Nothing that either space has is in the other one.
    fn unrelated(random: &mut SplitMix64, n: usize) -> [Vec<Vec<f64>>; 2] {
        let [x, _] = draw(random, n);
        let [_, y] = draw(random, n);
        [x, y]
    }

    /// How much samples that are drawn anew differ is what a standard error is to tell: of one layer, and of the mean of
    /// three that differ.
    #[test]
    #[allow(clippy::print_stdout)]
    fn standard_errors_are_those_of_fresh_samples() {
        const FRESH: usize = 800;
        const EACH: usize = 20;
        type Draw = fn(&mut SplitMix64, usize) -> [Vec<Vec<f64>>; 2];
        let draws: [(&str, Draw); 3] = [("half", draw), ("alike", alike), ("unrelated", unrelated)];
        for (n, (kind, draw), layers) in [
            (16, draws[0], 1),
            (40, draws[0], 3),
            (40, draws[1], 1),
            (40, draws[2], 1),
            (100, draws[0], 1),
        ] {
            let mut random = SplitMix64::new(n as u64);
            let (mut values, mut means, mut errors) = (Vec::new(), Vec::new(), [0.0; 2]);
            let k = 10.min((n - 1) / 2);
            for at in 0..FRESH {
                let told = at % EACH == 0;
                let [x, y] = draw(&mut random, n);
                let mut shared = SharedNeighbors::new(n, k, told);
                let first = shared.of(&x, &y).unwrap();
                let mut mean = first.value;
                for _ in 1..layers {
                    let mut noisy = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> {
                        let mut rows = rows.to_vec();
                        let all = rows.iter_mut().flatten();
                        all.for_each(|x| *x += normal(&mut random));
                        rows
                    };
                    let (x, y) = (noisy(&x), noisy(&y));
                    mean += shared.of(&x, &y).unwrap().value;
                }
                values.push(first.value);
                means.push(mean / layers as f64);
                if told {
                    let found = [first.by_sample, shared.overall()];
                    let found = found.map(|it| standard_error(&it).unwrap());
                    let share = EACH as f64 / FRESH as f64;
                    (errors.iter_mut().zip(found)).for_each(|(sum, it)| *sum += it * share);
                }
            }
            let of = [("one", errors[0], &values), ("mean", errors[1], &means)];
            for (name, error, values) in of {
                let ratio = error / deviation(values);
                println!("{n} samples, {kind}, {name} of {layers}: {ratio:.3}");
                assert!((ratio - 1.0).abs() < CLOSE, "{n}, {kind}, {name}: {ratio}");
            }
        }
    }
}
