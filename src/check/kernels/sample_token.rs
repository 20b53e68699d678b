//! Cases of `sample_token`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::{DType, GpuError},
    kernels::sample_token::{Sampling, sample_token},
    reference,
};

/// One logit, fewer than a workgroup, stretches that end in the middle, vocabularies.
const SIZES: [usize; 6] = [1, 5, 256, 1023, 1025, 49_280];

/// Temperature, the largest that stay, the part of the probability that stays.
const LIMITS: [(f32, usize, f32); 7] = [
    (0.0, 0, 1.0),
    (1.0, 0, 1.0),
    (0.7, 3, 1.0),
    (1.3, 1, 0.9),
    (1.0, 0, 0.8),
    (2.0, 40, 0.95),
    (0.5, 1 << 20, 1e-6),
];

/// None so near to 1 that rounding decides.
const DRAWS: [f32; 4] = [0.0, 0.31, 0.77, 0.999];

fn compare(cases: &mut Cases<'_>, logits: &[f32], with: &Sampling) -> Result<(), GpuError> {
    let logits_t = cases.upload(1, logits.len(), logits)?;
    let ids = cases.gpu.tensor(DType::U32, 1, 1)?;
    let out = cases.out(1, 2)?;
    cases.run([sample_token(&logits_t, with, &ids, &out)?]);
    let (token, log) = reference::sample_token(logits, with);
    let what = format!("{} logits, {with:?}", logits.len());
    // The token exactly: a neighbour would be further off than the bound.
    cases.compare_part(
        format!("{what}: the token"),
        &out,
        0..1,
        0..1,
        vec![token as f32],
        1e-7,
    );
    cases.compare_part(what, &out, 0..1, 1..2, vec![log as f32], 10.0 * F32_SUMS);
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for size in SIZES {
        let logits: Vec<f32> = cases.normals(size).iter().map(|v| v * 3.0 - 1.0).collect();
        for (temperature, top_k, top_p) in LIMITS {
            for draw in DRAWS {
                let with = Sampling {
                    temperature,
                    top_k,
                    top_p,
                    draw,
                };
                compare(cases, &logits, &with)?;
            }
        }
    }
    // Of equal ones the first, and what is not finite never.
    compare(cases, &[1.25; 400], &Sampling::GREEDY)?;
    let mut logits = cases.normals(300);
    logits[7] = f32::NAN;
    logits[8] = f32::INFINITY;
    logits[9] = f32::NEG_INFINITY;
    for draw in DRAWS {
        let with = Sampling {
            temperature: 1.0,
            top_k: 5,
            top_p: 1.0,
            draw,
        };
        compare(cases, &logits, &with)?;
    }
    compare(cases, &logits, &Sampling::GREEDY)
}
