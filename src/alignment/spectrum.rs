//! How many directions a cloud of tokens fills, from the eigenvalues of its covariance.

use super::{
    AlignmentError, LayerDistance,
    logarithm::logarithm,
    metric::{enter_derivatives, entry},
    products::{PANEL, Rows, subtract},
    rank_check::Scatter,
    singular::{reflection, take},
};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::matmul::{Matmul, matmul},
    platform::{self, Cancel},
    report::{MetricReport, StateValue, basis_of_tokens},
};

/// Steps for each eigenvalue, on average, beyond which something is wrong; it takes about two.
const MOST_STEPS: usize = 100;

/// What it gives.
const IDS: [&str; 2] = ["effective-rank-vision", "effective-rank-text"];

const LABELS: [&str; 2] = ["effective rank, vision", "effective rank, text"];

const ABOUT: [&str; 2] = [
    "How many directions the vision tokens fill: exp of the entropy of the eigenvalues of their covariance, as \
     shares of its trace (Roy and Vetterli, 2007); the outliers are handled as for the distance. From 1 to the \
     width, and never more than the tokens less one. Few tokens lower it. Where leaving single pairs out moves it \
     otherwise than its derivatives say, it has no interval.",
    "The same of the text tokens. The two compare only where both have many more tokens than dimensions.",
];

/// Share of the trace that is added to every eigenvalue before its logarithm is taken: that of 0 is none, and a
/// direction with so small a share moves nothing.
const FLOOR: f64 = 1e-12;

/// An effective rank.
#[derive(Clone, Debug)]
pub(super) struct EffectiveRank {
    pub(super) value: f64,
    /// What it moves by.
    pub(super) slope: Option<Slope>,
}

/// What an effective rank moves by.
#[derive(Clone, Debug)]
pub(super) struct Slope {
    /// M `[n, n]`; see [`effective_rank`].
    pub(super) matrix: Vec<f32>,
    /// The matrix that it is the rank of, from which pairs can be left out.
    pub(super) scatter: Scatter,
}

/// The effective rank of the symmetric positive semi-definite `matrix [n, n]`, of any scale:
///
/// ```text
/// e^H,   H = - sum p ln p,   p = eigenvalues / trace
/// ```
///
/// Absent where all eigenvalues are 0 or one is no number. Those that rounding has made negative count as 0.
///
/// With `slope` also the matrix `M = -(e^H / trace) (ln (C / trace) + H)`: where the matrix C moves by dC, the rank
/// moves by `Tr (M dC)`. `Tr (M C) = 0`, so the rank does not move with the scale; and where C is the sum of products of
/// rows about their mean, the derivative of the rank by the weight of some of them is the sum of their `x^T M x`.
///
/// Source: O. Roy and M. Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
///
/// # Errors
/// [`GpuError::Cancelled`] soon after `cancel` was asked.
pub(super) fn effective_rank(
    matrix: Vec<f64>,
    n: usize,
    slope: bool,
    cancel: &Cancel,
) -> Result<Option<EffectiveRank>, GpuError> {
    if matrix.iter().any(|value| !value.is_finite()) {
        return Ok(None);
    }
    let scatter = slope.then(|| Scatter::new(&matrix, n));
    let form = tridiagonal(matrix, n, cancel)?;
    let values = of_tridiagonal(form.diagonal.clone(), form.beside.clone());
    let kept = || values.iter().copied().filter(|&value| value > 0.0);
    let trace: f64 = kept().sum();
    let entropy: f64 = kept()
        .map(|value| value / trace)
        .filter(|&share| share > 0.0)
        .map(|share| -share * share.ln())
        .sum();
    if values.iter().any(|value| !value.is_finite()) || trace <= 0.0 {
        return Ok(None);
    }
    let value = entropy.exp();
    let slope = scatter.map(|scatter| {
        // Rounding has made some eigenvalues negative.
        let least = values.iter().copied().fold(0.0, f64::min) / trace;
        let mut slope = logarithm(&form, trace, FLOOR.max(-2.0 * least), cancel)?;
        (0..n).for_each(|i| slope[i * n + i] += entropy);
        let factor = -value / trace;
        Ok(Slope {
            matrix: slope.iter().map(|x| (factor * x) as f32).collect(),
            scatter,
        })
    });
    Ok(Some(EffectiveRank {
        value,
        slope: slope.transpose()?,
    }))
}

