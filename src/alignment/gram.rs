//! Gram matrices by the processors, in f64: on a software adapter, which is the processors.
//!
//! There a product in f64 over half of the result takes a third of what its three products in f32 take on the device
//! (see [`super::covariance`]), and is more exact. The rows do not leave the program: such an adapter's memory is its
//! own.

use super::products::subtract;
use crate::{
    gpu::{AdapterClass, Gpu, GpuError, Readback, Tensor},
    kernels::matmul::Packed,
    platform::{self, Cancel},
};

/// Rows that are added together.
const PANEL: usize = 32;

/// Rows of the result that a thread works on at a time.
const STRIP: usize = 64;

/// Whether the processors have the Gram matrices.
pub(super) fn by_processors(gpu: &Gpu) -> bool {
    let is_processor = gpu.is_software() && gpu.class() == AdapterClass::Software;
    is_processor && platform::holds_software_adapters()
}

/// The Gram matrices of both modalities' rows at a layer, as two parts whose sum has twice the digits of f32, as
/// [`Packed`] has them; none where there are no more rows than columns.
///
/// Each value is summed in the order of the rows, however many threads there are.
///
/// # Errors
/// What the device reports; [`GpuError::Cancelled`] soon after `cancel` was asked.
pub(super) async fn of_rows(
    gpu: &Gpu,
    rows: [&Tensor; 2],
    cancel: &Cancel,
) -> Result<[Option<[Readback; 2]>; 2], GpuError> {
    let width = rows[0].cols();
    let sides: Vec<usize> = (0..2).filter(|&side| rows[side].rows() > width).collect();
    let wanted: Vec<&Tensor> = sides.iter().map(|&side| rows[side]).collect();
    let read = gpu.read(&wanted).await?;
    let half = Packed { side: width };
    let mut found = [None, None];
    for &side in &sides {
        let zeros = || Readback {
            rows: half.rows(),
            cols: half.cols(),
            values: vec![0.0; half.rows() * half.cols()],
        };
        found[side] = Some([zeros(), zeros()]);
    }
    let strips = (sides.iter().zip(&read)).flat_map(|(&side, rows)| {
        (0..width)
            .step_by(STRIP)
            .map(move |first| (side, rows, first))
    });
    let strips: Vec<_> = strips.collect();
    let work = |(side, rows, first): (usize, &Readback, usize)| {
        let end = (first + STRIP).min(width);
        (
            side,
            first,
            strip(&rows.values, width, [first, end], cancel),
        )
    };
    let mut failed = None;
    let heard = |(side, first, sums): (usize, usize, Result<Vec<f64>, GpuError>)| match sums {
        Err(error) => failed = Some(error),
        Ok(sums) => {
            let Some([high, rest]) = &mut found[side] else {
                return;
            };
            for (row, sums) in (first..).zip(sums.chunks_exact(width - first)) {
                for (col, &sum) in (first..).zip(sums).skip(row - first) {
                    let index = half.index(row, col);
                    high.values[index] = sum as f32;
                    rest.values[index] = (sum - f64::from(high.values[index])) as f32;
                }
            }
        }
    };
    platform::in_parallel(strips.into_iter(), usize::MAX, work, heard).await;
    match failed {
        Some(error) => Err(error),
        None => Ok(found),
    }
}

/// Rows `first` to `end` of the Gram matrix of `rows [n, width]`, from column `first` on; what is left of the diagonal has
/// no meaning.
fn strip(
    rows: &[f32],
    width: usize,
    [first, end]: [usize; 2],
    cancel: &Cancel,
) -> Result<Vec<f64>, GpuError> {
    let (m, n) = (end - first, width - first);
    let mut sums = vec![0.0; m * n];
    let mut panel = Vec::with_capacity(PANEL * n);
    for rows in rows.chunks(PANEL * width) {
        if cancel.is_cancelled() {
            return Err(GpuError::Cancelled);
        }
        panel.clear();
        for row in rows.chunks_exact(width) {
            panel.extend(row[first..].iter().map(|&value| f64::from(value)));
        }
        subtract(&mut sums, [m, n, n], (&panel, &panel), (n, n), 0, true);
    }
    sums.iter_mut().for_each(|sum| *sum = -*sum);
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_are_those_of_the_product() {
        for (count, width) in [(1, 1), (3, 5), (40, 7), (65, 66), (100, 130)] {
            let rows: Vec<f32> = (0..count * width)
                .map(|at| {
                    ((at * 37 + at / 11 + 1) as f32).sin() * 10f32.powi((at % width) as i32 % 5)
                })
                .collect();
            let exact = |i: usize, j: usize| -> f64 {
                let rows = rows.chunks_exact(width);
                rows.map(|row| f64::from(row[i]) * f64::from(row[j])).sum()
            };
            for first in (0..width).step_by(STRIP) {
                let end = (first + STRIP).min(width);
                let found = strip(&rows, width, [first, end], &Cancel::default()).unwrap();
                for i in first..end {
                    for j in i..width {
                        let value = found[(i - first) * (width - first) + j - first];
                        let size = (exact(i, i) * exact(j, j)).sqrt();
                        let error = (value - exact(i, j)).abs() / size;
                        assert!(error < 1e-14, "{count} x {width}, [{i}, {j}]: {error:.1e}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_wish_to_stop_is_heard() {
        let cancel = Cancel::default();
        cancel.cancel();
        let found = strip(&[1.0; 8], 2, [0, 2], &cancel);
        assert!(matches!(found, Err(GpuError::Cancelled)));
    }
}
