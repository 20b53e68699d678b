//! Twin of `shaders/column_sums.wgsl`.

/// `factor` times the sum of `x - shift`, or of its square, column by column over each block of
/// `block` rows of `x [n, width]`.
pub fn column_sums(x: &[f32], shift: &[f32], square: bool, block: usize, factor: f32) -> Vec<f32> {
    let width = shift.len();
    x.chunks(block * width)
        .flat_map(|rows| {
            (0..width).map(move |col| {
                let column = rows.iter().skip(col).step_by(width);
                let sum: f64 = column
                    .map(|&value| {
                        let distance = f64::from(value) - f64::from(shift[col]);
                        if square {
                            distance * distance
                        } else {
                            distance
                        }
                    })
                    .sum();
                (f64::from(factor) * sum) as f32
            })
        })
        .collect()
}
