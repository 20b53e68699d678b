//! Twin of `shaders/count_bins.wgsl`.

/// `bins [count, width]` with each finite value of `x [rows, width]` counted in the bin of its column.
pub fn count_bins(x: &[f32], centers: &[f32], inverse: &[f32], mut bins: Vec<f32>) -> Vec<f32> {
    let width = centers.len();
    let count = bins.len() / width;
    for row in x.chunks_exact(width) {
        for (col, &value) in row.iter().enumerate() {
            if !value.is_finite() {
                continue;
            }
            let t = (f64::from(value) - f64::from(centers[col])) * f64::from(inverse[col]);
            let place = (1.0 + t / (1.0 + t.abs())) * (count / 2) as f64;
            let bin = place.clamp(0.0, (count - 1) as f64) as usize;
            bins[bin * width + col] += 1.0;
        }
    }
    bins
}
