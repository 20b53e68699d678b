//! Cases of `affine_rows`.

use super::Cases;
use crate::{gpu::GpuError, kernels::affine_rows::affine_rows, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // The last ones map some rows only, one of them in the order of another list; 99 is no row.
    let some: Vec<u32> = (3..60).step_by(2).chain([99]).collect();
    for (rows, width, indices) in [
        (1, 1, None),
        (3, 5, None),
        (65, 70, None),
        (3, 5, Some(vec![2, 0])),
        (65, 70, Some(some)),
    ] {
        let x = cases.normals(rows * width);
        let (factors, shifts) = (cases.normals(width), cases.normals(width));
        let x_t = cases.upload(rows, width, &x)?;
        let (factors_t, shifts_t) = (cases.second_row(&factors)?, cases.second_row(&shifts)?);
        let chosen = indices.as_deref();
        let places = chosen
            .map(|list| cases.gpu.upload_indices(list))
            .transpose()?;
        cases.run([affine_rows(
            &x_t,
            &factors_t,
            &shifts_t,
            1,
            places.as_ref(),
        )?]);
        let expected = reference::affine_rows(&x, &factors, &shifts, chosen);
        let what = format!("[{rows}, {width}], chosen rows: {}", chosen.is_some());
        // Two roundings per value.
        cases.compare(what, &x_t, expected, 2e-7);
    }
    Ok(())
}
