//! What the factors of the covariances are for: the trace of the square root, and that of the product.

use super::{
    AlignmentError, polar,
    singular::{Norms, norms},
};
use crate::{
    gpu::{AdapterClass, DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::matmul::{Matmul, matmul},
    platform::{self, Cancel},
};

/// `F [rank, width]` of both modalities; none where it has no rows.
pub(super) type Factors = [Option<Tensor>; 2];

/// Bytes that the matrices of threads may take together.
const MOST_BYTES: usize = 1 << 30;

/// Widths whose singular values the CPU has in some milliseconds, as soon as a device its 60 calls.
const SMALL: usize = 256;

/// Matrices `[rows, cols]` that are factored side by side in f64.
pub(super) fn at_once(rows: usize, cols: usize) -> usize {
    (MOST_BYTES / (12 * rows * cols).max(1)).max(1)
}

/// Nuclear norm and sum of squares of `K = F_v F_t^T` for the factors of each layer, of width `width`; there is
/// memory for so many `products` of that size and their copies.
///
/// On a software adapter, which has the processor's speed and takes 60 products of matrices for what a
/// factorization in f64 does with the operations of two, the CPU takes the singular values of K; so it does
/// everywhere where K is small, since it is more exact. Else the device has the polar factor of K. It is the class
/// of the adapter and the width that decide, so that equal machines give equal bits.
pub(super) async fn traces(
    gpu: &Gpu,
    (width, products): (usize, usize),
    factors: Vec<Factors>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Norms>, AlignmentError> {
    // What the iteration on the device would work in takes six of them.
    let room = products.max(3) as u64 * 4 * (width as u64).pow(2);
    match gpu.class() == AdapterClass::Software || width <= SMALL {
        true => on_the_cpu(gpu, room, &factors, cancel, progress).await,
        false => on_the_device(gpu, width, factors, cancel, progress).await,
    }
}

/// Records `K [p, q]`, p <= q; none where a factor is missing.
fn product(
    gpu: &Gpu,
    recording: &mut Recording,
    factors: &Factors,
) -> Result<Option<Tensor>, GpuError> {
    let [Some(vision), Some(text)] = factors else {
        return Ok(None);
    };
    let (low, high) = match vision.rows() <= text.rows() {
        true => (vision, text),
        false => (text, vision),
    };
    let k = gpu.tensor(DType::F32, low.rows(), high.rows())?;
    recording.extend(matmul(gpu, low, high, &Matmul::default(), &k)?);
    Ok(Some(k))
}

/// No distance in this direction.
const NOTHING: Norms = Norms {
    nuclear: 0.0,
    squares: 0.0,
};

/// As many layers at a time as have products of `room` bytes.
async fn on_the_cpu(
    gpu: &Gpu,
    room: u64,
    factors: &[Factors],
    cancel: &Cancel,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Norms>, AlignmentError> {
    let rows = |of: fn(&Factors) -> &Option<Tensor>| {
        let rows = factors
            .iter()
            .map(of)
            .map(|own| own.as_ref().map_or(0, Tensor::rows));
        rows.max().unwrap_or(0)
    };
    let (vision, text) = (rows(|own| &own[0]), rows(|own| &own[1]));
    let bytes = DType::F32.row_bytes(vision.max(text)) * vision.min(text) as u64;
    let fit = room.min(gpu.max_buffer()) / bytes.max(1);
    let fit = fit.clamp(1, factors.len().max(1) as u64) as usize;
    let mut found = vec![NOTHING; factors.len()];
    let mut done = 0;
    for (group, factors) in factors.chunks(fit).enumerate() {
        let begin = group * fit;
        let mut recording = Recording::new();
        let mut products = Vec::with_capacity(factors.len());
        for (layer, own) in factors.iter().enumerate() {
            let k = product(gpu, &mut recording, own)?;
            products.extend(k.map(|k| (begin + layer, k)));
        }
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        drop(recording);
        let tensors: Vec<&Tensor> = products.iter().map(|(_, k)| k).collect();
        let read = gpu.read(&tensors).await?;
        let layers = products.iter().map(|&(layer, _)| layer);
        let work =
            |(layer, k): (usize, Readback)| (layer, norms(&k.values, k.rows, k.cols, cancel));
        let mut failed = None;
        let heard = |(layer, norms): (usize, Result<Norms, GpuError>)| {
            match norms {
                Ok(norms) => found[layer] = norms,
                Err(error) => failed = Some(error),
            }
            done += 1;
            progress(done as f64 / found.len() as f64);
        };
        let items = layers.collect::<Vec<_>>().into_iter().zip(read);
        platform::in_parallel(items, at_once(vision, text), work, heard).await;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(found)
}

/// By the polar factor of each layer's K.
async fn on_the_device(
    gpu: &Gpu,
    width: usize,
    factors: Vec<Factors>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<Norms>, AlignmentError> {
    let layers = factors.len();
    let squares = gpu.tensor(DType::F32, layers, 1)?;
    let dots = gpu.tensor(DType::F32, layers * width, 1)?;
    let mut recording = Recording::new();
    let mut products = Vec::with_capacity(layers);
    for (layer, own) in factors.iter().enumerate() {
        let Some(k) = product(gpu, &mut recording, own)? else {
            products.push(None);
            continue;
        };
        let (calls, factor) =
            polar::nuclear_norm(gpu, &k, (&squares, layer), (&dots, layer * width))?;
        recording.extend(calls);
        products.push(Some((k.rows(), factor)));
    }
    gpu.run_with(&recording, cancel, &mut |share, _| progress(share))
        .await?;
    let read = gpu.read(&[&squares, &dots]).await?;
    let [squares, dots] = read.as_slice() else {
        return Ok(Vec::new());
    };
    let found = products.into_iter().enumerate().map(|(layer, product)| {
        let Some((rows, factor)) = product else {
            return NOTHING;
        };
        let own = &dots.values[layer * width..][..rows];
        let sum: f64 = own.iter().map(|&dot| f64::from(dot)).sum();
        Norms {
            nuclear: factor * sum,
            squares: f64::from(squares.values[layer]),
        }
    });
    Ok(found.collect())
}
