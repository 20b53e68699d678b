//! The effective rank without each of some pairs, which its derivatives are held against.
//!
//! Where the tokens fill most directions evenly, the rank is near its maximum, its derivative near 0, and what moves it is
//! of second order: what a pair's own tokens did to the covariance that the derivative is taken at. The derivatives, and a
//! bootstrap of whole pairs as well, then tell up to three times the true spread. Leaving pairs out does not. Of narrow
//! states each pair is left out (the jackknife); of wider ones some are, and where these move the rank otherwise than the
//! derivatives say, nothing is told.

use super::{products::subtract, similarity::left_out, spectrum::effective_rank, traces::at_once};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::gather_rows::gather_rows,
    platform::{self, Cancel},
};

/// Rows that are read back together.
const PIECE: usize = 2048;

/// Cubes of the width that are worked for a cloud.
const WORK: usize = 1 << 25;

/// Fewest pairs that are left out, where there are as many.
const FEWEST: usize = 8;

/// Most that the change by leaving pairs out may differ from what derivatives say, root mean square, as a share of these.
/// The standard errors then differ by no more, and as a rule by far less.
const APART: f64 = 0.4;

/// The effective rank without one of the pairs; none where there is none.
pub(super) type Without = (usize, Option<f64>);

/// The pairs that are left out, of so many, in order.
pub(super) fn chosen(pairs: usize, width: usize) -> Vec<usize> {
    let most = WORK / width.saturating_pow(3).max(1);
    let count = most.max(FEWEST).min(pairs);
    (0..count).map(|at| at * pairs / count).collect()
}

/// Products of rows about their mean, `[n, n]`, of which one half is kept.
#[derive(Clone, Debug)]
pub(super) struct Scatter {
    width: usize,
    half: Vec<f32>,
}

impl Scatter {
    /// Of all of `matrix [width, width]`.
    pub(super) fn new(matrix: &[f64], width: usize) -> Self {
        let rows = matrix.chunks_exact(width.max(1)).enumerate();
        Self {
            width,
            half: (rows.flat_map(|(i, row)| &row[..=i]).map(|&x| x as f32)).collect(),
        }
    }