/// A symmetric matrix in the axes in which it is tridiagonal: the diagonal `[n]` and what stands beside it `[n - 1]`, and
/// what brought it there: reflections `1 - factor v v^T` from both sides, one after the other.
pub(super) struct Tridiagonal {
    pub(super) diagonal: Vec<f64>,
    pub(super) beside: Vec<f64>,
    /// The vectors v, one a row of `[n, n]`; that of row i is 0 up to column i.
    pub(super) reflections: Vec<f64>,
    /// One a row but for the last.
    pub(super) factors: Vec<f64>,
}

/// Makes `a [n, n]` tridiagonal, in panels, half of the work in blocked products, as `singular` does it.
///
/// A reflection `1 - tau v v^T` from both sides makes `a - v w^T - w v^T` of it, with
/// `w = p - (tau / 2) (p . v) v` and `p = tau a v`. A panel leaves what it has not come to yet as it was.
pub(super) fn tridiagonal(
    mut a: Vec<f64>,
    n: usize,
    cancel: &Cancel,
) -> Result<Tridiagonal, GpuError> {
    let (mut diagonal, mut beside) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let mut factors = Vec::with_capacity(n);
    // Row t: reflection t of the panel.
    let [mut v, mut w] = [vec![0.0; PANEL * n], vec![0.0; PANEL * n]];
    for first in (0..n).step_by(PANEL) {
        let end = (first + PANEL).min(n);
        v.fill(0.0);
        w.fill(0.0);
        for i in first..end {
            if cancel.is_cancelled() {
                return Err(GpuError::Cancelled);
            }
            let t = i - first;
            let mut column = a[i * n + i..(i + 1) * n].to_vec();
            Rows::new(&v, n, i).add(&mut column, 0..t, |s| -w[s * n + i]);
            Rows::new(&w, n, i).add(&mut column, 0..t, |s| -v[s * n + i]);
            diagonal.push(column[0]);
            if i + 1 == n {
                break;
            }
            let own = &mut column[1..];
            let (value, tau) = reflection(own);
            beside.push(value);
            factors.push(tau);
            let mut p = vec![0.0; n - i - 1];
            let rows = Rows::new(&a, n, i + 1);
            rows.dots(own, i + 1..n, |row, dot| p[row - i - 1] = dot);
            let pairs: [(&[f64], &[f64]); 2] = [(&w, &v), (&v, &w)];
            take(&mut p, pairs, [t, t], [n, n], [i + 1, i + 1], own);
            let along: f64 = p.iter().zip(&*own).map(|(p, v)| p * v).sum();
            let half = 0.5 * tau * tau * along;
            for (p, v) in p.iter_mut().zip(&*own) {
                *p = tau * *p - half * v;
            }
            v[t * n + i + 1..(t + 1) * n].copy_from_slice(own);
            w[t * n + i + 1..(t + 1) * n].copy_from_slice(&p);
        }
        if end < n {
            let size = [n - end, n - end, n];
            let rest = &mut a[end * n + end..];
            subtract(rest, size, (&v, &w), (n, n), end, false);
            subtract(rest, size, (&w, &v), (n, n), end, false);
        }
        // Nothing else is wanted of these rows.
        let own = (end - first) * n;
        a[first * n..][..own].copy_from_slice(&v[..own]);
    }
    Ok(Tridiagonal {
        diagonal,
        beside,
        reflections: a,
        factors,
    })
}

