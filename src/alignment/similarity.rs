//! How alike the same samples lie to each other in two spaces, in f64, and how that moves with each of them.
//!
//! That is no smooth function of the samples' weights as it stands, for it leaves the products of a sample with itself
//! out. A bootstrap of whole samples misleads about it: the product of a sample that is drawn twice with its own copy
//! counts after all, so that similarities rise, and with them their spread. So each sample is left out once (the
//! jackknife), from what the pairs of samples have given already. Nearest neighbours are in `neighbors`.

use super::frechet::dot;

/// A value, and its derivatives by the weight of each sample; none where there are too few.
pub struct Moved {
    /// The value of all samples.
    pub value: f64,
    /// Per sample.
    pub by_sample: Vec<f64>,
}

impl Moved {
    /// Of the value of all samples and those without one of them each.
    fn new(value: f64, without: Option<Vec<f64>>) -> Self {
        Self {
            value,
            by_sample: left_out(&without.unwrap_or_default()),
        }
    }
}

/// From the values without one sample each: `(n - 1) / n` times what is missing without it, so that
/// [`standard_error`](crate::report::standard_error) is that of the jackknife.
pub(super) fn left_out(without: &[f64]) -> Vec<f64> {
    let n = without.len() as f64;
    let mean = without.iter().sum::<f64>() / n;
    (without.iter())
        .map(|it| (n - 1.0) / n * (mean - it))
        .collect()
}

/// Linear centered kernel alignment with the unbiased estimator of the Hilbert-Schmidt independence criterion;
/// row `i` of both is sample `i`. Absent below four samples, and where one of the two has no structure.
///
/// With `K = X X^T` and `L = Y Y^T`, diagonals set to 0,
///
/// ```text
/// HSIC(K, L) = (Tr(K L) + sum(K) sum(L) / ((n-1)(n-2)) - 2 sum(K L) / (n-2)) / (n (n-3))
/// CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))
/// ```
///
/// Source: arXiv 1905.00414, equation 3; the estimator is that of Song et al. (2012), as in arXiv 2010.15327.
pub fn centered_kernel_alignment(x: &[Vec<f64>], y: &[Vec<f64>]) -> Option<Moved> {
    if x.len() < 4 || x.len() != y.len() {
        return None;
    }
    let (k, l) = (products(x), products(y));
    let criteria = [
        Criterion::new(&k, &l),
        Criterion::new(&k, &k),
        Criterion::new(&l, &l),
    ];
    let ratio = |[both, of_x, of_y]: [f64; 3]| {
        (of_x > 0.0 && of_y > 0.0).then(|| both / (of_x * of_y).sqrt())
    };
    let value = ratio(criteria.each_ref().map(Criterion::all))?;
    let without = |sample: usize| ratio(criteria.each_ref().map(|it| it.without(sample)));
    let without = (x.len() > 4).then(|| (0..x.len()).map(without).collect::<Option<_>>());
    Some(Moved::new(value, without.flatten()))
}

/// Products of all rows with each other, of centered rows and without those of a row with itself.
///
/// The estimator does not see a constant added to all rows; taken off first, large means cost no digits.
fn products(x: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = x.len();
    let width = x.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width)
        .map(|j| x.iter().map(|row| row[j]).sum::<f64>() / n as f64)
        .collect();
    let centered: Vec<Vec<f64>> = (x.iter())
        .map(|row| row.iter().zip(&mean).map(|(a, b)| a - b).collect())
        .collect();
    let mut all = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..i {
            let product = dot(&centered[i], &centered[j]);
            all[i][j] = product;
            all[j][i] = product;
        }
    }
    all
}

/// The criterion of two matrices of products, of all samples and without one of them.
struct Criterion<'a> {
    k: &'a [Vec<f64>],
    l: &'a [Vec<f64>],
    /// Sums of the rows.
    rows: [Vec<f64>; 2],
    /// `Tr(K L)`.
    trace: f64,
    /// `sum(K)` and `sum(L)`.
    whole: [f64; 2],
    /// `sum(K L)`.
    mixed: f64,
}

