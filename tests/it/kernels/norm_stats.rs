//! `norm_stats` against its twin.

use mirscope::{
    gpu::DType,
    kernels::norm_stats::{NormStats, STATS, norm_stats},
    reference,
};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

/// Rows of equally many norms.
fn check(rows: &[Vec<f32>], what: &str) {
    let gpu = gpu();
    let cols = rows[0].len();
    let norms = gpu.upload(rows.len(), cols, &rows.concat()).expect("norms");
    let out = gpu.tensor(DType::F32, rows.len(), STATS).expect("out");
    let call = norm_stats(&gpu, &norms, &out).expect("shapes");
    let found = run(&gpu, [call], &out);
    for (index, (row, found)) in rows.iter().zip(found.chunks_exact(STATS)).enumerate() {
        let expected = reference::norm_stats(row);
        let what = format!("{what} row {index}");
        let deviation = expected[1];
        // What is selected, counted or a power of two is exact.
        for exact in [2, 3, 4, 5, 7] {
            assert_eq!(found[exact], expected[exact], "{what} value {exact}");
        }
        assert_close(&found[..1], &expected[..1], F32_SUMS, &what);
        for value in [1, 6] {
            let error = (found[value] - expected[value]).abs();
            assert!(
                error <= 1e-5 * deviation + 1e-6 * expected[0],
                "{what} value {value}: {} for {}",
                found[value],
                expected[value]
            );
        }
        let parsed = NormStats::parse(found).expect("eight values");
        assert_eq!(parsed.outliers as f32, expected[3]);
    }
}

#[test]
fn equals_its_twin() {
    let mut random = Random::new(31);
    for (rows, cols) in [(1, 2), (3, 3), (2, 64), (70, 65), (5, 1001)] {
        let norms: Vec<Vec<f32>> = (0..rows)
            .map(|row| {
                let scale = 10_f32.powi(row % 9 - 4);
                let norms = random.normals(cols);
                norms.iter().map(|x| (3.0 + x).abs() * scale).collect()
            })
            .collect();
        check(&norms, &format!("[{rows}, {cols}]"));
    }
}

#[test]
fn takes_the_lower_median_and_counts_both_tails() {
    let mut random = Random::new(32);
    let mut long: Vec<f32> = random.normals(400).iter().map(|x| 10.0 + 0.1 * x).collect();
    (long[7], long[203], long[399]) = (0.5, 40.0, 39.0);
    check(&[long], "outliers on both sides");
    let ties = vec![vec![1.0, 2.0, 2.0, 2.0, 3.0, 3.0], vec![5.0; 6]];
    check(&ties, "ties, all equal");
    let even = vec![vec![4.0, 1.0, 3.0, 2.0], vec![0.0, 0.0, 8.0, 9.0]];
    check(&even, "even number, median 0");
    check(&[vec![0.0; 5]], "all zero");
}

#[test]
fn counts_what_is_not_finite() {
    let gpu = gpu();
    let mut row = vec![1.0; 130];
    row[3] = f32::INFINITY;
    row[129] = f32::INFINITY;
    let norms = gpu.upload(1, 130, &row).expect("norms");
    let out = gpu.tensor(DType::F32, 1, STATS).expect("out");
    let call = norm_stats(&gpu, &norms, &out).expect("shapes");
    let found = run(&gpu, [call], &out);
    assert_eq!(found[4], 2.0);
}

/// A software adapter ends the loops of an invocation early.
#[test]
fn goes_through_any_number_of_norms() {
    let gpu = gpu();
    let norms: Vec<f32> = Random::new(33)
        .normals(20_001)
        .iter()
        .map(|x| (9.0 + x).abs())
        .collect();
    let input = gpu.upload(1, norms.len(), &norms).expect("norms");
    let out = gpu.tensor(DType::F32, 1, STATS).expect("out");
    let call = norm_stats(&gpu, &input, &out).expect("shapes");
    let found = run(&gpu, [call], &out);
    let expected = reference::norm_stats(&norms);
    assert!(expected[3] > 0.0, "some are outliers");
    assert_eq!(found[2..6], expected[2..6]);
    assert_close(&found[..2], &expected[..2], F32_SUMS, "mean and deviation");
}

#[test]
fn a_row_is_read_as_it_was_written() {
    let row = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    assert_eq!(NormStats::parse(&row).unwrap().row(), row);
}
