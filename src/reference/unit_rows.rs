//! Twin of `shaders/unit_rows.wgsl`.

/// The rows of `x [n, width]` at `indices`, each over its l2 norm; rows of zeros stay.
pub fn unit_rows(indices: &[u32], x: &[f32], width: usize) -> Vec<f32> {
    (indices.iter())
        .flat_map(|&index| {
            let row = &x[index as usize * width..][..width];
            let squares: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
            let norm = if squares > 0.0 { squares.sqrt() } else { 1.0 };
            row.iter()
                .map(move |&value| (f64::from(value) / norm) as f32)
        })
        .collect()
}