impl<'a> Criterion<'a> {
    fn new(k: &'a [Vec<f64>], l: &'a [Vec<f64>]) -> Self {
        let rows = [k, l].map(|m| m.iter().map(|row| row.iter().sum()).collect::<Vec<f64>>());
        Self {
            trace: k.iter().zip(l).map(|(a, b)| dot(a, b)).sum(),
            whole: rows.each_ref().map(|rows| rows.iter().sum()),
            mixed: dot(&rows[0], &rows[1]),
            k,
            l,
            rows,
        }
    }

    fn of(n: f64, trace: f64, whole: [f64; 2], mixed: f64) -> f64 {
        let whole = whole[0] * whole[1];
        (trace + whole / ((n - 1.0) * (n - 2.0)) - 2.0 * mixed / (n - 2.0)) / (n * (n - 3.0))
    }

    fn all(&self) -> f64 {
        Self::of(self.k.len() as f64, self.trace, self.whole, self.mixed)
    }

    /// Both matrices without a row and its column: every sum loses what these add to it.
    fn without(&self, sample: usize) -> f64 {
        let [of_k, of_l] = &self.rows;
        let (k, l) = (&self.k[sample], &self.l[sample]);
        let own = dot(k, l);
        let mixed = self.mixed - of_k[sample] * of_l[sample] - dot(k, of_l) - dot(l, of_k) + own;
        let whole = [0, 1].map(|side: usize| self.whole[side] - 2.0 * self.rows[side][sample]);
        let n = self.k.len() as f64 - 1.0;
        Self::of(n, self.trace - 2.0 * own, whole, mixed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::{SplitMix64, standard_error};

    /// Bar of a standard error against how much fresh samples differ.
    pub(in crate::alignment) const CLOSE: f64 = 0.15;

    pub(in crate::alignment) fn normal(random: &mut SplitMix64) -> f64 {
        let mut uniform = || (random.below(1 << 53) as f64 + 0.5) / (1_u64 << 53) as f64;
        (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    }

    /// Samples in two spaces of 6 dimensions that share 3.
    pub(in crate::alignment) fn draw(random: &mut SplitMix64, n: usize) -> [Vec<Vec<f64>>; 2] {
        let mut both = [Vec::new(), Vec::new()];
        for _ in 0..n {
            let shared = [0; 3].map(|_| normal(random));
            for (side, rows) in both.iter_mut().enumerate() {
                let row = (0..6).map(|at| {
                    let mixed = (0..3).map(|k| shared[k] * ((at * 3 + k + 7 * side) as f64).sin());
                    mixed.sum::<f64>() * 1.4 + normal(random)
                });
                rows.push(row.collect());
            }
        }
        both
    }

    #[test]
    fn leaving_a_sample_out_is_what_it_is_without_it() {
        let mut random = SplitMix64::new(3);
        for n in [7, 12, 25] {
            let [x, y] = draw(&mut random, n);
            let all = centered_kernel_alignment(&x, &y).unwrap();
            let without = (0..n).map(|out| {
                let left = |rows: &[Vec<f64>]| [&rows[..out], &rows[out + 1..]].concat();
                let left = centered_kernel_alignment(&left(&x), &left(&y));
                left.unwrap().value
            });
            let without = left_out(&without.collect::<Vec<f64>>());
            for (found, expected) in all.by_sample.iter().zip(without) {
                assert!((found - expected).abs() < 1e-12, "{n}: {found} {expected}");
            }
        }
        let [x, y] = draw(&mut random, 4);
        let few = centered_kernel_alignment(&x, &y).unwrap();
        assert!(few.by_sample.is_empty(), "three have no unbiased estimate");
    }

    /// How much samples that are drawn anew differ is what a standard error is to tell.
    #[test]
    fn standard_errors_are_those_of_fresh_samples() {
        const FRESH: usize = 300;
        for n in [60, 100] {
            let mut random = SplitMix64::new(n as u64);
            let (mut values, mut error) = (Vec::new(), 0.0);
            for _ in 0..FRESH {
                let [x, y] = draw(&mut random, n);
                let found = centered_kernel_alignment(&x, &y).unwrap();
                values.push(found.value);
                error += standard_error(&found.by_sample).unwrap() / FRESH as f64;
            }
            let ratio = error / deviation(&values);
            assert!((ratio - 1.0).abs() < CLOSE, "{n}: {ratio}");
        }
    }

    pub(in crate::alignment) fn deviation(values: &[f64]) -> f64 {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        (squares.sum::<f64>() / (count - 1.0)).sqrt()
    }
}
