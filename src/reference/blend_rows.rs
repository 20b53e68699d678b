//! Twin of `shaders/blend_rows.wgsl`.

/// `out[i] = sum of weights[4 i + k] * source[indices[4 i + k]]` where all four rows exist; rows of
/// `width`.
pub fn blend_rows(indices: &[u32], weights: &[f32], source: &[f32], width: usize, out: &mut [f32]) {
    let taps = indices.chunks_exact(4).zip(weights.chunks_exact(4));
    for ((rows, weights), out) in taps.zip(out.chunks_exact_mut(width)) {
        let row = |index: u32| source.chunks_exact(width).nth(index as usize);
        let rows: Option<Vec<&[f32]>> = rows.iter().map(|index| row(*index)).collect();
        let Some(rows) = rows else {
            continue;
        };
        for (col, value) in out.iter_mut().enumerate() {
            let terms = rows.iter().zip(weights);
            let sum: f64 = terms
                .map(|(row, weight)| f64::from(*weight) * f64::from(row[col]))
                .sum();
            *value = sum as f32;
        }
    }
}
