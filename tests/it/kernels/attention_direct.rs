use mirscope::{
    gpu::DType,
    kernels::{
        attention::{Attention, KeyIntervals},
        attention_direct::{Lanes, attention_direct},
    },
};

use super::roomy;
use crate::support::{Random, run};

/// Queries share an invocation, or a subgroup, with some that are not there, and what stands behind the last row stays.
#[test]
fn nothing_is_written_past_the_last_query() {
    let gpu = roomy();
    let mut random = Random::new(31);
    let with = Attention {
        heads: 2,
        kv_heads: 1,
        head_dim: 6,
        scale: 0.5,
    };
    let (queries, keys) = (7, 10);
    let q = gpu
        .upload(queries, 12, &random.normals(queries * 12))
        .unwrap();
    let [k, v] = [(); 2].map(|()| gpu.upload(keys, 6, &random.normals(keys * 6)).unwrap());
    let seen = vec![[0, 10]; queries];
    let seen = KeyIntervals::new(&gpu, keys, &seen).unwrap();
    for lanes in [Lanes::Alone, Lanes::Together] {
        if !lanes.fit(&gpu) {
            continue;
        }
        let whole = gpu.upload(queries + 1, 12, &[7.0; 12 * 8]).unwrap();
        let out = whole.reshaped(queries, 12).unwrap();
        let calls = attention_direct(&gpu, lanes, 4, &q, &k, &v, &with, &seen, &out).unwrap();
        assert_eq!(calls.len(), 3, "pieces of four keys");
        let found = run(&gpu, calls, &whole);
        assert!(
            found[..queries * 12].iter().all(|value| value.abs() < 5.0),
            "{lanes:?}: {found:?}"
        );
        assert_eq!(found[queries * 12..], [7.0; 12], "{lanes:?}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_refused() {
    let gpu = roomy();
    let with = Attention {
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
        scale: 0.5,
    };
    let tensor = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    let seen = KeyIntervals::new(&gpu, 5, &[[0, 5], [0, 5]]).unwrap();
    let (q, k, v, out) = (tensor(2, 8), tensor(5, 4), tensor(5, 4), tensor(2, 8));
    assert!(attention_direct(&gpu, Lanes::Alone, 4, &q, &k, &v, &with, &seen, &out).is_ok());
    let error = attention_direct(
        &gpu,
        Lanes::Alone,
        4,
        &q,
        &k,
        &tensor(4, 4),
        &with,
        &seen,
        &out,
    )
    .unwrap_err();
    assert!(error.to_string().contains("attention_direct"), "{error}");
}
