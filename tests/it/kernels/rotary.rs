use mirscope::{kernels::rotary::rotary, reference};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(12);
    for (tokens, heads, head_dim) in [(1, 1, 2), (3, 2, 6), (17, 3, 10), (5, 4, 64)] {
        let width = heads * head_dim;
        let x = random.normals(tokens * width);
        let table: Vec<f32> = (0..tokens)
            .flat_map(|token| {
                let angle =
                    move |i: usize| token as f64 * 10f64.powf(-(i as f64) / head_dim as f64);
                let half = head_dim / 2;
                (0..half)
                    .map(move |i| angle(i).cos() as f32)
                    .chain((0..half).map(move |i| angle(i).sin() as f32))
            })
            .collect();
        let x_t = gpu.upload(tokens, width, &x).unwrap();
        let table_t = gpu.upload(tokens, head_dim, &table).unwrap();
        let found = run(&gpu, [rotary(&x_t, &table_t, head_dim).unwrap()], &x_t);
        let expected = reference::rotary(&x, &table, width, head_dim);
        assert_close(
            &found,
            &expected,
            F32_SUMS,
            &format!("{tokens} {heads} {head_dim}"),
        );
    }
}
