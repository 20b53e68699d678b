// A value of several that are variables of their own, chosen in a loop: for sums that are stored by one piece of code,
// and are too many for an array (LLVM's time grows with the square of what is written into arrays).

fn of_four(index: u32, x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>) -> vec4<f32> {
    let odd = (index & 1u) == 1u;
    return select(select(x0, x1, odd), select(x2, x3, odd), (index & 2u) == 2u);
}

fn of_eight(
    index: u32,
    x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>, x4: vec4<f32>, x5: vec4<f32>, x6: vec4<f32>, x7: vec4<f32>,
) -> vec4<f32> {
    return select(of_four(index, x0, x1, x2, x3), of_four(index, x4, x5, x6, x7), (index & 4u) == 4u);
}

fn of_sixteen(
    index: u32,
    x0: vec4<f32>, x1: vec4<f32>, x2: vec4<f32>, x3: vec4<f32>, x4: vec4<f32>, x5: vec4<f32>, x6: vec4<f32>, x7: vec4<f32>,
    x8: vec4<f32>, x9: vec4<f32>, x10: vec4<f32>, x11: vec4<f32>, x12: vec4<f32>, x13: vec4<f32>, x14: vec4<f32>, x15: vec4<f32>,
) -> vec4<f32> {
    return of_four(
        index / 4u,
        of_four(index, x0, x1, x2, x3), of_four(index, x4, x5, x6, x7),
        of_four(index, x8, x9, x10, x11), of_four(index, x12, x13, x14, x15),
    );
}
