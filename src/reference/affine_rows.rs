//! Twin of `shaders/affine_rows.wgsl`.

/// `factors * x + shifts` for each row of `x [n, width]`, column by column.
pub fn affine_rows(x: &[f32], factors: &[f32], shifts: &[f32]) -> Vec<f32> {
    x.chunks_exact(factors.len())
        .flat_map(|row| {
            let columns = row.iter().zip(factors).zip(shifts);
            columns.map(|((&x, &factor), &shift)| {
                (f64::from(factor) * f64::from(x) + f64::from(shift)) as f32
            })
        })
        .collect()
}
