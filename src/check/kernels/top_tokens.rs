//! Cases of `top_tokens`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::top_tokens::{MOST, top_tokens, width},
    reference,
};

const SHAPES: [(usize, usize); 10] = [
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

fn compare(
    cases: &mut Cases<'_>,
    logits: &[f32],
    vocab: usize,
    counts: &[usize],
    what: &str,
) -> Result<(), GpuError> {
    let rows = logits.len() / vocab;
    let logits_t = cases.upload(rows, vocab, logits)?;
    for &count in counts {
        let out = cases.out(rows, width(count))?;
        cases.run(top_tokens(cases.gpu, &logits_t, count, &out)?);
        let expected = reference::top_tokens(logits, vocab, count);
        // Logits and ids are chosen, the log of the sum is computed.
        for (columns, bound) in [(0..2 * count, 0.0), (2 * count..width(count), 5e-6)] {
            let values = expected
                .chunks_exact(width(count))
                .flat_map(|row| &row[columns.clone()]);
            let values = values.copied().collect();
            let what = format!("{what} [{rows}, {vocab}], {count}, values {columns:?}");
            cases.compare_part(what, &out, 0..rows, columns, values, bound);
        }
    }
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (rows, vocab) in SHAPES {
        let logits: Vec<f32> = cases
            .normals(rows * vocab)
            .iter()
            .map(|v| v * 6.0 - 2.0)
            .collect();
        let most = vocab.min(MOST);
        compare(cases, &logits, vocab, &[1, most], "normal")?;
    }
    compare(cases, &[1.25; 400], 200, &[1, 8], "equal")?;
    let rising: Vec<f32> = (0..152_064).map(|i| i as f32 * 1e-3).collect();
    compare(cases, &rising, 152_064, &[8], "rising")?;
    let mut logits = cases.normals(3 * 300);
    for (index, logit) in logits.iter_mut().enumerate() {
        match (index / 300, index % 5) {
            (0, 0) => *logit = f32::NAN,
            (1, 1) => *logit = f32::INFINITY,
            (2, 2) => *logit = f32::NEG_INFINITY,
            _ => {}
        }
    }
    compare(cases, &logits, 300, &[1, 4, 8], "not finite")?;
    Ok(())
}
