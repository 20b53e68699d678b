//! Twin of `shaders/add_rows.wgsl`.

/// `x[x_row + i] + y[i]`; `y [rows, width]`.
pub fn add_rows(x: &[f32], x_row: usize, y: &[f32], width: usize) -> Vec<f32> {
    x[x_row * width..]
        .iter()
        .zip(y)
        .map(|(&a, &b)| (f64::from(a) + f64::from(b)) as f32)
        .collect()
}
