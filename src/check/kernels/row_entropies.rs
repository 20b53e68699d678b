//! Cases of `row_entropies`.

use super::Cases;
use crate::{check::F32_SUMS, gpu::GpuError, kernels::row_entropies::row_entropies, reference};

const SHAPES: [(usize, usize); 9] = [
    (1, 1),
    (2, 7),
    (3, 63),
    (5, 65),
    (66, 130),
    (7, 576),
    (4, 4097),
    (3, 49_280),
    (2, 152_064),
];

fn compare(
    cases: &mut Cases<'_>,
    logits: &[f32],
    vocab: usize,
    what: &str,
) -> Result<(), GpuError> {
    let rows = logits.len() / vocab;
    let logits_t = cases.upload(rows, vocab, logits)?;
    let out = cases.out(rows, 1)?;
    cases.run([row_entropies(cases.gpu, &logits_t, &out)?]);
    let expected = reference::row_entropies(logits, vocab);
    cases.compare(
        format!("{what} [{rows}, {vocab}]"),
        &out,
        expected,
        F32_SUMS,
    );
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, vocab) in SHAPES {
        let normals = cases.normals(rows * vocab);
        let logits: Vec<f32> = normals.iter().map(|v| v * 3.0 - 2.0).collect();
        compare(cases, &logits, vocab, "normal")?;
    }
    compare(cases, &[1.25; 400], 200, "equal")?;
    let mut logits = cases.normals(3 * 300);
    for (index, logit) in logits.iter_mut().enumerate() {
        match (index / 300, index % 5) {
            (0, 0) => *logit = f32::NAN,
            (1, 1) => *logit = f32::INFINITY,
            (2, 2) => *logit = f32::NEG_INFINITY,
            // Far from the others: no weight, and no overflow.
            (_, 3) => *logit = -3e38,
            _ => {}
        }
    }
    compare(cases, &logits, 300, "not finite")?;
    Ok(())
}
