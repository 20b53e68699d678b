//! Cases of `rotate_heads`.

use super::{Cases, rotary::table};
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        attention::Attention,
        rotate_heads::{HeadNorms, Product, Turn, rotate_heads},
    },
    reference::{self, Epilogue},
};

/// (tokens, heads, kv_heads, head_dim): heads that do not begin at multiples of four, more heads than a workgroup
/// has room for, heads for which few or many lanes are taken.
const SHAPES: [(usize, usize, usize, usize); 7] = [
    (1, 1, 1, 2),
    (3, 2, 1, 6),
    (17, 3, 3, 10),
    (5, 4, 2, 64),
    (70, 9, 3, 64),
    (9, 2, 1, 130),
    (2, 4, 1, 256),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[2..3]
    } else {
        &SHAPES[..]
    };
    for &(tokens, heads, kv_heads, head_dim) in shapes {
        let with = Attention {
            heads,
            kv_heads,
            head_dim,
            scale: 1.0,
        };
        let all = (heads + 2 * kv_heads) * head_dim;
        // Whole, and in three pieces with a bias to add.
        let (x, bias) = (cases.normals(3 * tokens * all), cases.normals(all));
        let bias_t = cases.upload(1, all, &bias)?;
        let weights = [cases.normals(head_dim), cases.normals(head_dim)];
        // The tokens begin at the third position, and in the second row of keys and values.
        let table = table(2 + tokens, head_dim);
        let table_t = cases.upload(2 + tokens, head_dim, &table)?;
        let q_weight = cases.upload(1, head_dim, &weights[0])?;
        let k_weight = cases.upload(1, head_dim, &weights[1])?;
        let eps = 1e-6;
        let norms = HeadNorms {
            q: &q_weight,
            k: &k_weight,
            eps,
        };
        let all_ways = [(None, 1), (None, 3), (Some(norms), 1), (Some(norms), 3)];
        for &(norms, pieces) in if cases.quick {
            &all_ways[..1]
        } else {
            &all_ways[..]
        } {
            let x = &x[..pieces * tokens * all];
            let x_t = cases.upload(pieces * tokens, all, x)?;
            let is_cut = pieces > 1;
            let product = Product {
                sums: &x_t,
                tokens,
                bias: is_cut.then_some(&bias_t),
            };
            let epilogue = Epilogue {
                bias: is_cut.then_some(&bias),
                ..Epilogue::default()
            };
            let x = reference::sum_pieces(x, tokens, all, 1.0, &epilogue);
            let turn = Turn {
                table: &table_t,
                first: 2,
                norms,
            };
            let (width, kv_width) = (heads * head_dim, kv_heads * head_dim);
            // They begin in the third row.
            let q = cases.upload(tokens + 3, width, &vec![7.0; (tokens + 3) * width])?;
            let before = vec![7.0; (tokens + 2) * kv_width];
            let k = cases.upload(tokens + 2, kv_width, &before)?;
            let v = cases.upload(tokens + 2, kv_width, &before)?;
            cases.run([rotate_heads(
                cases.gpu,
                product,
                &with,
                &turn,
                &q,
                [&k, &v],
                [2, 1],
            )?]);
            let slices = [&weights[0][..], &weights[1][..]];
            let slices = norms.map(|_| (slices, eps));
            let [expected, keys, values] =
                reference::rotate_heads(&x, &with, &table[2 * head_dim..], slices);
            let what = format!(
                "{tokens} tokens, {heads} + 2 x {kv_heads} heads of {head_dim}, {pieces} pieces, normed: {}",
                norms.is_some()
            );
            let (above, below) = (vec![7.0; 2 * width], vec![7.0; width]);
            let expected = [above, expected, below].concat();
            cases.compare(format!("queries of {what}"), &q, expected, F32_SUMS);
            for (name, found, rows) in [("keys", &k, keys), ("values", &v, values)] {
                let edge = vec![7.0; kv_width];
                let expected = [edge.clone(), rows, edge].concat();
                cases.compare(format!("{name} of {what}"), found, expected, F32_SUMS);
            }
        }
    }
    Ok(())
}
