//! Cases of `gather_rows`.

use super::Cases;
use crate::{
    blocks::Block,
    check::F32_SUMS,
    gpu::{DType, GpuError},
    kernels::gather_rows::gather_rows,
    reference,
};

/// Subnormal numbers, the smallest and the largest among them.
const F16_SUBNORMAL: [f32; 4] = [5.9604645e-8, -6.097555e-5, -2.3841858e-7, 3.0517578e-5];
const BF16_SUBNORMAL: [f32; 4] = [9.1835e-41, -1.1663108e-38, -3.6734e-40, 5.877472e-39];

const SHAPES: [(usize, usize); 3] = [(1, 1), (7, 3), (50, 66)];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[1..2]
    } else {
        &SHAPES[..]
    };
    for &(rows, width) in shapes {
        let normals = cases.normals(rows * width);
        let mut indices: Vec<u32> = (0..8)
            .map(|_| (cases.random.next_u64() % rows as u64) as u32)
            .collect();
        // No row of the table: the result keeps what stood there.
        indices.push(u32::MAX);
        let indices_t = cases.gpu.upload_indices(&indices)?;
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (subnormal, bound) = match dtype {
                DType::F16 => (F16_SUBNORMAL, 0.0),
                // Those of f32 as well, which a device may take for 0.
                DType::BF16 => (BF16_SUBNORMAL, 1e-30),
                _ => ([1.0; 4], 0.0),
            };
            let mut values = normals.clone();
            for (value, subnormal) in values.iter_mut().skip(1).step_by(3).zip(subnormal) {
                *value = subnormal;
            }
            // The table in two pieces.
            let split = rows / 2;
            let mut expected = vec![-1.0; 11 * width];
            let out = cases.upload(11, width, &expected)?;
            for (first, count) in [(0, split), (split, rows - split)] {
                if count == 0 {
                    continue;
                }
                let piece = &values[first * width..(first + count) * width];
                let (piece_t, kept) = cases.stored(dtype, count, width, piece)?;
                reference::gather_rows(&indices, &kept, first, width, &mut expected, 1);
                cases.run([gather_rows(&indices_t, &piece_t, first, &out, 1)?]);
            }
            cases.compare(
                format!("{dtype:?} [{rows}, {width}]"),
                &out,
                expected,
                bound,
            );
        }
    }
    if cases.quick {
        return Ok(());
    }
    for block in Block::ALL {
        let (rows, cols) = (9, 3 * block.elements());
        let (table, file) = cases.blocks(block, rows, cols)?;
        let indices = [8, 0, 3, u32::MAX, 3];
        let indices_t = cases.gpu.upload_indices(&indices)?;
        let mut expected = vec![-1.0; indices.len() * cols];
        let out = cases.upload(indices.len(), cols, &expected)?;
        let values = reference::unpack_rows(block, &file, cols, 0, rows);
        reference::gather_rows(&indices, &values, 0, cols, &mut expected, 0);
        cases.run([gather_rows(&indices_t, &table, 0, &out, 0)?]);
        let what = format!("{} [{rows}, {cols}]", block.name());
        cases.compare(what, &out, expected, F32_SUMS);
    }
    Ok(())
}
