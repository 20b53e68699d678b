//! `affine_rows` against its twin.

use mirscope::{kernels::affine_rows::affine_rows, reference};

use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(72);
    // The last ones map some rows only, one of them in the order of another list; 99 is no row.
    for (rows, width, indices) in [
        (1, 1, None),
        (3, 5, None),
        (65, 70, None),
        (3, 5, Some(vec![2, 0])),
        (
            65,
            70,
            Some((3..60).step_by(2).chain([99]).collect::<Vec<u32>>()),
        ),
    ] {
        let x = random.normals(rows * width);
        let (factors, shifts) = (random.normals(width), random.normals(width));
        let input = gpu.upload(rows, width, &x).expect("x");
        let two = |row: &[f32]| {
            let rows = [vec![f32::NAN; width], row.to_vec()].concat();
            gpu.upload(2, width, &rows).expect("parameters")
        };
        let chosen = indices.as_deref();
        let places = chosen.map(|list| gpu.upload_indices(list).expect("indices"));
        let (factors_t, shifts_t) = (two(&factors), two(&shifts));
        let call = affine_rows(&input, &factors_t, &shifts_t, 1, places.as_ref()).expect("shapes");
        let found = run(&gpu, [call], &input);
        let expected = reference::affine_rows(&x, &factors, &shifts, chosen);
        // Two roundings per value.
        let what = format!("[{rows}, {width}] at {indices:?}");
        assert_close(&found, &expected, 2e-7, &what);
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let zeros = |rows: usize, cols: usize| gpu.upload(rows, cols, &vec![0.0; rows * cols]).unwrap();
    let (x, row) = (zeros(2, 5), zeros(1, 5));
    assert!(affine_rows(&x, &row, &row, 0, None).is_ok());
    assert!(affine_rows(&x, &row, &row, 1, None).is_err());
    assert!(affine_rows(&x, &row, &zeros(1, 4), 0, None).is_err());
    assert!(affine_rows(&x, &row, &row, 0, Some(&row)).is_err());
}
