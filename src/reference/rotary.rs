//! Twin of `shaders/rotary.wgsl`.

/// `x cos + rotate_half(x) sin` for each head; `x [tokens, heads * head_dim]`, `table [tokens,
/// head_dim]` with cosines, then sines.
pub fn rotary(x: &[f32], table: &[f32], width: usize, head_dim: usize) -> Vec<f32> {
    let half = head_dim / 2;
    let mut out = x.to_vec();
    for (token, row) in out.chunks_exact_mut(width).enumerate() {
        let angles = &table[token * head_dim..(token + 1) * head_dim];
        for head in row.chunks_exact_mut(head_dim) {
            for i in 0..half {
                let (a, b) = (f64::from(head[i]), f64::from(head[i + half]));
                let (cosine, sine) = (f64::from(angles[i]), f64::from(angles[i + half]));
                head[i] = (a * cosine - b * sine) as f32;
                head[i + half] = (b * cosine + a * sine) as f32;
            }
        }
    }
    out
}
