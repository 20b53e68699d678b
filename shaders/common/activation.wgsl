// Activation functions. Codes: 0 = none, 1 = gelu (erf), 2 = gelu (tanh), 3 = quick gelu, 4 = silu,
// 5 = relu, 6 = tanh, 7 = sigmoid. The same codes as `kernels::Activation`.

fn logistic(x: f32) -> f32 {
    // For large -x exp overflows to infinity and the quotient is 0, as it should be; the clamp only
    // keeps drivers from making a NaN of it.
    return 1.0 / (1.0 + exp(min(-x, 80.0)));
}

fn tanh_safe(x: f32) -> f32 {
    // Some drivers compute tanh through exp(2x), which overflows.
    return tanh(clamp(x, -10.0, 10.0));
}

// erf within 2e-7: Taylor series near 0, elsewhere 1 - erfc by the continued-fraction fit of
// Numerical Recipes (Chebyshev coefficients, fractional error of erfc below 1.2e-7).
fn erf_f32(x: f32) -> f32 {
    let z = abs(x);
    if z < 0.5 {
        let q = z * z;
        let series = 1.0 + q * (-0.33333333 + q * (0.1 + q * (-0.023809524 + q * (0.0046296296
            + q * (-0.00075757576 + q * 0.00010683761)))));
        return x * series * 1.1283791671;
    }
    let t = 1.0 / (1.0 + 0.5 * z);
    let poly = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418
        + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587
        + t * (-0.82215223 + t * 0.17087277))))))));
    let erfc = t * exp(max(poly - z * z, -80.0));
    return select(1.0 - erfc, erfc - 1.0, x < 0.0);
}

fn activate(code: u32, x: f32) -> f32 {
    switch code {
        case 1u: { return 0.5 * x * (1.0 + erf_f32(x * 0.70710678)); }
        case 2u: { return 0.5 * x * (1.0 + tanh_safe(0.7978845608 * (x + 0.044715 * x * x * x))); }
        case 3u: { return x * logistic(1.702 * x); }
        case 4u: { return x * logistic(x); }
        case 5u: { return max(x, 0.0); }
        case 6u: { return tanh_safe(x); }
        case 7u: { return logistic(x); }
        default: { return x; }
    }
}

fn activate4(code: u32, x: vec4<f32>) -> vec4<f32> {
    if code == 0u {
        return x;
    }
    return vec4<f32>(activate(code, x.x), activate(code, x.y), activate(code, x.z), activate(code, x.w));
}
