//! Twin of `shaders/split_rows.wgsl`.

/// `x [n, width]` as `[high, mixed, low]`, each `[width, n]`; `squares` are the sums of squares that
/// decide the columns' grids.
pub fn split_rows(x: &[f32], squares: &[f32]) -> [Vec<f32>; 3] {
    let mut parts = [const { Vec::new() }; 3];
    for (col, &sum) in squares.iter().enumerate() {
        // The smallest power of two with sum < 2^23 grid^2, from the exponent of the sum alone.
        let exponent = f64::from(sum).log2().floor();
        let grid = (((exponent + 2.0) / 2.0).ceil() - 12.0)
            .clamp(-100.0, 100.0)
            .exp2();
        for &value in x.iter().skip(col).step_by(squares.len()) {
            let value = f64::from(value);
            let high = (value / grid).round_ties_even() * grid;
            parts[0].push(high as f32);
            parts[1].push((high + 0.5 * (value - high)) as f32);
            parts[2].push((value - high) as f32);
        }
    }
    parts
}
