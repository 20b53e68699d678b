// Heads of one product of queries, keys and values: queries and keys normed head by head, where a decoder does
// that, and turned by the rotary embedding, half-split pairs (i, i + head_dim / 2) as in `rotate_half`.
//
// The angles come as a table from the CPU: sines of large arguments are not accurate on all GPUs. Who imports it
// binds arrays of f32: `table`, with the cosines of half a head and then its sines from an index on, and `q_norm` and
// `k_norm`, the weights of the norms; `params` has the width of a head, `head_dim`, and `eps`; and the function
// `product` gives element `i` of the head that begins at `base`.

// Whether queries and keys are normed: x / sqrt(mean(x^2) + eps) * weight.
override NORMED: bool = false;

fn factor_by(squares: f32) -> f32 {
    return inverseSqrt(squares / f32(params.head_dim) + params.eps);
}

// Element `i` of the head that begins at `base`, normed with this factor.
fn normed(base: u32, i: u32, factor: f32, is_key: bool) -> f32 {
    let value = product(base, i);
    if !NORMED {
        return value;
    }
    if is_key {
        return k_norm[i] * (value * factor);
    }
    return q_norm[i] * (value * factor);
}

// Elements `i` and `i + head_dim / 2`, turned by the angles from index `angles` of the table on.
fn turned_pair(base: u32, i: u32, factor: f32, is_key: bool, angles: u32) -> vec2<f32> {
    let half = params.head_dim / 2u;
    let cosine = table[angles + i];
    let sine = table[angles + half + i];
    let a = normed(base, i, factor, is_key);
    let b = normed(base, i + half, factor, is_key);
    return vec2<f32>(a * cosine - b * sine, b * cosine + a * sine);
}

fn turned_element(base: u32, i: u32, factor: f32, is_key: bool, angles: u32) -> f32 {
    let half = params.head_dim / 2u;
    let pair = turned_pair(base, i % half, factor, is_key, angles);
    return select(pair.x, pair.y, i >= half);
}
