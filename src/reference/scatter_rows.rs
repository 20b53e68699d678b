//! Twin of `shaders/scatter_rows.wgsl`.

/// `out[indices[i]] = source[source_row + i]` where that row exists; rows of `width`.
pub fn scatter_rows(
    indices: &[u32],
    source: &[f32],
    source_row: usize,
    width: usize,
    out: &mut [f32],
) {
    for (i, &index) in indices.iter().enumerate() {
        let start = index as usize * width;
        if let Some(row) = out.get_mut(start..start + width) {
            let source_start = (source_row + i) * width;
            row.copy_from_slice(&source[source_start..source_start + width]);
        }
    }
}
