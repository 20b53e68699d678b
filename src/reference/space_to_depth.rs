//! Twin of `shaders/space_to_depth.wgsl`.

/// `x [side^2, channels]` as `[(side / scale)^2, scale^2 channels]`: the positions of each square of
/// `scale`, row by row, one after another.
pub fn space_to_depth(x: &[f32], side: usize, scale: usize) -> Vec<f32> {
    let channels = x.len() / (side * side);
    let mut out = Vec::with_capacity(x.len());
    for top in (0..side).step_by(scale) {
        for left in (0..side).step_by(scale) {
            for row in top..top + scale {
                let start = (row * side + left) * channels;
                out.extend_from_slice(&x[start..start + scale * channels]);
            }
        }
    }
    out
}
