//! The tokens of both modalities in two dimensions.

use serde::{Deserialize, Serialize};

/// Which axes a projection uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axes {
    /// The two principal axes of this state's tokens.
    #[default]
    Own,
    /// The two principal axes of the tokens of all states together, so that states can be compared; or those of
    /// another run, so that runs can.
    Shared,
}

/// Two axes that a run gave, for the tokens of another one of the same width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneAxes(
    /// Orthonormal, each with as many numbers as a token.
    pub [Vec<f32>; 2],
);

/// A state's tokens, projected onto two axes.
///
/// Tokens are scaled by `alpha`, so that a text token's mean norm is 1 as in the Modality Integration
/// Rate; the axes are the first two principal components of both modalities' tokens together,
/// and the origin is the mean of all of these. Each axis points to where the vision mean is larger, so
/// that the picture does not flip from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// The state.
    pub state: usize,
    /// The axes.
    pub axes: Axes,
    /// Share of the variance of all tokens that each axis shows, 0 to 1.
    pub explained: [f64; 2],
    /// The vision tokens, at most [`Projection::MOST_POINTS`], evenly taken.
    pub vision: Vec<ProjectedToken>,
    /// The text tokens, likewise.
    pub text: Vec<ProjectedToken>,
    /// Mean and covariance of all vision tokens in the plane, also of those not listed.
    pub vision_shape: CloudShape,
    /// The same of the text tokens.
    pub text_shape: CloudShape,
}

impl Projection {
    /// Most tokens of a modality that a projection lists.
    pub const MOST_POINTS: usize = 3000;

    /// The same with the origin at the mean of the text tokens, where it stands still from run to run.
    #[must_use]
    pub fn about_text(mut self) -> Self {
        let origin = self.text_shape.mean;
        let tokens = self.vision.iter_mut().chain(&mut self.text);
        for (axis, value) in tokens.flat_map(|token| token.at.iter_mut().enumerate()) {
            *value -= origin[axis] as f32;
        }
        for shape in [&mut self.vision_shape, &mut self.text_shape] {
            shape.mean = [0, 1].map(|axis| shape.mean[axis] - origin[axis]);
        }
        self
    }
}

/// One token in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectedToken {
    /// Coordinates on the first and on the second axis.
    pub at: [f32; 2],
    /// The pair it belongs to.
    pub pair: u32,
    /// Its position in the pair's prompt.
    pub position: u32,
}

/// A cloud's Gaussian in the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CloudShape {
    /// Number of tokens.
    pub tokens: usize,
    /// Mean.
    pub mean: [f64; 2],
    /// Covariance `[xx, xy, yy]`, with n - 1.
    pub covariance: [f64; 3],
}

impl CloudShape {
    /// Half axes and direction of the ellipse at `sigmas` standard deviations: the longer half axis,
    /// the shorter one, and the angle of the longer one to the first axis in radians.
    pub fn ellipse(&self, sigmas: f64) -> (f64, f64, f64) {
        let [xx, xy, yy] = self.covariance;
        let (half, difference) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
        let root = difference.hypot(xy);
        let (large, small) = (half + root, (half - root).max(0.0));
        let angle = 0.5 * (2.0 * xy).atan2(xx - yy);
        (sigmas * large.max(0.0).sqrt(), sigmas * small.sqrt(), angle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_moves_to_the_text() {
        let token = |x: f32, y: f32| ProjectedToken {
            at: [x, y],
            pair: 0,
            position: 0,
        };
        let shape = |x: f64, y: f64| CloudShape {
            tokens: 2,
            mean: [x, y],
            covariance: [1.0, 0.5, 2.0],
        };
        let moved = Projection {
            state: 1,
            axes: Axes::Shared,
            explained: [0.5, 0.2],
            vision: vec![token(3.0, 1.0)],
            text: vec![token(1.0, 0.0), token(2.0, -4.0)],
            vision_shape: shape(3.0, 1.0),
            text_shape: shape(1.5, -2.0),
        }
        .about_text();
        assert_eq!(moved.vision[0].at, [1.5, 3.0]);
        assert_eq!(moved.text[1].at, [0.5, -2.0]);
        assert_eq!(moved.vision_shape, shape(1.5, 3.0));
        assert_eq!(moved.text_shape, shape(0.0, 0.0));
    }

    #[test]
    fn ellipse_of_a_turned_gaussian() {
        // Standard deviations 3 and 1, turned by 30 degrees.
        let (sin, cos) = 30f64.to_radians().sin_cos();
        let shape = CloudShape {
            tokens: 10,
            mean: [0.0; 2],
            covariance: [
                9.0 * cos * cos + sin * sin,
                8.0 * sin * cos,
                9.0 * sin * sin + cos * cos,
            ],
        };
        let (long, short, angle) = shape.ellipse(2.0);
        assert!((long - 6.0).abs() < 1e-12, "{long}");
        assert!((short - 2.0).abs() < 1e-12, "{short}");
        assert!((angle.to_degrees() - 30.0).abs() < 1e-9, "{angle}");
        assert_eq!(CloudShape::default().ellipse(1.0), (0.0, 0.0, 0.0));
    }
}
