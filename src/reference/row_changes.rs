//! Twin of `shaders/row_changes.wgsl`.

/// `||a - b|| / ||a||` and the cosine of each row of `a` and `b` `[n, width]`; 0 where a divisor is.
pub fn row_changes(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    let sum = |terms: &mut dyn Iterator<Item = f64>| terms.sum::<f64>();
    let over = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
    (a.chunks_exact(width).zip(b.chunks_exact(width)))
        .flat_map(|(a, b)| {
            let pairs = || a.iter().zip(b).map(|(&x, &y)| (f64::from(x), f64::from(y)));
            let of_a = sum(&mut pairs().map(|(x, _)| x * x)).sqrt();
            let of_b = sum(&mut pairs().map(|(_, y)| y * y)).sqrt();
            let difference = sum(&mut pairs().map(|(x, y)| (x - y).powi(2))).sqrt();
            let product = sum(&mut pairs().map(|(x, y)| x * y));
            [
                over(difference, of_a) as f32,
                over(product, of_a * of_b) as f32,
            ]
        })
        .collect()
}
