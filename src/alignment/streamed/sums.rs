//! The sums of one modality's rows on the device.

use super::{BINS, layout::Layout, side::Side};
use crate::{
    alignment::{covariance::Gram, plan::PIECE},
    gpu::{DType, GpuError, Recording, Tensor},
    kernels::{
        center_rows::center_rows,
        gather_rows::gather_rows,
        matmul::{Matmul, matmul},
        split_rows::{Parts, split_rows},
    },
    report::Outliers,
};

/// What rows are added with.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Side {
    /// Takes the memory for the sums of the next layer, and records that they become 0.
    pub(super) fn begin(
        &mut self,
        recording: &mut Recording,
        zeros: &[Tensor; 2],
    ) -> Result<(), GpuError> {
        let [of_gram, of_bins] = zeros;
        let rows = |rows: usize| self.gpu.tensor(DType::F32, rows, self.width);
        let gram = Gram::room(&self.gpu, self.width)?;
        gram.clear(recording, of_gram)?;
        self.grams.push(Some(gram));
        self.doubtful.push(rows(self.waiting_capacity)?);
        if self.rule == Outliers::Replace {
            let bins = rows(BINS)?;
            recording.copy_rows(of_bins, 0, &bins, 0, BINS)?;
            self.bins.push(bins);
        }
        Ok(())
    }

    /// Records the sums of some rows of `from`.
    pub(super) fn add(
        &self,
        recording: &mut Recording,
        layer: usize,
        from: &Tensor,
        rows: &[u32],
        sign: Sign,
    ) -> Result<(), GpuError> {
        let Some(layout) = &self.layout else {
            return Ok(());
        };
        let scale = match sign {
            Sign::Plus => 1.0,
            Sign::Minus => -1.0,
        };
        for rows in rows.chunks(PIECE) {
            let (gpu, count) = (&self.gpu, rows.len());
            let piece = gpu.tensor(DType::F32, count, self.width)?;
            recording.push(gather_rows(&gpu.upload_indices(rows)?, from, 0, &piece, 0)?);
            let Layout {
                centers,
                rests,
                stats,
                bounds,
                ..
            } = layout;
            recording.push(center_rows(&piece, centers, rests, stats, layer)?);
            let turned = || gpu.tensor(DType::F32, self.width, count);
            let parts = Parts {
                high: turned()?,
                mixed: turned()?,
                low: turned()?,
            };
            recording.push(split_rows(&piece, 0, bounds, layer, &parts)?);
            if let Some(gram) = self.grams.get(layer).and_then(Option::as_ref) {
                gram.add(gpu, recording, &parts, scale)?;
            }
            let ones = gpu.upload(1, count, &vec![1.0; count])?;
            let with = Matmul {
                accumulate: true,
                out_row: layer,
                scale,
                ..Matmul::default()
            };
            for (part, sums) in [&parts.high, &parts.low].into_iter().zip(&self.sums) {
                recording.extend(matmul(gpu, &ones, part, &with, sums)?);
            }
        }
        Ok(())
    }

    /// Gives back the memory of everything but the rows at hand.
    pub(super) fn give_back(&mut self) {
        self.doubtful.clear();
        self.grams.clear();
        self.bins.clear();
    }
}
