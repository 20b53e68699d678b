//! `center_rows` against its twin.

use mirscope::{
    kernels::{center_rows::center_rows, norm_stats::STATS},
    reference,
};

use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(71);
    for (rows, width) in [(1, 1), (3, 5), (65, 70)] {
        let x: Vec<f32> = random
            .normals(rows * width)
            .iter()
            .map(|x| x + 50.0)
            .collect();
        let mean = vec![50.0; width];
        let rest: Vec<f32> = random.normals(width).iter().map(|x| x * 1e-3).collect();
        let scale = 0.125;
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 5] = scale;
        let two = |row: &[f32]| [vec![f32::NAN; width], row.to_vec()].concat();
        let input = gpu.upload(rows, width, &x).expect("x");
        let means = gpu.upload(2, width, &two(&mean)).expect("means");
        let rests = gpu.upload(2, width, &two(&rest)).expect("rests");
        let stats = gpu.upload(2, STATS, &stats).expect("stats");
        let call = center_rows(&input, &means, &rests, &stats, 1).expect("shapes");
        let found = run(&gpu, [call], &input);
        let expected = reference::center_rows(&x, &mean, &rest, scale);
        // Two roundings per value.
        assert_close(&found, &expected, 2e-7, &format!("[{rows}, {width}]"));
    }
}
