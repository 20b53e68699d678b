//! Cases of `unpack_rows`.

use super::Cases;
use crate::{
    blocks::Block,
    check::F32_SUMS,
    gpu::{DType, GpuError},
    kernels::unpack_rows::{unpack_halves, unpack_rows},
    reference,
};

/// Rows and blocks in a row: such as fill no group of 16 bytes with their scales.
const SHAPES: [(usize, usize); 4] = [(1, 1), (5, 3), (3, 8), (40, 9)];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for block in Block::ALL {
        for (rows, blocks) in SHAPES {
            let cols = blocks * block.elements();
            let (b, file) = cases.blocks(block, rows, cols)?;
            for (first, count) in [(0, rows), (rows / 2, rows - rows / 2)] {
                let out = cases.out(count, cols)?;
                cases.run([unpack_rows(&b, first, &out)?]);
                let expected = reference::unpack_rows(block, &file, cols, first, count);
                let what = format!("{} [{rows}, {cols}] from row {first} on", block.name());
                cases.compare(what, &out, expected, F32_SUMS);
            }
        }
    }
    for (rows, first, count) in [(2, 0, 1), (10, 1, 3), (14, 0, 7)] {
        let block = Block::Q4K;
        let cols = 2 * block.elements();
        let (b, file) = cases.blocks(block, rows, cols)?;
        let out = cases.out(2 * count, cols)?;
        cases.run([unpack_halves(&b, first, &out)?]);
        let half = |first| reference::unpack_rows(block, &file, cols, first, count);
        let expected = [half(first), half(rows / 2 + first)].concat();
        let what = format!("{count} rows from row {first} on of both halves of {rows}");
        cases.compare(what, &out, expected, F32_SUMS);
    }
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let values = cases.normals(7 * 13);
        let (b, kept) = cases.stored(dtype, 7, 13, &values)?;
        let out = cases.out(4, 13)?;
        cases.run([unpack_rows(&b, 2, &out)?]);
        let what = format!("{dtype:?} [7, 13] from row 2 on");
        cases.compare(what, &out, kept[2 * 13..6 * 13].to_vec(), 0.0);
    }
    Ok(())
}
