use mirscope::{
    gpu::DType,
    kernels::{
        attention::Attention,
        attention_decode::{attention_decode, attention_decode_with},
        rotate_heads::Turn,
    },
    reference,
};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn what_stands_behind_the_keys_seen_is_never_read() {
    let gpu = gpu();
    let mut random = Random::new(5);
    let (rows, heads, kv_heads, head_dim) = (300, 4, 2, 16);
    let width = kv_heads * head_dim;
    let (x, mut k, mut v) = (
        random.normals((heads + 2 * kv_heads) * head_dim),
        random.normals(rows * width),
        random.normals(rows * width),
    );
    let angles = random.normals(head_dim);
    let with = Attention {
        heads,
        kv_heads,
        head_dim,
        scale: 0.25,
    };
    let seen = [10, 271];
    let turned = (&angles[..], None);
    let expected = reference::attention_decode(&x, [&mut k, &mut v], &with, turned, seen);
    // Nor is the last of them, which is the query's own.
    for row in (0..10).chain(270..rows) {
        k[row * width..(row + 1) * width].fill(f32::NAN);
        v[row * width..(row + 1) * width].fill(f32::NAN);
    }
    let x_t = gpu.upload(1, x.len(), &x).unwrap();
    let table = gpu.upload(1, head_dim, &angles).unwrap();
    let turn = Turn {
        table: &table,
        first: 0,
        norms: None,
    };
    for variant in VARIANTS {
        let k_t = gpu.upload(rows, width, &k).unwrap();
        let v_t = gpu.upload(rows, width, &v).unwrap();
        let out = gpu.tensor(DType::F32, 1, heads * head_dim).unwrap();
        let kv = [&k_t, &v_t];
        let calls =
            attention_decode_with(&gpu, variant, &x_t, kv, &with, &turn, seen, &out).unwrap();
        let found = run(&gpu, calls, &out);
        assert_close(&found, &expected, 2.0 * F32_SUMS, &format!("{variant:?}"));
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let with = Attention {
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        scale: 1.0,
    };
    let (x, k, out) = (tensor(1, 64), tensor(9, 16), tensor(1, 32));
    let table = tensor(3, 8);
    let turn = |first| Turn {
        table: &table,
        first,
        norms: None,
    };
    let call =
        |x, k, v, first, seen| attention_decode(&gpu, x, [k, v], &with, &turn(first), seen, &out);
    assert!(call(&x, &k, &k, 2, [0, 9]).is_ok());
    for (x, k, v, first, seen) in [
        (&x, &k, &k, 0, [0, 10]),
        (&x, &k, &k, 0, [4, 4]),
        (&x, &k, &k, 3, [0, 4]),
        (&x, &k, &tensor(8, 16), 0, [0, 4]),
        (&x, &tensor(9, 32), &tensor(9, 32), 0, [0, 4]),
        (&tensor(2, 64), &k, &k, 0, [0, 4]),
        (&tensor(1, 32), &k, &k, 0, [0, 4]),
    ] {
        let error = call(x, k, v, first, seen).unwrap_err();
        assert!(error.to_string().contains("attention_decode"), "{error}");
    }
}
