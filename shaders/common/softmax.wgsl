// What kernels of attention share.

// Smaller than any score, larger than minus infinity, whose differences are NaN.
const LOWEST: f32 = -3.0e38;

// Four elements that begin `skip` elements into `low` and go on in `high`.
fn shifted(low: vec4<f32>, high: vec4<f32>, skip: u32) -> vec4<f32> {
    switch skip {
        case 1u: { return vec4<f32>(low.yzw, high.x); }
        case 2u: { return vec4<f32>(low.zw, high.xy); }
        case 3u: { return vec4<f32>(low.w, high.xyz); }
        default: { return low; }
    }
}

fn largest(x: vec4<f32>) -> f32 {
    return max(max(x.x, x.y), max(x.z, x.w));
}

// exp(score - peak), and 0 for what is masked: where a whole row is, the difference is 0.
fn weights(scores: vec4<f32>, peak: f32) -> vec4<f32> {
    return select(vec4<f32>(0.0), exp(scores - vec4<f32>(peak)), scores > vec4<f32>(LOWEST));
}