    /// The effective ranks without each of some pairs. `pairs` has their rows `[tokens, width]`, about the mean of all
    /// `tokens` rows and in the units of the matrix.
    ///
    /// # Errors
    /// [`GpuError::Cancelled`] soon after `cancel` was asked.
    pub(super) async fn without(
        &self,
        pairs: Vec<(usize, Vec<f32>)>,
        tokens: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Without>, GpuError> {
        let mut found = Vec::with_capacity(pairs.len());
        let mut failed = None;
        let work = |(pair, rows): (usize, Vec<f32>)| {
            let rank = effective_rank(self.less(&rows, tokens), self.width, false, cancel);
            rank.map(|rank| (pair, rank.map(|it| it.value)))
        };
        let heard = |it: Result<Without, GpuError>| match it {
            Ok(it) => found.push(it),
            Err(error) => failed = Some(error),
        };
        let at_most = at_once(2 * self.width, self.width);
        platform::in_parallel(pairs.into_iter(), at_most, work, heard).await;
        match failed {
            Some(error) => Err(error),
            None => Ok(found),
        }
    }

    /// The matrix of all rows but these, about their own mean:
    ///
    /// ```text
    /// A - sum x x^T - s s^T / (N - n),   s = sum x
    /// ```
    fn less(&self, rows: &[f32], tokens: usize) -> Vec<f64> {
        let width = self.width;
        let mut matrix = vec![0.0; width * width];
        let mut half = self.half.iter();
        for i in 0..width {
            for (j, &value) in (0..=i).zip(&mut half) {
                matrix[i * width + j] = f64::from(value);
                matrix[j * width + i] = f64::from(value);
            }
        }
        let mut rows: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
        let count = rows.len() / width.max(1);
        let left = tokens.saturating_sub(count) as f64;
        let mut sum = vec![0.0; width];
        for row in rows.chunks_exact(width.max(1)) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        rows.extend(sum.iter().map(|x| x / left.max(1.0).sqrt()));
        let size = [width, width, width];
        subtract(&mut matrix, size, (&rows, &rows), (width, width), 0, false);
        matrix
    }
}

/// Reads some rows of `all [n, width]`, those of each of some pairs.
///
/// # Errors
/// What the device reports.
pub(super) async fn rows_of(
    gpu: &Gpu,
    all: &Tensor,
    pairs: Vec<(usize, Vec<u32>)>,
    cancel: &Cancel,
) -> Result<Vec<(usize, Vec<f32>)>, GpuError> {
    let width = all.cols();
    let indices: Vec<u32> = pairs.iter().flat_map(|(_, rows)| rows).copied().collect();
    let mut values = Vec::with_capacity(indices.len() * width);
    for indices in indices.chunks(PIECE) {
        let own = gpu.tensor(DType::F32, indices.len(), width)?;
        let mut recording = Recording::new();
        recording.push(gather_rows(&gpu.upload_indices(indices)?, all, 0, &own, 0)?);
        for read in gpu.run_and_read(&recording, cancel, &[&own]).await? {
            values.extend(read.values);
        }
    }
    let mut rest = values.into_iter();
    let own = |(pair, rows): (usize, Vec<u32>)| {
        let own = rest.by_ref().take(rows.len() * width);
        (pair, own.collect())
    };
    Ok(pairs.into_iter().map(own).collect())
}

/// What a rank moves by with the weight of each pair: `derivatives`, where leaving pairs out confirms them, or what
/// leaving out each pair gives. Empty where neither says anything.
pub(super) fn checked(derivatives: Vec<f64>, mut without: Vec<Without>) -> Vec<f64> {
    without.sort_by_key(|(pair, _)| *pair);
    let ranks: Option<Vec<f64>> = without.iter().map(|(_, rank)| *rank).collect();
    let Some(ranks) = ranks else {
        return Vec::new();
    };
    let pairs = derivatives.len();
    if ranks.len() == pairs {
        return left_out(&ranks);
    }
    let centered = |values: Vec<f64>| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.into_iter().map(|it| it - mean).collect()
    };
    let squares = |values: &[f64]| values.iter().map(|it| it * it).sum::<f64>();
    let own = without
        .iter()
        .filter_map(|(pair, _)| derivatives.get(*pair));
    let told = centered(own.copied().collect());
    let factor = (pairs as f64 - 1.0) / pairs as f64;
    let moved = centered(ranks).into_iter().map(|rank| -factor * rank);
    let apart: Vec<f64> = moved.zip(&told).map(|(moved, told)| moved - told).collect();
    if squares(&apart) <= APART * APART * squares(&told) {
        derivatives
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_left_out_of_narrow_states_and_some_of_wide_ones() {
        assert_eq!(chosen(100, 64), (0..100).collect::<Vec<_>>());
        assert_eq!(chosen(128, 128), (0..128).step_by(8).collect::<Vec<_>>());
        assert_eq!(chosen(80, 4096), (0..80).step_by(10).collect::<Vec<_>>());
        assert_eq!(chosen(5, 4096), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_pair_that_is_left_out_takes_its_rows_along() {
        const WIDTH: usize = 5;
        let value = |at: usize| ((at * at * 7 + 3 * at + 1) as f64 * 0.37).sin();
        let scatter = |rows: &[f64]| {
            let count = rows.len() / WIDTH;
            let mean =
                |col: usize| (0..count).map(|i| rows[i * WIDTH + col]).sum::<f64>() / count as f64;
            let centered: Vec<f64> = (0..rows.len())
                .map(|at| rows[at] - mean(at % WIDTH))
                .collect();
            let mut matrix = vec![0.0; WIDTH * WIDTH];
            for row in centered.chunks(WIDTH) {
                for i in 0..WIDTH {
                    (0..WIDTH).for_each(|j| matrix[i * WIDTH + j] += row[i] * row[j]);
                }
            }
            (matrix, centered)
        };
        let rows: Vec<f64> = (0..30 * WIDTH).map(value).collect();
        let (matrix, centered) = scatter(&rows);
        let pair: Vec<f32> = centered[..4 * WIDTH].iter().map(|&x| x as f32).collect();
        let found = Scatter::new(&matrix, WIDTH).less(&pair, 30);
        let (right, _) = scatter(&rows[4 * WIDTH..]);
        for (found, right) in found.iter().zip(&right) {
            assert!((found - right).abs() < 1e-5, "{found} {right}");
        }
    }

    #[test]
    fn derivatives_stand_where_leaving_pairs_out_confirms_them() {
        let told: Vec<f64> = (0..32).map(|pair| ((pair * 5 + 1) as f64).sin()).collect();
        let without = |share: f64| -> Vec<Without> {
            let other = |pair: usize| ((pair * pair * 3 + pair) as f64).cos();
            let rank = |pair: usize| 9.0 - told[pair] - share * other(pair);
            // They come in any order.
            (0..32)
                .step_by(4)
                .rev()
                .map(|pair| (pair, Some(rank(pair))))
                .collect()
        };
        assert_eq!(checked(told.clone(), without(0.1)), told);
        assert_eq!(checked(told.clone(), without(1.0)), [0.0; 0]);
        let mut broken = without(0.1);
        broken[2].1 = None;
        assert_eq!(checked(told.clone(), broken), [0.0; 0]);
        let all: Vec<Without> = (0..32)
            .rev()
            .map(|pair| (pair, Some(pair as f64)))
            .collect();
        let ranks: Vec<f64> = (0..32).map(f64::from).collect();
        assert_eq!(checked(told, all), left_out(&ranks));
    }
}