/// The eigenvalues of a symmetric tridiagonal matrix by implicit QL steps with Wilkinson's shift. NaN where they
/// do not converge, which finite values never do.
fn of_tridiagonal(mut d: Vec<f64>, mut e: Vec<f64>) -> Vec<f64> {
    let sizes = d.iter().chain(&e).map(|x| x.abs());
    // The shares of the trace are wanted, not digits of small eigenvalues.
    let tolerance = f64::EPSILON * sizes.fold(0.0, f64::max);
    let n = d.len();
    e.push(0.0);
    let mut steps = MOST_STEPS * n;
    for low in 0..n {
        loop {
            let high = (low..n - 1)
                .find(|&i| e[i].abs() <= tolerance)
                .unwrap_or(n - 1);
            if high == low {
                break;
            }
            if steps == 0 {
                return vec![f64::NAN; n];
            }
            steps -= 1;
            let half = (d[low + 1] - d[low]) / (2.0 * e[low]);
            let root = half.hypot(1.0).copysign(half);
            let mut g = d[high] - d[low] + e[low] / (half + root);
            let (mut sine, mut cosine, mut shifted) = (1.0, 1.0, 0.0);
            let mut is_split = false;
            for i in (low..high).rev() {
                let f = sine * e[i];
                let b = cosine * e[i];
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= shifted;
                    e[high] = 0.0;
                    is_split = true;
                    break;
                }
                (sine, cosine) = (f / r, g / r);
                let own = d[i + 1] - shifted;
                let t = (d[i] - own) * sine + 2.0 * cosine * b;
                shifted = sine * t;
                d[i + 1] = own + shifted;
                g = cosine * t - b;
            }
            if !is_split {
                d[low] -= shifted;
                e[low] = g;
                e[high] = 0.0;
            }
        }
    }
    d
}

/// The effective rank of a cloud with no more tokens than dimensions, whose rows `[n, width]` are centered: of the
/// products of the rows with each other, which have the eigenvalues of the covariance that are not 0.
pub(super) async fn of_rows(
    gpu: &Gpu,
    rows: &Tensor,
    cancel: &Cancel,
) -> Result<Option<f64>, AlignmentError> {
    let n = rows.rows();
    let products = gpu.tensor(DType::F32, n, n)?;
    let mut recording = Recording::new();
    recording.extend(matmul(gpu, rows, rows, &Matmul::default(), &products)?);
    gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
    let read = gpu.read(&[&products]).await?;
    let values = read.first().map_or(&[][..], |it| &it.values);
    let matrix = values.iter().map(|&value| f64::from(value)).collect();
    let found = effective_rank(matrix, n, false, cancel)?;
    platform::yield_now().await;
    Ok(found.map(|it| it.value))
}

