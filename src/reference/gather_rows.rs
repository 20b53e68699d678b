//! Twin of `shaders/gather_rows.wgsl`.

/// `out[out_row + i] = source[indices[i] - first]` where that row exists; rows of `width`.
pub fn gather_rows(
    indices: &[u32],
    source: &[f32],
    first: usize,
    width: usize,
    out: &mut [f32],
    out_row: usize,
) {
    for (i, &index) in indices.iter().enumerate() {
        let row = (index as usize)
            .checked_sub(first)
            .and_then(|row| source.chunks_exact(width).nth(row));
        if let Some(row) = row {
            out[(out_row + i) * width..(out_row + i + 1) * width].copy_from_slice(row);
        }
    }
}
