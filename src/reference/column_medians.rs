//! Twin of `shaders/column_medians.wgsl`.

/// Lower median of each column of `x [n, width]`.
pub fn column_medians(x: &[f32], width: usize) -> Vec<f32> {
    (0..width)
        .map(|col| {
            let mut column: Vec<f32> = x.iter().skip(col).step_by(width).copied().collect();
            column.sort_by(f32::total_cmp);
            column[(column.len() - 1) / 2]
        })
        .collect()
}
