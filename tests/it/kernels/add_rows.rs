use mirscope::{gpu::DType, kernels::add_rows::add_rows, reference};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(80);
    for (first, rows, width) in [(0, 1, 1), (1, 3, 5), (0, 65, 70), (4, 9, 64)] {
        let x = random.normals((first + rows + 1) * width);
        let y = random.normals(rows * width);
        let x_t = gpu.upload(first + rows + 1, width, &x).unwrap();
        let y_t = gpu.upload(rows, width, &y).unwrap();
        let out = gpu.tensor(DType::F32, rows, width).unwrap();
        let found = run(&gpu, [add_rows(&x_t, first, &y_t, &out).unwrap()], &out);
        let expected = reference::add_rows(&x, first, &y, width);
        assert_eq!(found, expected, "{rows} rows of {width} from {first}");
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    assert!(add_rows(&of(5, 3), 1, &of(4, 3), &of(4, 3)).is_ok());
    assert!(add_rows(&of(5, 3), 2, &of(4, 3), &of(4, 3)).is_err());
    assert!(add_rows(&of(5, 3), 0, &of(4, 4), &of(4, 3)).is_err());
    assert!(add_rows(&of(5, 3), 0, &of(4, 3), &of(5, 3)).is_err());
}
