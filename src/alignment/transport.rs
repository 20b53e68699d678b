//! The optimal transport map between the clouds of a layer, applied to every token: what the derivative of the
//! trace of the square root by the weight of a pair is made of.
//!
//! `d Tr (S_v S_t)^(1/2) = (Tr T_v dS_v + Tr T_t dS_t) / 2` with the maps `T_v = S_v^(-1/2) (S_v^(1/2) S_t
//! S_v^(1/2))^(1/2) S_v^(-1/2)` and its counterpart `T_t`. With factors `S = F^T F`, `K = F_v F_t^T` and its polar
//! factor X they are `T_v = F_t^T X^T G_v^T` and `T_t = F_v^T X G_t^T`, where G undoes F on the span of the rows.

use super::{
    metric::tensor_bytes,
    polar::{polar_factor, schedule},
};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        gather_rows::gather_rows,
        matmul::{Matmul, matmul},
        row_dots::row_dots,
        transpose::transpose,
    },
};

/// Rows that are worked on together: bounds the working memory.
const PIECE: usize = 2048;

/// One modality of a layer.
pub(super) struct Side {
    /// Centered and scaled rows `[n, width]`.
    pub(super) rows: Tensor,
    /// `F [rank, width]`.
    pub(super) factor: Tensor,
    /// `G [width, rank]`, `F G = I`.
    pub(super) inverse: Tensor,
    /// The means of the own modality and of the other, `[2, width]`.
    pub(super) means: Tensor,
    /// What the effective rank moves by, `[width, width]`, where it is wanted.
    pub(super) slope: Option<Tensor>,
}

/// What is read back of one modality.
pub(super) struct Found {
    /// `x^T T x` of the scaled rows and factors, `[n, 1]`.
    pub(super) transport: Tensor,
    /// `x^T x`, `[n, 1]`.
    pub(super) squares: Tensor,
    /// Products with both means, `[n, 2]`.
    pub(super) along: Tensor,
    /// `x^T M x` with what the effective rank moves by, `[n, 1]`, where it is wanted.
    pub(super) rank: Option<Tensor>,
}

impl Found {
    /// In the order of the fields.
    pub(super) fn tensors(&self) -> Vec<&Tensor> {
        let always = [&self.transport, &self.squares, &self.along];
        always.into_iter().chain(&self.rank).collect()
    }
}

/// Device memory in bytes that [`record`] takes for `tokens` of either modality, beside what the polar iteration
/// works in; with `ranks`, for what the effective ranks move by as well.
pub(super) fn working(width: usize, tokens: [usize; 2], ranks: bool) -> u64 {
    let all = tokens[0] + tokens[1];
    let (squares, scalars) = if ranks { (10, 4) } else { (8, 3) };
    let rows = squares * width + 2 * tokens[0].max(tokens[1]).min(PIECE);
    tensor_bytes(rows, width) + scalars * tensor_bytes(all, 1)
}

/// Records it for both modalities.
pub(super) fn record(
    gpu: &Gpu,
    recording: &mut Recording,
    sides: &[Side; 2],
) -> Result<[Found; 2], GpuError> {
    let [vision, text] = sides;
    let of = |side: &Side| (side.factor.clone(), side.inverse.clone());
    let [of_vision, of_text] = maps(gpu, recording, &[of(vision), of(text)])?;
    let mut applied = |side: &Side, map: &Tensor| {
        let maps = (map, side.slope.as_ref());
        applied(gpu, recording, &side.rows, &side.means, maps)
    };
    Ok([applied(vision, &of_vision)?, applied(text, &of_text)?])
}

/// Records the maps `[width, width]` of both modalities from their factors and what undoes these.
pub(super) fn maps(
    gpu: &Gpu,
    recording: &mut Recording,
    sides: &[(Tensor, Tensor); 2],
) -> Result<[Tensor; 2], GpuError> {
    let matrix = |rows, cols| gpu.tensor(DType::F32, rows, cols);
    let plain = Matmul::default();
    // The polar factor wants no more rows than columns.
    let low = usize::from(sides[0].0.rows() > sides[1].0.rows());
    let (p, q) = (&sides[low], &sides[1 - low]);
    let width = p.0.cols();
    let (p_rank, q_rank) = (p.0.rows(), q.0.rows());
    let k = matrix(p_rank, q_rank)?;
    recording.extend(matmul(gpu, &p.0, &q.0, &plain, &k)?);
    let square = matrix(1, 1)?;
    let polar = polar_factor(gpu, &k, schedule(), (&square, 0))?;
    recording.extend(polar.calls);
    let x = polar.x;
    let turned = matrix(q_rank, p_rank)?;
    recording.push(transpose(&x, 0, &turned)?);
    let with = Matmul {
        scale: polar.factor as f32,
        ..Matmul::default()
    };
    // T of a side from the factor of the other, X in the direction that fits, and its own inverse.
    type Pair = (Tensor, Tensor);
    let map = |recording: &mut Recording, own: &Pair, other: &Pair, x: &Tensor| {
        let turned = matrix(width, other.0.rows())?;
        recording.push(transpose(&other.0, 0, &turned)?);
        let mixed = matrix(width, own.0.rows())?;
        recording.extend(matmul(gpu, &turned, x, &with, &mixed)?);
        // `rows T` needs T as its own transpose, which it is.
        let map = matrix(width, width)?;
        recording.extend(matmul(gpu, &mixed, &own.1, &plain, &map)?);
        Ok::<_, GpuError>(map)
    };
    let p_map = map(recording, p, q, &x)?;
    let q_map = map(recording, q, p, &turned)?;
    Ok(match low {
        0 => [p_map, q_map],
        _ => [q_map, p_map],
    })
}

/// Records what is wanted of every row of `all`: centered and scaled `[n, width]`, both `means [2, width]`, the own
/// modality's first, and its transport `map`; with `slope`, what the effective rank moves by, as well.
pub(super) fn applied(
    gpu: &Gpu,
    recording: &mut Recording,
    all: &Tensor,
    means: &Tensor,
    (map, slope): (&Tensor, Option<&Tensor>),
) -> Result<Found, GpuError> {
    let (n, width) = (all.rows(), all.cols());
    let scalars = |cols| gpu.tensor(DType::F32, n, cols);
    let found = Found {
        transport: scalars(1)?,
        squares: scalars(1)?,
        along: scalars(2)?,
        rank: slope.map(|_| scalars(1)).transpose()?,
    };
    let variant = gpu.kernels();
    let plain = Matmul::default();
    recording.push(row_dots(variant, all, all, &found.squares, 0)?);
    recording.extend(matmul(gpu, all, means, &plain, &found.along)?);
    for begin in (0..n).step_by(PIECE) {
        let count = PIECE.min(n - begin);
        let rows: Vec<u32> = (begin..begin + count).map(|row| row as u32).collect();
        let piece = gpu.tensor(DType::F32, count, width)?;
        let moved = gpu.tensor(DType::F32, count, width)?;
        recording.push(gather_rows(&gpu.upload_indices(&rows)?, all, 0, &piece, 0)?);
        let forms = [
            (Some(map), Some(&found.transport)),
            (slope, found.rank.as_ref()),
        ];
        for (matrix, form) in forms {
            if let (Some(matrix), Some(form)) = (matrix, form) {
                recording.extend(matmul(gpu, &piece, matrix, &plain, &moved)?);
                recording.push(row_dots(variant, &piece, &moved, form, begin)?);
            }
        }
    }
    Ok(found)
}
