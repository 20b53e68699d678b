//! The tokens of both modalities in a plane: principal components, on the device. It is long because the steps of the
//! iteration share their tensors.
//!
//! The covariance of both modalities' tokens together is a Gram matrix of centered rows; its leading
//! axes come from block subspace iteration, whose block is kept independent by the polynomials of
//! [`super::polar`], and are told apart in the block on the CPU in f64 (Rayleigh-Ritz). Only norms, the
//! block's small matrices and the coordinates in the plane are read back.

use super::{
    AlignmentError, Modality,
    covariance::{self, Moments},
    eigen::ritz,
    plan::PIECE,
    polar::{coarse_schedule, polar_factor, schedule},
};
use crate::{
    gpu::{DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::{
        gather_rows::gather_rows,
        matmul::{Matmul, matmul},
        norm_stats::{NormStats, STATS, norm_stats},
        token_norms::token_norms,
        transpose::transpose,
    },
    platform::Cancel,
    report::{CloudShape, PlaneAxes},
};

/// Rows of the block that is iterated. More than the two that are wanted: convergence goes with the
/// ninth variance over the second.
const BLOCK: usize = 8;
/// Steps of the subspace iteration.
const STEPS: usize = 24;

/// Two orthonormal axes `[2, width]` on the device.
#[derive(Clone, Debug)]
pub struct Plane(Tensor);

impl Plane {
    /// The axes, for another run.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn axes(&self, gpu: &Gpu) -> Result<PlaneAxes, GpuError> {
        let read = gpu.read(&[&self.0]).await?;
        let values = read.first().map_or(&[][..], |read| &read.values);
        let (first, second) = values.split_at(values.len() / 2);
        Ok(PlaneAxes([first.to_vec(), second.to_vec()]))
    }

    /// Axes that another run gave, for tokens of `width` numbers.
    ///
    /// # Errors
    /// [`GpuError::Shape`] for axes of another width, and what the device reports.
    pub fn of(gpu: &Gpu, PlaneAxes(axes): &PlaneAxes, width: usize) -> Result<Self, GpuError> {
        if let Some(axis) = axes.iter().find(|axis| axis.len() != width) {
            return Err(GpuError::Shape {
                kernel: "projection",
                message: format!(
                    "expected axes of {width} numbers, found one of {}",
                    axis.len()
                ),
            });
        }
        Ok(Self(gpu.upload(2, width, &axes.concat())?))
    }
}

/// The tokens of one state in a plane.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanePoints {
    /// Coordinates of each token: vision, text.
    pub points: [Vec<[f32; 2]>; 2],
    /// Mean and covariance: vision, text.
    pub shapes: [CloudShape; 2],
    /// Share of the variance of all tokens of the state that each axis shows.
    pub explained: [f64; 2],
}

/// Projects states onto planes. A state is a tensor, a token a row of it.
///
/// Coordinates are those of tokens scaled so that the text's mean norm is 1, about the mean of all
/// tokens of the state.
#[derive(Clone, Copy, Debug)]
pub struct Projector<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// The rows of the vision tokens.
    pub vision: &'a [u32],
    /// The rows of the text tokens. Together they must be all rows, each once.
    pub text: &'a [u32],
    /// The wish to stop.
    pub cancel: &'a Cancel,
}

/// What a state's values are multiplied with.
#[derive(Clone, Copy, Debug)]
struct Scales {
    /// To bring the text's mean norm to 1.
    alpha: f64,
    /// By the device, to keep sums of squares in range: a power of two.
    power: f64,
}

impl Scales {
    /// From values as the device scales them to the ones that are shown.
    fn unit(self) -> f64 {
        self.alpha / self.power
    }
}

/// A centered and scaled copy of a state.
struct Centered {
    rows: Tensor,
    moments: Moments,
}

