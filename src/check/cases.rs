//! Cases: what was recorded for the device, and what its CPU twin gives.

use std::ops::Range;

use super::{KernelCheck, Random, random_blocks, relative_error, stored};
use crate::blocks::Block;
use crate::gpu::{DType, Dispatch, Gpu, GpuError, Readback, Recording, Step, Tensor};

/// A result on the device and on the CPU.
struct Case {
    kernel: &'static str,
    what: String,
    found: Tensor,
    rows: Range<usize>,
    cols: Range<usize>,
    expected: Vec<f32>,
    bound: f64,
}

/// How far a result is off.
pub(super) struct Outcome {
    pub(super) kernel: &'static str,
    pub(super) what: String,
    pub(super) error: f64,
    pub(super) bound: f64,
}

impl Outcome {
    /// Error in bounds: more than 1 is wrong.
    pub(super) fn severity(&self) -> f64 {
        match self.error {
            0.0 => 0.0,
            error => error / self.bound,
        }
    }
}

/// Collects cases; they run in one recording and come back in one transfer.
pub(super) struct Cases<'a> {
    /// The device.
    pub(super) gpu: &'a Gpu,
    /// Inputs.
    pub(super) random: Random,
    /// Only what is run whenever a device is opened: a case or two.
    pub(super) quick: bool,
    kernel: &'static str,
    recording: Recording,
    cases: Vec<Case>,
}

impl<'a> Cases<'a> {
    pub(super) fn new(gpu: &'a Gpu, quick: bool) -> Self {
        Self {
            gpu,
            random: Random::new(0),
            quick,
            kernel: "",
            recording: Recording::new(),
            cases: Vec::new(),
        }
    }

    /// Adds the cases of a kernel.
    pub(super) fn add(&mut self, check: &KernelCheck) -> Result<(), GpuError> {
        self.kernel = check.kernel;
        // The same inputs whatever was added before.
        self.random = Random::new(check.kernel.bytes().map(u64::from).sum());
        (check.cases)(self)
    }

    /// Runs all cases and compares.
    pub(super) async fn outcomes(self) -> Result<Vec<Outcome>, GpuError> {
        self.gpu.run(&self.recording).await?;
        let tensors: Vec<&Tensor> = self.cases.iter().map(|case| &case.found).collect();
        let results = self.gpu.read(&tensors).await?;
        let outcome = |(case, result): (Case, Readback)| Outcome {
            kernel: case.kernel,
            error: relative_error(&part(&result, &case.rows, &case.cols), &case.expected),
            what: case.what,
            bound: case.bound,
        };
        Ok(self.cases.into_iter().zip(results).map(outcome).collect())
    }

    /// The calls recorded so far.
    pub(super) fn dispatches(&self) -> Vec<Dispatch> {
        let steps = self.recording.steps().iter();
        steps
            .filter_map(|step| match step {
                Step::Dispatch(dispatch) => Some(dispatch.clone()),
                _ => None,
            })
            .collect()
    }

    /// Standard normal values.
    pub(super) fn normals(&mut self, count: usize) -> Vec<f32> {
        self.random.normals(count)
    }

    /// Uploads `[rows, cols]`.
    pub(super) fn upload(
        &self,
        rows: usize,
        cols: usize,
        values: &[f32],
    ) -> Result<Tensor, GpuError> {
        self.gpu.upload(rows, cols, values)
    }

    /// Uploads `[rows, cols]` below a row of NaN, which nothing may read.
    pub(super) fn second_row(&self, values: &[f32]) -> Result<Tensor, GpuError> {
        let two = [vec![f32::NAN; values.len()], values.to_vec()].concat();
        self.upload(2, values.len(), &two)
    }

    /// Uploads `[rows, cols]` in a float type; the values that it can hold.
    pub(super) fn stored(
        &self,
        dtype: DType,
        rows: usize,
        cols: usize,
        values: &[f32],
    ) -> Result<(Tensor, Vec<f32>), GpuError> {
        stored(self.gpu, dtype, rows, cols, values)
    }

    /// Random blocks `[rows, cols]`: the tensor, and the bytes as a file has them.
    pub(super) fn blocks(
        &mut self,
        block: Block,
        rows: usize,
        cols: usize,
    ) -> Result<(Tensor, Vec<u8>), GpuError> {
        random_blocks(self.gpu, &mut self.random, block, rows, cols)
    }

    /// A tensor for a result.
    pub(super) fn out(&self, rows: usize, cols: usize) -> Result<Tensor, GpuError> {
        self.gpu.tensor(DType::F32, rows, cols)
    }

    /// Records calls.
    pub(super) fn run(&mut self, calls: impl IntoIterator<Item = Dispatch>) {
        self.recording.extend(calls);
    }

    /// Expects `found` to hold `expected`, to `bound` as [`relative_error`] has it.
    pub(super) fn compare(&mut self, what: String, found: &Tensor, expected: Vec<f32>, bound: f64) {
        let (rows, cols) = (0..found.rows(), 0..found.cols());
        self.compare_part(what, found, rows, cols, expected, bound);
    }

    /// As [`Cases::compare`], of these rows and columns.
    pub(super) fn compare_part(
        &mut self,
        what: String,
        found: &Tensor,
        rows: Range<usize>,
        cols: Range<usize>,
        expected: Vec<f32>,
        bound: f64,
    ) {
        self.cases.push(Case {
            kernel: self.kernel,
            what,
            found: found.clone(),
            rows,
            cols,
            expected,
            bound,
        });
    }
}

fn part(result: &Readback, rows: &Range<usize>, cols: &Range<usize>) -> Vec<f32> {
    result
        .values
        .chunks_exact(result.cols.max(1))
        .skip(rows.start)
        .take(rows.len())
        .flat_map(|row| &row[cols.clone()])
        .copied()
        .collect()
}
