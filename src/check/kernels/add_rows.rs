//! Cases of `add_rows`.

use super::Cases;
use crate::{gpu::GpuError, kernels::add_rows::add_rows, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (first, rows, width) in [(0, 1, 1), (1, 3, 5), (0, 65, 70), (4, 9, 64)] {
        let (all, x) = (first + rows + 1, cases.normals((first + rows + 1) * width));
        let y = cases.normals(rows * width);
        let (x_t, y_t) = (
            cases.upload(all, width, &x)?,
            cases.upload(rows, width, &y)?,
        );
        let out = cases.out(rows, width)?;
        cases.run([add_rows(&x_t, first, &y_t, &out)?]);
        let expected = reference::add_rows(&x, first, &y, width);
        let what = format!("{rows} rows of {width} from {first}");
        cases.compare(what, &out, expected, 0.0);
    }
    Ok(())
}
