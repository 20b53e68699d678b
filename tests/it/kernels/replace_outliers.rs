//! `replace_outliers` against its twin.

use mirscope::{
    kernels::{norm_stats::STATS, replace_outliers::replace_outliers},
    reference,
};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin_exactly() {
    let gpu = gpu();
    let mut random = Random::new(51);
    for (rows, width) in [(2, 1), (5, 7), (90, 33)] {
        let x = random.normals(rows * width);
        let medians = random.normals(width);
        let own: Vec<f32> = random.normals(rows).iter().map(|x| x.abs()).collect();
        let (median, limit) = (0.7, 0.5);
        // Statistics and norms of the first layer would replace nothing.
        let norms = [vec![median; rows], own.clone()].concat();
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 2] = median;
        stats[STATS + 6] = limit;
        let expected = reference::replace_outliers(&x, &own, median, limit, &medians);
        for outliers in [0.0, 1.0] {
            stats[STATS + 3] = outliers;
            let input = gpu.upload(rows, width, &x).expect("x");
            let norms = gpu.upload(2, rows, &norms).expect("norms");
            let stats = gpu.upload(2, STATS, &stats).expect("stats");
            let medians = gpu.upload(1, width, &medians).expect("medians");
            let call = replace_outliers(&input, &norms, &stats, 1, &medians).expect("shapes");
            let found = run(&gpu, [call], &input);
            let expected = if outliers > 0.0 { &expected } else { &x };
            assert_eq!(&found, expected, "[{rows}, {width}] {outliers}");
        }
    }
}
