//! Cases of `blend_rows`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::blend_rows::blend_rows, reference};

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    // Rows of the source, of the result, width.
    for (rows, count, width) in [(1, 1, 1), (7, 5, 3), (50, 131, 66), (9, 3, 64)] {
        let source = cases.normals(rows * width);
        let weights = cases.normals(4 * count);
        let mut indices: Vec<u32> = (0..4 * count)
            .map(|_| (cases.random.next_u64() % rows as u64) as u32)
            .collect();
        // Of a sum that lacks a row the result keeps what stood there.
        if count > 1 {
            indices[4 + count % 4] = rows as u32;
            indices[8] = u32::MAX;
        }
        // A row behind the last sum stays as well.
        let mut expected = cases.normals((count + 1) * width);
        let out = cases.upload(count + 1, width, &expected)?;
        let source_t = cases.upload(rows, width, &source)?;
        let weights_t = cases.upload(1, 4 * count, &weights)?;
        let indices_t = cases.gpu.upload_indices(&indices)?;
        cases.run([blend_rows(&indices_t, &weights_t, &source_t, &out)?]);
        reference::blend_rows(&indices, &weights, &source, width, &mut expected);
        cases.compare(
            format!("{count} of {rows} rows of {width}"),
            &out,
            expected,
            F32_SUMS,
        );
    }
    Ok(())
}