/// The entries of a report, of both modalities at each of `states`, with intervals where there are derivatives; none where
/// no layer has a rank.
pub fn effective_ranks(layers: &[LayerDistance], states: &[String]) -> Vec<MetricReport> {
    if layers.iter().flat_map(|it| it.ranks).all(|it| it.is_none()) {
        return Vec::new();
    }
    let tokens = layers.first().map_or([0; 2], |it| it.tokens);
    let of = |side: usize| {
        let values = (states.iter().zip(layers)).map(|(state, layer)| StateValue {
            state: state.clone(),
            value: layer.ranks[side],
            interval: None,
        });
        let mut entry = entry(
            [IDS[side], LABELS[side], ABOUT[side]],
            values.collect(),
            basis_of_tokens(tokens),
        );
        let of_layer = |layer: &LayerDistance| {
            let influence = layer.influence.as_ref();
            influence.map_or(Vec::new(), |it| it.ranks[side].clone())
        };
        let moved: Vec<Vec<f64>> = layers.iter().take(states.len()).map(of_layer).collect();
        enter_derivatives(&mut entry, &moved);
        let lacks = |layer: &LayerDistance| {
            let told = layer.influence.as_ref();
            told.is_some_and(|it| it.ranks[side].is_empty()) && layer.ranks[side].is_some()
        };
        if layers.iter().any(lacks) {
            entry.basis += "; no interval where derivatives do not tell what a pair does";
        }
        entry
    };
    vec![of(0), of(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_are_those_of_a_matrix_made_of_them() {
        for n in [1, 2, 3, 31, 33, 70] {
            // Reflections of a diagonal matrix, some of whose values are 0 and some equal.
            let values: Vec<f64> = (0..n)
                .map(|i| [0.0, 5.0, 5.0, 1e-9][i % 4] * (i as f64))
                .collect();
            let mut a = vec![0.0; n * n];
            (0..n).for_each(|i| a[i * n + i] = values[i]);
            for turn in 0..3 {
                let raw: Vec<f64> = (0..n)
                    .map(|i| ((i * 7 + turn * 3 + 1) as f64).sin())
                    .collect();
                let length: f64 = raw.iter().map(|x| x * x).sum();
                let reflect = |a: &[f64]| -> Vec<f64> {
                    (0..n * n)
                        .map(|at| {
                            let (i, j) = (at / n, at % n);
                            let along: f64 = (0..n).map(|k| raw[k] * a[k * n + j]).sum();
                            a[j + i * n] - 2.0 * raw[i] * along / length
                        })
                        .collect()
                };
                let half = reflect(&a);
                let turned: Vec<f64> = (0..n * n).map(|at| half[(at % n) * n + at / n]).collect();
                a = reflect(&turned);
            }
            let form = tridiagonal(a, n, &Cancel::default()).unwrap();
            let mut found = of_tridiagonal(form.diagonal, form.beside);
            let mut expected = values;
            found.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            for (found, expected) in found.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-12 * n as f64 * 5.0,
                    "{n}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn equal_directions_count_fully_and_nothing_counts_for_nothing() {
        let rank = |a: Vec<f64>, n| {
            let found = effective_rank(a, n, false, &Cancel::default()).unwrap();
            found.map(|it| it.value)
        };
        let three = rank(vec![2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0], 3).unwrap();
        assert!((three - 3.0).abs() < 1e-14);
        let one = rank(vec![1.0, 1.0, 1.0, 1.0], 2).unwrap();
        assert!((one - 1.0).abs() < 1e-14);
        assert_eq!(rank(vec![0.0; 4], 2), None);
        assert_eq!(rank(vec![1.0, f64::NAN, f64::NAN, 1.0], 2), None);
    }

    #[test]
    fn the_slope_is_what_the_rank_moves_by() {
        const N: usize = 7;
        const STEP: f64 = 1e-6;
        let vector = |k: usize| -> Vec<f64> {
            let value = |i: usize| ((i * i + 5 * k * i + 3 * k + 1) as f64).sin() / (1 + i) as f64;
            (0..N).map(value).collect()
        };
        let mut matrix = vec![0.0; N * N];
        let add = |matrix: &mut [f64], row: &[f64], weight: f64| {
            for i in 0..N {
                (0..N).for_each(|j| matrix[i * N + j] += weight * row[i] * row[j]);
            }
        };
        (0..20).for_each(|k| add(&mut matrix, &vector(k), 1.0));
        let rank = |matrix: Vec<f64>, slope: bool| {
            let found = effective_rank(matrix, N, slope, &Cancel::default());
            found.unwrap().unwrap()
        };
        let slope = rank(matrix.clone(), true).slope.unwrap().matrix;
        for k in 0..20 {
            let row = vector(k);
            let at = |step: f64| {
                let mut matrix = matrix.clone();
                add(&mut matrix, &row, step);
                rank(matrix, false).value
            };
            let right = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let form = (0..N * N).map(|at| f64::from(slope[at]) * row[at / N] * row[at % N]);
            let found: f64 = form.sum();
            assert!((found - right).abs() < 1e-5, "{k}: {found} {right}");
        }
    }

    #[test]
    fn a_wish_to_stop_is_heard() {
        let cancel = Cancel::default();
        cancel.cancel();
        let found = effective_rank(vec![1.0; 9], 3, true, &cancel);
        assert!(matches!(found, Err(GpuError::Cancelled)));
    }
}
