//! Twin of `shaders/patchify.wgsl`.

/// Patches of `image [channels, height, width]` as rows `(channel, y, x)`, patch by patch.
pub fn patchify(
    image: &[f32],
    channels: usize,
    height: usize,
    width: usize,
    size: usize,
) -> Vec<f32> {
    let mut out = Vec::new();
    for patch_y in 0..height / size {
        for patch_x in 0..width / size {
            for channel in 0..channels {
                for y in patch_y * size..(patch_y + 1) * size {
                    let start = (channel * height + y) * width + patch_x * size;
                    out.extend_from_slice(&image[start..start + size]);
                }
            }
        }
    }
    out
}
