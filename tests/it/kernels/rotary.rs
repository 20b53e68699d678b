//! `rotary` against its twin.

use mirscope::{
    kernels::rotary::{rotary, rotary_rows},
    reference,
};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    super::passes("rotary");
}

#[test]
fn some_rows_turn_by_angles_of_their_own() {
    let gpu = gpu();
    let mut random = Random::new(8);
    let (x, table) = (random.normals(7 * 12), random.normals(9 * 6));
    let table_t = gpu.upload(9, 6, &table).unwrap();
    let turned = reference::rotary(&x[24..60], &table[5 * 6..], 12, 6);
    let expected = [&x[..24], &turned, &x[60..]].concat();
    let x_t = gpu.upload(7, 12, &x).unwrap();
    let call = rotary_rows(&x_t, 2..5, &table_t, 5, 6).unwrap();
    assert_close(&run(&gpu, [call], &x_t), &expected, F32_SUMS, "rows 2 to 4");
    assert!(rotary_rows(&x_t, 2..5, &table_t, 7, 6).is_err());
    assert!(rotary_rows(&x_t, 5..8, &table_t, 0, 6).is_err());
    assert!(rotary(&x_t, &table_t, 5).is_err());
}
