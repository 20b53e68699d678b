//! Twin of `shaders/norm_stats.wgsl`.

/// Mean, unbiased deviation, lower median, outliers, norms that are not finite, scale, limit, norms
/// near the limit, of the `norms` of one row.
pub fn norm_stats(norms: &[f32]) -> [f32; 8] {
    let count = norms.len() as f64;
    let mean = norms.iter().map(|&norm| f64::from(norm)).sum::<f64>() / count;
    let squares: f64 = (norms.iter())
        .map(|&norm| (f64::from(norm) - mean).powi(2))
        .sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let mut sorted = norms.to_vec();
    sorted.sort_by(f32::total_cmp);
    let median = sorted[(norms.len() - 1) / 2];
    let limit = 3.0 * deviation;
    let distance = |norm: f32| (f64::from(norm) - f64::from(median)).abs();
    let is_outlier = |&&norm: &&f32| distance(norm) > limit;
    let is_near = |&&norm: &&f32| (distance(norm) - limit).abs() < 0.01 * limit;
    let center = if median == 0.0 {
        mean
    } else {
        f64::from(median)
    };
    let exponent = if center > 0.0 {
        center.log2().floor().clamp(-100.0, 100.0)
    } else {
        -100.0
    };
    [
        mean as f32,
        deviation as f32,
        median,
        norms.iter().filter(is_outlier).count() as f32,
        norms.iter().filter(|norm| !norm.is_finite()).count() as f32,
        (-exponent).exp2() as f32,
        limit as f32,
        norms.iter().filter(is_near).count() as f32,
    ]
}
