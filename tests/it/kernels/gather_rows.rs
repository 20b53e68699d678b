use mirscope::{gpu::DType, kernels::gather_rows::gather_rows, reference};

use super::stored;
use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin_from_whole_and_split_tables() {
    let gpu = gpu();
    let mut random = Random::new(14);
    for (rows, width) in [(1, 1), (7, 3), (50, 66)] {
        let values = random.normals(rows * width);
        let indices: Vec<u32> = (0..9)
            .map(|_| (random.next_u64() % rows as u64) as u32)
            .collect();
        let indices_t = gpu.upload_indices(&indices).unwrap();
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let split = rows / 2;
            let mut expected = vec![-1.0; 11 * width];
            let out = gpu.upload(11, width, &expected).unwrap();
            let mut calls = Vec::new();
            for (first, count) in [(0, split), (split, rows - split)] {
                if count == 0 {
                    continue;
                }
                let piece = &values[first * width..(first + count) * width];
                let (piece_t, kept) = stored(&gpu, dtype, count, width, piece);
                reference::gather_rows(&indices, &kept, first, width, &mut expected, 1);
                calls.push(gather_rows(&indices_t, &piece_t, first, &out, 1).unwrap());
            }
            assert_eq!(
                run(&gpu, calls, &out),
                expected,
                "{dtype:?} [{rows}, {width}]"
            );
        }
    }
}

#[test]
fn leaves_rows_of_unknown_indices_alone() {
    let gpu = gpu();
    let source = gpu.upload(2, 3, &[1.0; 6]).unwrap();
    let out = gpu.upload(3, 3, &[5.0; 9]).unwrap();
    let indices = gpu.upload_indices(&[9, 1, u32::MAX]).unwrap();
    let found = run(
        &gpu,
        [gather_rows(&indices, &source, 0, &out, 0).unwrap()],
        &out,
    );
    assert_eq!(found, [5.0, 5.0, 5.0, 1.0, 1.0, 1.0, 5.0, 5.0, 5.0]);
}
