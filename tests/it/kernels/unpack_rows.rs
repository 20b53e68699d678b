//! `unpack_rows` against its twin.

use mirscope::{
    blocks::Block,
    gpu::DType,
    kernels::unpack_rows::{unpack_halves, unpack_rows},
};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("unpack_rows");
}

#[test]
fn what_does_not_fit_is_refused() {
    let gpu = gpu();
    let dtype = DType::Blocks(Block::Q8_0);
    let b = gpu.upload_bytes(dtype, 2, 64, &[0; 2 * 68]).unwrap();
    let out = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    assert!(unpack_rows(&b, 0, &out(2, 64)).is_ok());
    assert!(unpack_rows(&b, 1, &out(2, 64)).is_err());
    assert!(unpack_rows(&b, 0, &out(2, 32)).is_err());
    assert!(unpack_halves(&b, 0, &out(2, 64)).is_ok());
    assert!(unpack_halves(&b, 1, &out(2, 64)).is_err());
    assert!(unpack_halves(&b, 0, &out(4, 64)).is_err());
    assert!(unpack_halves(&b, 0, &out(1, 64)).is_err());
    // Rows of whole blocks, and so many bytes.
    for (cols, bytes) in [(48, 102), (64, 68)] {
        assert!(gpu.upload_bytes(dtype, 2, cols, &vec![0; bytes]).is_err());
    }
}
