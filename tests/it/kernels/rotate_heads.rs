use mirscope::{
    gpu::DType,
    kernels::{
        attention::Attention,
        rotate_heads::{HeadNorms, Product, Turn, rotate_heads},
    },
};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("rotate_heads");
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let with = Attention {
        heads: 4,
        kv_heads: 2,
        head_dim: 6,
        scale: 1.0,
    };
    let (x, q, kv) = (tensor(3, 48), tensor(3, 24), tensor(5, 12));
    let (table, weight, narrow) = (tensor(7, 6), tensor(1, 6), tensor(1, 4));
    let norms = HeadNorms {
        q: &weight,
        k: &weight,
        eps: 1e-6,
    };
    let turn = Turn {
        table: &table,
        first: 4,
        norms: Some(norms),
    };
    let call = |sums, turn: &Turn<'_>, q, k, v, first| {
        let product = Product {
            sums,
            tokens: 3,
            bias: None,
        };
        rotate_heads(&gpu, product, &with, turn, q, [k, v], [0, first])
    };
    assert!(call(&x, &turn, &q, &kv, &kv, 2).is_ok());
    let bias = Some(&weight);
    let product = Product {
        sums: &x,
        tokens: 3,
        bias: None,
    };
    assert!(rotate_heads(&gpu, product, &with, &turn, &q, [&kv, &kv], [1, 2]).is_err());
    let product = Product { bias, ..product };
    assert!(rotate_heads(&gpu, product, &with, &turn, &q, [&kv, &kv], [0, 2]).is_err());
    // Rows behind the end of the cache, and of the table.
    assert!(call(&x, &turn, &q, &kv, &kv, 3).is_err());
    assert!(call(&x, &Turn { first: 5, ..turn }, &q, &kv, &kv, 2).is_err());
    let k = &narrow;
    let norms = Some(HeadNorms { k, ..norms });
    assert!(call(&x, &Turn { norms, ..turn }, &q, &kv, &kv, 2).is_err());
    for (x, q, k, v) in [
        (&tensor(3, 36), &q, &kv, &kv),
        (&x, &tensor(2, 24), &kv, &kv),
        (&x, &q, &tensor(4, 12), &kv),
        (&x, &q, &kv, &tensor(5, 24)),
    ] {
        let error = call(x, &turn, q, k, v, 2).unwrap_err();
        assert!(error.to_string().contains("rotate_heads"), "{error}");
    }
}
