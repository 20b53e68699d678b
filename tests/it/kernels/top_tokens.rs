use mirscope::{
    gpu::DType,
    kernels::top_tokens::{MOST, TopTokens, top_tokens, top_tokens_with, width},
    reference,
};

use super::VARIANTS;
use crate::support::{Random, gpu, run};

/// The log-sum-exp against f64: its terms are added in f32.
const LOG_SUM: f32 = 5e-6;

/// Fails unless logits and columns are exactly, and the sums nearly, those of the twin.
#[track_caller]
fn assert_same(found: &[f32], expected: &[f32], count: usize, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let rows = found.chunks_exact(width(count));
    for (row, (found, expected)) in rows.zip(expected.chunks_exact(width(count))).enumerate() {
        let exact = 2 * count;
        assert_eq!(found[..exact], expected[..exact], "{what}, row {row}");
        let (sum, wanted) = (found[exact], expected[exact]);
        let off = (sum - wanted).abs() / wanted.abs().max(1.0);
        assert!(off <= LOG_SUM, "{what}, row {row}: {sum} is not {wanted}");
    }
}

#[track_caller]
fn check(rows: usize, vocab: usize, logits: &[f32], counts: &[usize], what: &str) {
    let gpu = gpu();
    let logits_t = gpu.upload(rows, vocab, logits).unwrap();
    for &count in counts {
        let expected = reference::top_tokens(logits, vocab, count);
        for variant in VARIANTS {
            let out = gpu.tensor(DType::F32, rows, width(count)).unwrap();
            let calls = top_tokens_with(&gpu, variant, &logits_t, count, &out).unwrap();
            let found = run(&gpu, calls, &out);
            let what = format!("{what} {variant:?} [{rows}, {vocab}] {count}");
            assert_same(&found, &expected, count, &what);
        }
    }
}

#[test]
fn equals_its_twin_over_vocabularies_of_every_size() {
    let mut random = Random::new(51);
    let shapes = [
        (1, 1),
        (2, 7),
        (3, 63),
        (5, 65),
        (66, 130),
        (7, 576),
        (4, 2048),
        (4, 2049),
        (3, 49_280),
        (2, 152_064),
    ];
    for (rows, vocab) in shapes {
        let logits: Vec<f32> = random
            .normals(rows * vocab)
            .iter()
            .map(|v| v * 6.0 - 2.0)
            .collect();
        let most = vocab.min(MOST);
        check(rows, vocab, &logits, &[1, most.min(5), most], "normal");
    }
}

#[test]
fn the_largest_are_found_wherever_they_stand() {
    // All in one lane of a workgroup, next to each other, at both ends, in several pieces.
    for columns in [
        vec![2047, 2048, 4095, 4096, 6000, 6001, 0, 8191],
        vec![5, 69, 133, 197, 261, 325, 389, 453],
        vec![100, 101, 102, 103, 104, 105, 106, 107],
        vec![0, 575, 1, 574, 2, 573, 3, 572],
    ] {
        let mut logits = vec![-1.0; 8192];
        for (value, &column) in (0..).zip(&columns) {
            logits[column] = 9.0 - value as f32;
        }
        check(1, 8192, &logits, &[1, 3, 8], "placed");
    }
}

#[test]
fn equal_logits_keep_the_order_of_their_columns() {
    check(2, 200, &[1.25; 400], &[1, 8], "equal");
    let mut random = Random::new(52);
    // Rising logits: each goes to the front.
    let rising: Vec<f32> = (0..152_064).map(|i| i as f32 * 1e-3).collect();
    check(1, 152_064, &rising, &[8], "rising");
    let logits: Vec<f32> = (0..3 * 777)
        .map(|_| (random.next_u64() % 7) as f32)
        .collect();
    check(3, 777, &logits, &[1, 2, 8], "seven values");
}

#[test]
fn logits_that_are_not_finite_never_count() {
    let mut random = Random::new(53);
    let mut logits = random.normals(4 * 300);
    for (index, logit) in logits.iter_mut().enumerate() {
        match (index / 300, index % 5) {
            (0, 0) => *logit = f32::NAN,
            (1, 1) => *logit = f32::INFINITY,
            (2, 2) => *logit = f32::NEG_INFINITY,
            // Nothing but three logits, one of them the smallest there is.
            (3, _) => {
                *logit = match index % 300 {
                    17 => 3.0,
                    211 => f32::MIN,
                    250 => -f32::MAX / 2.0,
                    _ => f32::NAN,
                }
            }
            _ => {}
        }
    }
    check(4, 300, &logits, &[1, 4, 8], "not finite");
    for vocab in [90, 5000] {
        check(1, vocab, &vec![f32::NAN; vocab], &[2], "nothing");
    }
    // Pieces of a row with nothing in them, and one with a single logit.
    let mut logits = vec![f32::NAN; 2 * 7001];
    logits[6500] = -80.0;
    logits[7001 + 10] = 80.0;
    logits[7001 + 4100] = 79.0;
    check(2, 7001, &logits, &[1, 3], "nearly nothing");
}

#[test]
fn padding_is_no_token() {
    let gpu = gpu();
    // The memory of a wider tensor full of large values, seen as a narrower one.
    let whole = gpu.upload(2, 8, &[50.0; 16]).unwrap();
    let logits = whole.reshaped(2, 5).unwrap();
    for variant in VARIANTS {
        let out = gpu.tensor(DType::F32, 2, width(8)).unwrap();
        let calls = top_tokens_with(&gpu, variant, &logits, 8, &out).unwrap();
        for row in run(&gpu, calls, &out).chunks_exact(width(8)) {
            let top = TopTokens::from_row(row);
            let ids: Vec<u32> = top.tokens.iter().map(|(id, _)| *id).collect();
            assert_eq!(ids, [0, 1, 2, 3, 4], "{variant:?}");
            assert!((top.probability(50.0) - 0.2).abs() < 1e-5);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let logits = tensor(3, 40);
    assert!(top_tokens(&gpu, &logits, 5, &tensor(3, 11)).is_ok());
    for (count, out) in [(0, [3, 1]), (9, [3, 19]), (5, [3, 10]), (5, [2, 11])] {
        let error = top_tokens(&gpu, &logits, count, &tensor(out[0], out[1])).unwrap_err();
        assert!(error.to_string().contains("top_tokens"), "{error}");
    }
}
