//! The distance in f64, by QR and SVD of the centered rows: no covariance is ever formed.

use faer::Mat;

use super::clouds::Cloud;

/// What the distance is made of, for clouds as they are.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// `||mu_v - mu_t||^2`.
    pub location: f64,
    pub trace_v: f64,
    pub trace_t: f64,
    /// `Tr (S_v S_t)^(1/2)`.
    pub nuclear: f64,
    /// `Tr (S_v S_t)`.
    pub product: f64,
}

impl Parts {
    /// `||mu_v - mu_t||^2 + Tr S_v + Tr S_t`.
    pub fn upper(&self) -> f64 {
        self.location + self.trace_v + self.trace_t
    }

    pub fn frechet(&self) -> f64 {
        self.upper() - 2.0 * self.nuclear
    }
}

/// Mean of the rows.
pub fn mean(cloud: &Cloud) -> Vec<f64> {
    let mut mean = vec![0.0; cloud.width];
    for row in cloud.rows() {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, &x)| *m += f64::from(x));
    }
    mean.iter().map(|m| m / cloud.tokens() as f64).collect()
}

/// Centered rows over `sqrt(n - 1)`.
pub fn centered(cloud: &Cloud) -> Mat<f64> {
    let mean = mean(cloud);
    let scale = 1.0 / ((cloud.tokens() - 1) as f64).sqrt();
    Mat::from_fn(cloud.tokens(), cloud.width, |i, j| {
        (f64::from(cloud.values[i * cloud.width + j]) - mean[j]) * scale
    })
}

/// `S = Xc^T Xc / (n - 1)`.
pub fn covariance(cloud: &Cloud) -> Mat<f64> {
    let rows = centered(cloud);
    rows.transpose() * &rows
}

pub fn mean_norm(cloud: &Cloud) -> f64 {
    let norm = |row: &[f32]| {
        let squares: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
        squares.sqrt()
    };
    cloud.rows().map(norm).sum::<f64>() / cloud.tokens() as f64
}

/// The parts, by QR of each cloud and SVD of `R_v R_t^T`.
pub fn parts(vision: &Cloud, text: &Cloud) -> Parts {
    let (v, t) = (centered(vision), centered(text));
    let location = (mean(vision).iter().zip(mean(text)))
        .map(|(v, t)| (v - t).powi(2))
        .sum();
    let (rv, rt) = (v.qr().thin_R().to_owned(), t.qr().thin_R().to_owned());
    let product = &rv * rt.transpose();
    let singular = product.singular_values().expect("the SVD converges");
    Parts {
        location,
        trace_v: v.squared_norm_l2(),
        trace_t: t.squared_norm_l2(),
        nuclear: singular.iter().sum(),
        product: singular.iter().map(|s| s * s).sum(),
    }
}
