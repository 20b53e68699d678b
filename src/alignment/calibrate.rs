//! Modality calibration in closed form: the vision tokens of each layer take the mean and the
//! deviation of the text tokens, dimension by dimension.

use super::{AlignmentError, Mir, covariance::Moments};
use crate::{
    gpu::{Readback, Recording},
    kernels::{
        affine_rows::affine_rows,
        column_sums::{ColumnSums, column_totals},
    },
    platform::Cancel,
};

impl Mir {
    /// Maps the vision tokens of each layer by `h <- u h + v` with the diagonal Gaussian map `u_i =
    /// s_t,i / s_v,i`, `v = mu_t - u mu_v`, from the mean and the (unbiased) deviation of each
    /// dimension of all tokens. Where all vision tokens agree in a dimension (`s_v,i = 0`), `u_i = 1`.
    ///
    /// To be called once, after all tokens were pushed: what comes after, the rule for outliers
    /// included, sees the calibrated tokens. Each layer is mapped by itself; what a calibrated layer
    /// would do to the next ones is left out.
    ///
    /// Source: arXiv 2410.07167, section 4, where `u` and `v` are learned; here they have the closed
    /// form that makes both modalities' first two moments agree in each dimension.
    ///
    /// # Errors
    /// [`AlignmentError::TokenCount`] where tokens are missing; what the device reports.
    pub async fn calibrate(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        self.check_filled()?;
        let gpu = &self.gpu;
        let mut recording = Recording::new();
        let (layers, width) = (self.stores.len(), self.hidden_size);
        let sides = [
            Moments::new(gpu, layers, width)?,
            Moments::new(gpu, layers, width)?,
        ];
        for (layer, stores) in self.stores.iter().enumerate() {
            for (store, moments) in stores.iter().zip(&sides) {
                moments.record_means(gpu, &mut recording, store, layer)?;
                let [means, _, squares] = moments.tensors();
                let square = ColumnSums {
                    shift: Some((means, layer)),
                    square: true,
                    factor: 1.0,
                };
                recording.extend(column_totals(gpu, store, &square, squares, layer)?);
            }
        }
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        let [vision, text] = &sides;
        let read = gpu
            .read(&[vision.tensors(), text.tensors()].concat())
            .await?;
        let (vision, text) = read.split_at(read.len() / 2);
        let mut factors = Vec::with_capacity(layers * width);
        let mut shifts = Vec::with_capacity(layers * width);
        for index in 0..layers * width {
            let (mean_v, deviation_v) = moments(vision, index, self.expected[0]);
            let (mean_t, deviation_t) = moments(text, index, self.expected[1]);
            let factor = match deviation_v > 0.0 {
                true => deviation_t / deviation_v,
                false => 1.0,
            };
            // As the kernel will use it, so that the means agree to the last digit.
            let factor = factor as f32;
            factors.push(factor);
            shifts.push((mean_t - f64::from(factor) * mean_v) as f32);
        }
        let factors = gpu.upload(layers, width, &factors)?;
        let shifts = gpu.upload(layers, width, &shifts)?;
        let mut recording = Recording::new();
        for (layer, [vision, _]) in self.stores.iter().enumerate() {
            recording.push(affine_rows(vision, &factors, &shifts, layer, None)?);
        }
        gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        Ok(())
    }
}

/// Mean and unbiased deviation of one dimension at one layer.
fn moments(columns: &[Readback], index: usize, tokens: usize) -> (f64, f64) {
    let value = |column: usize| {
        let values = columns.get(column).map(|read| &read.values);
        values
            .and_then(|values| values.get(index))
            .map_or(f64::NAN, |&value| f64::from(value))
    };
    let mean = value(0) + value(1);
    (mean, (value(2) / (tokens - 1) as f64).sqrt())
}
