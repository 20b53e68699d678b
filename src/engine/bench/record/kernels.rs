//! Single kernels.

use super::{super::matmul::random, recorder::Recorder};
use crate::{
    engine::EngineError,
    gpu::{DType, Gpu, Tensor},
    kernels::{
        attention::{Attention, KeyIntervals, attention, causal},
        matmul::{Matmul, matmul},
    },
};

const TYPES: [(DType, &str); 3] = [
    (DType::F32, "f32"),
    (DType::F16, "f16"),
    (DType::BF16, "bf16"),
];

/// Inputs and outputs of SmolLM2-135M's and of a 1B-sized decoder's feed-forward layers.
const LAYERS: [(usize, usize); 4] = [(576, 1536), (1536, 576), (2048, 5632), (5632, 2048)];

/// Random weights `[n, k]`; one row of numbers over and over, each time a little further.
fn weights(gpu: &Gpu, dtype: DType, n: usize, k: usize) -> Result<Tensor, EngineError> {
    let block = random(999_983);
    let values = block.iter().cycle().take(n * k);
    let bytes: Vec<u8> = match dtype {
        DType::F16 => values
            .flat_map(|&v| half::f16::from_f32(v).to_le_bytes())
            .collect(),
        DType::BF16 => values
            .flat_map(|&v| half::bf16::from_f32(v).to_le_bytes())
            .collect(),
        _ => values.flat_map(|v| v.to_le_bytes()).collect(),
    };
    Ok(gpu.upload_bytes(dtype, n, k, &bytes)?)
}

/// Times `[m, k] x [n, k]^T` in all storage types.
async fn product(
    recorder: &mut Recorder<'_, '_>,
    group: &str,
    [m, n, k]: [usize; 3],
) -> Result<(), EngineError> {
    let kernel = recorder.gpu.kernels().name();
    for (dtype, name) in TYPES {
        let name = format!("{m} x {k} x {n}, {name}");
        let call = |gpu: &Gpu| {
            let a = weights(gpu, DType::F32, m, k)?;
            let b = weights(gpu, dtype, n, k)?;
            let out = gpu.tensor(DType::F32, m, n)?;
            Ok(matmul(gpu, &a, &b, &Matmul::default(), &out)?)
        };
        let flops = 2.0 * m as f64 * n as f64 * k as f64;
        recorder.call(group, &name, kernel, call, flops).await?;
    }
    Ok(())
}

/// Square products.
pub(super) async fn matmuls(
    recorder: &mut Recorder<'_, '_>,
    sides: &[usize],
) -> Result<(), EngineError> {
    for &side in sides {
        product(recorder, "matmul", [side; 3]).await?;
    }
    Ok(())
}

/// Products as a prompt of 1,024 tokens needs them.
pub(super) async fn layer_products(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    for (k, n) in LAYERS {
        product(recorder, "matmul", [1024, n, k]).await?;
    }
    Ok(())
}

/// One row: bounded by the memory's bandwidth.
pub(super) async fn matvecs(recorder: &mut Recorder<'_, '_>) -> Result<(), EngineError> {
    for side in [1024, 4096, 8192] {
        product(recorder, "matvec", [1, side, side]).await?;
    }
    Ok(())
}

/// Causal attention of SmolLM2-135M and of a 1B-sized decoder.
pub(super) async fn attentions(
    recorder: &mut Recorder<'_, '_>,
    lengths: &[usize],
) -> Result<(), EngineError> {
    let kernel = recorder.gpu.kernels().name();
    for &tokens in lengths {
        for (heads, kv_heads) in [(9, 3), (32, 4)] {
            let with = Attention {
                heads,
                kv_heads,
                head_dim: 64,
                scale: 0.125,
            };
            let name = format!("{tokens} tokens, {heads} heads on {kv_heads} of 64, causal");
            let call = |gpu: &Gpu| {
                let rows = |heads: usize| weights(gpu, DType::F32, tokens, heads * 64);
                let (q, k, v) = (rows(heads)?, rows(kv_heads)?, rows(kv_heads)?);
                let out = gpu.tensor(DType::F32, tokens, heads * 64)?;
                let seen = KeyIntervals::new(gpu, tokens, &causal(tokens))?;
                Ok(attention(gpu, &q, &k, &v, &with, &seen, &out)?)
            };
            let flops = 2.0 * (tokens * tokens * heads * 64) as f64;
            // Attention is slower than a product.
            recorder
                .call("attention", &name, kernel, call, 4.0 * flops)
                .await?;
        }
    }
    Ok(())
}
