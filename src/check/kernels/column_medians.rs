//! Cases of `column_medians`.

use super::Cases;
use crate::{
    gpu::GpuError,
    kernels::{column_medians::column_medians, norm_stats::STATS},
    reference,
};

const SHAPES: [(usize, usize); 10] = [
    (1, 1),
    (2, 5),
    (3, 8),
    (64, 9),
    (65, 70),
    (501, 13),
    (127, 255),
    (129, 256),
    (257, 257),
    (20_001, 4),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[3..4]
    } else {
        &SHAPES[..]
    };
    for &(rows, width) in shapes {
        let mut x = cases.normals(rows * width);
        // Ties, zeros of both signs and very different sizes.
        for value in x.iter_mut().step_by(3) {
            *value = value.round();
        }
        for value in x.iter_mut().step_by(7) {
            *value *= 1e-20;
        }
        let x_t = cases.upload(rows, width, &x)?;
        // The second layer's statistics count an outlier, and only then there is something to do.
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 3] = 1.0;
        let stats = cases.upload(2, STATS, &stats)?;
        for layer in [0, 1] {
            let out = cases.upload(1, width, &vec![9.0; width])?;
            cases.run([column_medians(cases.gpu, &x_t, &stats, layer, &out)?]);
            let expected = match layer {
                0 => vec![9.0; width],
                _ => reference::column_medians(&x, width),
            };
            cases.compare(
                format!("[{rows}, {width}] layer {layer}"),
                &out,
                expected,
                0.0,
            );
        }
    }
    Ok(())
}
