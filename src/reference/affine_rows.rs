//! Twin of `shaders/affine_rows.wgsl`.

/// `factors * x + shifts` for each row of `x [n, width]`, or for those at `indices`, column by column.
pub fn affine_rows(
    x: &[f32],
    factors: &[f32],
    shifts: &[f32],
    indices: Option<&[u32]>,
) -> Vec<f32> {
    let mut out = x.to_vec();
    for (index, row) in out.chunks_exact_mut(factors.len()).enumerate() {
        if indices.is_some_and(|chosen| !chosen.contains(&(index as u32))) {
            continue;
        }
        for (value, (&factor, &shift)) in row.iter_mut().zip(factors.iter().zip(shifts)) {
            *value = (f64::from(factor) * f64::from(*value) + f64::from(shift)) as f32;
        }
    }
    out
}
