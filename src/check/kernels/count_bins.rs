//! Cases of `count_bins`.

use super::Cases;
use crate::{gpu::GpuError, kernels::count_bins::count_bins, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, width, count) in [(1, 1, 2), (5, 7, 8), (90, 33, 512), (300, 65, 16)] {
        let mut x = cases.normals((rows + 1) * width);
        let centers = cases.normals(2 * width);
        // Some columns have all their values in the middle, of others the ends have many.
        let inverse: Vec<f32> = (0..2 * width)
            .map(|at| [0.0, 0.25, 1.0, 1e4][at % 4] * count as f32 / 4.0)
            .collect();
        // Where bins meet, rounding decides.
        for (at, value) in x.iter_mut().enumerate() {
            let (center, inverse) = (centers[width + at % width], inverse[width + at % width]);
            let is_on_edge = |value: f32| {
                let t = (f64::from(value) - f64::from(center)) * f64::from(inverse);
                let place = (1.0 + t / (1.0 + t.abs())) * (count / 2) as f64;
                t != 0.0 && (place - place.round()).abs() < 1e-3
            };
            for _ in 0..100 {
                if is_on_edge(*value) {
                    *value = center + 0.9 * (*value - center);
                }
            }
        }
        for (at, broken) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
            .into_iter()
            .enumerate()
        {
            if let Some(value) = x.get_mut(1 + 3 * at) {
                *value = broken;
            }
        }
        let bins: Vec<f32> = (0..count * width).map(|at| (at % 3) as f32).collect();
        let own = width..2 * width;
        let taken = &x[..rows * width];
        let expected =
            reference::count_bins(taken, &centers[own.clone()], &inverse[own], bins.clone());
        let x = cases.upload(rows + 1, width, &x)?;
        let (centers, inverse) = (
            cases.upload(2, width, &centers)?,
            cases.upload(2, width, &inverse)?,
        );
        let bins = cases.upload(count, width, &bins)?;
        let call = count_bins(cases.gpu, (&x, rows), &centers, &inverse, 1, &bins)?;
        cases.run([call]);
        cases.compare(
            format!("[{rows}, {width}] in {count}"),
            &bins,
            expected,
            0.0,
        );
    }
    Ok(())
}