impl Projector<'_> {
    /// The two principal axes of the tokens of all `states` together, `[n, width]` each: of the sum of
    /// the covariances of the scaled tokens of each state, each about its own mean.
    ///
    /// Each axis points to where the vision mean is larger, in the sum over the states. `first` is the
    /// number of the first state, for messages.
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`], [`AlignmentError::NotFinite`], [`AlignmentError::ZeroNorms`],
    /// and what the device reports.
    pub async fn plane(&self, states: &[Tensor], first: usize) -> Result<Plane, AlignmentError> {
        let scales = self.scales(states, first).await?;
        let gpu = self.gpu;
        let width = states.first().map_or(0, Tensor::cols);
        let matrix = |rows, cols| gpu.tensor(DType::F32, rows, cols);
        let mut recording = Recording::new();
        let gram = matrix(width, width)?;
        let mut begun = false;
        for (state, scales) in states.iter().zip(&scales) {
            let centered = self.center(&mut recording, state)?.rows;
            let weight = scales.unit().powi(2) / (centered.rows().max(2) - 1) as f64;
            for begin in (0..centered.rows()).step_by(PIECE) {
                let piece = matrix(width, PIECE.min(centered.rows() - begin))?;
                recording.push(transpose(&centered, begin, &piece)?);
                let with = Matmul {
                    accumulate: begun,
                    scale: weight as f32,
                    symmetric: true,
                    ..Matmul::default()
                };
                recording.extend(matmul(gpu, &piece, &piece, &with, &gram)?);
                begun = true;
            }
        }
        let (block, [products, overlaps]) = self.iterate(&mut recording, &gram)?;
        self.run(&recording).await?;
        let read = gpu.read(&[&products, &overlaps]).await?;
        let [products, overlaps] = read.as_slice() else {
            return Err(missing("the block's matrices"));
        };
        let wide = |read: &Readback| {
            read.values
                .iter()
                .map(|&x| f64::from(x))
                .collect::<Vec<_>>()
        };
        let mut leading = ritz(&wide(products), &wide(overlaps), block.rows());
        // Tokens on a line have one axis.
        leading.resize(2.max(leading.len()), vec![0.0; block.rows()]);
        let turned = matrix(width, block.rows())?;
        let mut recording = Recording::new();
        recording.push(transpose(&block, 0, &turned)?);
        let axes = self.combine(&mut recording, &leading[..2], &turned)?;
        let toward_vision = self.separation(&mut recording, states, &scales, &axes)?;
        self.run(&recording).await?;
        let read = gpu.read(&[&toward_vision]).await?;
        let signs = read.first().map_or(&[][..], |read| &read.values);
        for (coefficients, &sign) in leading.iter_mut().zip(signs) {
            if sign < 0.0 {
                coefficients.iter_mut().for_each(|x| *x = -*x);
            }
        }
        let mut recording = Recording::new();
        let axes = self.combine(&mut recording, &leading[..2], &turned)?;
        self.run(&recording).await?;
        Ok(Plane(axes))
    }

    /// The tokens of `state [n, width]` in `plane`; `number` is the state's, for messages.
    ///
    /// # Errors
    /// Those of [`Projector::plane`].
    pub async fn project(
        &self,
        state: &Tensor,
        number: usize,
        plane: &Plane,
    ) -> Result<PlanePoints, AlignmentError> {
        let scales = self.scales(std::slice::from_ref(state), number).await?;
        let Some(unit) = scales.first().map(|scales| scales.unit()) else {
            return Err(missing("the norms"));
        };
        let gpu = self.gpu;
        let mut recording = Recording::new();
        let centered = self.center(&mut recording, state)?;
        let coordinates = gpu.tensor(DType::F32, 2, state.rows())?;
        let plain = Matmul::default();
        recording.extend(matmul(gpu, &plane.0, &centered.rows, &plain, &coordinates)?);
        self.run(&recording).await?;
        let read = gpu.read(&[&coordinates, &centered.moments.squares]).await?;
        let [coordinates, squares] = read.as_slice() else {
            return Err(missing("the coordinates"));
        };
        let (x, y) = coordinates.values.split_at(coordinates.cols);
        let square = |values: &[f32]| values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
        let all: f64 = squares.values.iter().map(|&x| f64::from(x)).sum();
        let share = |axis: &[f32]| match all > 0.0 {
            true => (square(axis) / all).min(1.0),
            false => 0.0,
        };
        let at = |&row: &u32| {
            let value = |axis: &[f32]| axis.get(row as usize).map_or(0.0, |&x| f64::from(x) * unit);
            [value(x), value(y)]
        };
        let clouds = [self.vision, self.text].map(|rows| rows.iter().map(at).collect::<Vec<_>>());
        let points = clouds.each_ref().map(|cloud| {
            let narrow = cloud.iter().map(|at| at.map(|x| x as f32));
            narrow.collect()
        });
        Ok(PlanePoints {
            points,
            shapes: clouds.each_ref().map(|cloud| shape(cloud)),
            explained: [share(x), share(y)],
        })
    }

    async fn run(&self, recording: &Recording) -> Result<(), GpuError> {
        self.gpu
            .run_with(recording, self.cancel, &mut |_, _| {})
            .await?;
        Ok(())
    }

    /// The scales of each state, from the norms of its tokens.
    async fn scales(&self, states: &[Tensor], first: usize) -> Result<Vec<Scales>, AlignmentError> {
        let sides = [(Modality::Vision, self.vision), (Modality::Text, self.text)];
        for (modality, rows) in sides {
            if rows.len() < 2 {
                let count = rows.len();
                return Err(AlignmentError::TooFewTokens { modality, count });
            }
        }
        let gpu = self.gpu;
        let mut recording = Recording::new();
        let text = gpu.upload_indices(self.text)?;
        let all = self.vision.len() + self.text.len();
        let norms = [
            gpu.tensor(DType::F32, states.len(), all)?,
            gpu.tensor(DType::F32, states.len(), self.text.len())?,
        ];
        for (index, state) in states.iter().enumerate() {
            let rows = gpu.tensor(DType::F32, self.text.len(), state.cols())?;
            recording.push(gather_rows(&text, state, 0, &rows, 0)?);
            recording.push(token_norms(gpu.kernels(), state, &norms[0], index)?);
            recording.push(token_norms(gpu.kernels(), &rows, &norms[1], index)?);
        }
        let stats = || gpu.tensor(DType::F32, states.len(), STATS);
        let stats = [stats()?, stats()?];
        for (norms, stats) in norms.iter().zip(&stats) {
            recording.push(norm_stats(gpu, norms, stats)?);
        }
        self.run(&recording).await?;
        let read = gpu.read(&[&stats[0], &stats[1]]).await?;
        let row = |side: usize, index: usize| {
            let values = read.get(side).map(|read| &read.values);
            let row = values.and_then(|values| values.get(index * STATS..(index + 1) * STATS));
            row.and_then(NormStats::parse)
                .ok_or_else(|| missing("the norms"))
        };
        (0..states.len())
            .map(|index| {
                let (all, text) = (row(0, index)?, row(1, index)?);
                let layer = first + index;
                let (modality, tokens) = match text.broken {
                    0 => (Modality::Vision, all.broken),
                    broken => (Modality::Text, broken),
                };
                if all.broken > 0 {
                    return Err(AlignmentError::NotFinite {
                        layer,
                        modality,
                        tokens,
                    });
                }
                if text.mean <= 0.0 {
                    let modality = Modality::Text;
                    return Err(AlignmentError::ZeroNorms { layer, modality });
                }
                Ok(Scales {
                    alpha: 1.0 / f64::from(text.mean),
                    power: f64::from(all.scale),
                })
            })
            .collect()
    }

    /// Records a copy of the state about the mean of its rows, times the state's power of two.
    fn center(&self, recording: &mut Recording, state: &Tensor) -> Result<Centered, GpuError> {
        let gpu = self.gpu;
        let rows = gpu.tensor(DType::F32, state.rows(), state.cols())?;
        recording.copy_rows(state, 0, &rows, 0, state.rows())?;
        let norms = gpu.tensor(DType::F32, 1, state.rows())?;
        let stats = gpu.tensor(DType::F32, 1, STATS)?;
        recording.push(token_norms(gpu.kernels(), &rows, &norms, 0)?);
        recording.push(norm_stats(gpu, &norms, &stats)?);
        let moments = Moments::new(gpu, 1, state.cols())?;
        covariance::center(gpu, recording, &rows, &stats, &moments, 0)?;
        Ok(Centered { rows, moments })
    }

    /// Records the subspace iteration with the symmetric `gram`: a block of rows that span its leading
    /// directions, and the matrices `block gram block^T` and `block block^T`.
    fn iterate(
        &self,
        recording: &mut Recording,
        gram: &Tensor,
    ) -> Result<(Tensor, [Tensor; 2]), GpuError> {
        let gpu = self.gpu;
        let width = gram.cols();
        let rows = BLOCK.min(width);
        let plain = Matmul::default();
        let squares = gpu.tensor(DType::F32, 1, 1)?;
        let next = gpu.tensor(DType::F32, rows, width)?;
        let mut block = gpu.upload(rows, width, &start(rows * width))?;
        for step in 1..=STEPS {
            recording.extend(matmul(gpu, &block, gram, &plain, &next)?);
            let polar = match step < STEPS {
                true => polar_factor(gpu, &next, coarse_schedule(), (&squares, 0))?,
                false => polar_factor(gpu, &next, schedule(), (&squares, 0))?,
            };
            recording.extend(polar.calls);
            block = polar.x;
        }
        let small = || gpu.tensor(DType::F32, rows, rows);
        let (products, overlaps) = (small()?, small()?);
        recording.extend(matmul(gpu, &block, gram, &plain, &next)?);
        recording.extend(matmul(gpu, &next, &block, &plain, &products)?);
        recording.extend(matmul(gpu, &block, &block, &plain, &overlaps)?);
        Ok((block, [products, overlaps]))
    }

    /// Records `coefficients [2, b]` times the rows of a block, which comes as its transpose `[width,
    /// b]`.
    fn combine(
        &self,
        recording: &mut Recording,
        coefficients: &[Vec<f64>],
        turned: &Tensor,
    ) -> Result<Tensor, GpuError> {
        let gpu = self.gpu;
        let values: Vec<f32> = coefficients.iter().flatten().map(|&x| x as f32).collect();
        let coefficients = gpu.upload(coefficients.len(), turned.cols(), &values)?;
        let axes = gpu.tensor(DType::F32, coefficients.rows(), turned.rows())?;
        let plain = Matmul::default();
        recording.extend(matmul(gpu, &coefficients, turned, &plain, &axes)?);
        Ok(axes)
    }

    /// Records by how much the vision mean exceeds the text mean along each axis, summed over the
    /// states: `[2, 1]`.
    fn separation(
        &self,
        recording: &mut Recording,
        states: &[Tensor],
        scales: &[Scales],
        axes: &Tensor,
    ) -> Result<Tensor, GpuError> {
        let gpu = self.gpu;
        let all = self.vision.len() + self.text.len();
        let mut weights = vec![0.0; all];
        for (rows, sign) in [(self.vision, 1.0), (self.text, -1.0)] {
            for &row in rows {
                if let Some(weight) = weights.get_mut(row as usize) {
                    *weight = sign / rows.len() as f32;
                }
            }
        }
        let weights = gpu.upload(1, all, &weights)?;
        let sum = gpu.tensor(DType::F32, 2, 1)?;
        for (index, (state, scales)) in states.iter().zip(scales).enumerate() {
            let centered = self.center(recording, state)?.rows;
            let coordinates = gpu.tensor(DType::F32, 2, all)?;
            let plain = Matmul::default();
            recording.extend(matmul(gpu, axes, &centered, &plain, &coordinates)?);
            let with = Matmul {
                accumulate: index > 0,
                scale: scales.unit() as f32,
                ..plain
            };
            recording.extend(matmul(gpu, &coordinates, &weights, &with, &sum)?);
        }
        Ok(sum)
    }
}

/// Values in [-1, 1) without a pattern, the same in every run: a start that no axis is orthogonal to.
fn start(count: usize) -> Vec<f32> {
    let mut state = 0x2545_f491_u32;
    let mut next = || {
        // Marsaglia's xorshift: https://doi.org/10.18637/jss.v008.i14
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / (1u64 << 31) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Mean and covariance of points.
fn shape(points: &[[f64; 2]]) -> CloudShape {
    let tokens = points.len();
    let mean = [0, 1].map(|axis| points.iter().map(|at| at[axis]).sum::<f64>() / tokens as f64);
    let product = |i: usize, j: usize| {
        let products = points
            .iter()
            .map(|at| (at[i] - mean[i]) * (at[j] - mean[j]));
        products.sum::<f64>() / (tokens.max(2) - 1) as f64
    };
    CloudShape {
        tokens,
        mean,
        covariance: [product(0, 0), product(0, 1), product(1, 1)],
    }
}

fn missing(what: &str) -> AlignmentError {
    AlignmentError::Gpu(GpuError::Shape {
        kernel: "read",
        message: format!("{what} did not come back"),
    })
}
