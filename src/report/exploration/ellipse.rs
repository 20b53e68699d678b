//! Two Gaussians in a plane: small enough to hold in one's hand, with the distance in closed form.

use serde::{Deserialize, Serialize};

use super::CloudShape;

/// A Gaussian in the plane, by its ellipse at one standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ellipse {
    /// The mean's first coordinate.
    pub x: f64,
    /// Its second one.
    pub y: f64,
    /// Standard deviation along the ellipse's own axis.
    pub length: f64,
    /// Standard deviation across it.
    pub width: f64,
    /// From the first coordinate's axis to the ellipse's own, counterclockwise, in degrees.
    pub turn: f64,
}

impl Default for Ellipse {
    /// The round cloud of standard deviation 1 about the origin.
    fn default() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            length: 1.0,
            width: 1.0,
            turn: 0.0,
        }
    }
}

impl Ellipse {
    /// The mean.
    pub fn mean(&self) -> [f64; 2] {
        [self.x, self.y]
    }

    /// Direction of the ellipse's own axis, of length 1.
    pub fn direction(&self) -> [f64; 2] {
        let (sin, cos) = self.turn.to_radians().sin_cos();
        [cos, sin]
    }

    /// The covariance `[xx, xy, yy]`.
    pub fn covariance(&self) -> [f64; 3] {
        let [cos, sin] = self.direction();
        let (along, across) = (self.length.powi(2), self.width.powi(2));
        [
            along * cos * cos + across * sin * sin,
            (along - across) * sin * cos,
            along * sin * sin + across * cos * cos,
        ]
    }

    /// The trace of the covariance: the mean squared distance of a token from the mean.
    pub fn trace(&self) -> f64 {
        self.length.powi(2) + self.width.powi(2)
    }

    /// Root of the mean squared norm of a token, counted from the origin.
    pub fn typical_norm(&self) -> f64 {
        (self.x.powi(2) + self.y.powi(2) + self.trace()).sqrt()
    }

    /// The cloud with every token multiplied by `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        Self {
            x: factor * self.x,
            y: factor * self.y,
            length: factor * self.length,
            width: factor * self.width,
            turn: self.turn,
        }
    }

    /// The cloud with a typical norm of 1; itself where all of it lies in the origin.
    pub fn matched(&self) -> Self {
        match self.typical_norm() {
            norm if norm > 0.0 => self.scaled(norm.recip()),
            _ => *self,
        }
    }

    /// Location, spread and shape of the squared Fréchet distance to another cloud; each is 0 or more, and
    /// their sum is the distance.
    ///
    /// `||mu_1 - mu_2||^2`, `(sqrt(Tr S_1) - sqrt(Tr S_2))^2` and
    /// `2 (sqrt(Tr S_1 Tr S_2) - Tr (S_1 S_2)^(1/2))`. The product of two covariances of a plane has
    /// eigenvalues `a` and `b`, none negative, and `sqrt(a) + sqrt(b) = sqrt(a + b + 2 sqrt(a b))`:
    /// `Tr (S_1 S_2)^(1/2) = sqrt(Tr(S_1 S_2) + 2 sqrt(det S_1 det S_2))`.
    pub fn parts(&self, other: &Self) -> [f64; 3] {
        let location = (self.x - other.x).powi(2) + (self.y - other.y).powi(2);
        let (one, two) = (self.trace().sqrt(), other.trace().sqrt());
        let (a, b) = (self.covariance(), other.covariance());
        let product = a[0] * b[0] + 2.0 * a[1] * b[1] + a[2] * b[2];
        let determinants = self.length * self.width * other.length * other.width;
        let root = (product + 2.0 * determinants.abs()).max(0.0).sqrt();
        // Never negative; rounding may say otherwise.
        let shape = (2.0 * (one * two - root)).max(0.0);
        [location, (one - two).powi(2), shape]
    }
}

impl From<&CloudShape> for Ellipse {
    fn from(shape: &CloudShape) -> Self {
        let (length, width, angle) = shape.ellipse(1.0);
        Self {
            x: shape.mean[0],
            y: shape.mean[1],
            length,
            width,
            turn: angle.to_degrees(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Ellipse = Ellipse {
        x: 0.9,
        y: 0.45,
        length: 0.42,
        width: 0.24,
        turn: 20.0,
    };
    const VISION: Ellipse = Ellipse {
        x: -0.5,
        y: 0.8,
        length: 0.6,
        width: 0.16,
        turn: 115.0,
    };

    /// The trace norm of `S_1^(1/2) S_2^(1/2)` by Newton's iteration for its polar factor, in another program,
    /// gave these of the two clouds above.
    #[test]
    fn the_parts_are_those_of_a_matrix_square_root() {
        let expected = [2.0825, 0.018832490891859233, 0.17694108675518072];
        for (found, expected) in VISION.parts(&TEXT).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
        assert_eq!(VISION.parts(&TEXT), TEXT.parts(&VISION));
    }

    #[test]
    fn each_part_alone() {
        let round = Ellipse::default();
        let moved = Ellipse {
            x: 3.0,
            y: 4.0,
            ..round
        };
        let [location, spread, shape] = round.parts(&moved);
        assert_eq!((location, spread), (25.0, 0.0));
        assert!(shape < 1e-12, "{shape}");
        let wide = round.scaled(3.0);
        let [location, spread, shape] = round.parts(&wide);
        assert_eq!(location, 0.0);
        assert!(
            (spread - 8.0).abs() < 1e-12 && shape < 1e-12,
            "{spread} {shape}"
        );
        // As large, but long: standard deviations 1.4 and 0.2 have the trace 2, too.
        let long = Ellipse {
            length: 1.4,
            width: 0.2,
            ..round
        };
        let [location, spread, shape] = round.parts(&long);
        assert_eq!(location, 0.0);
        assert!(spread < 1e-30);
        assert!((shape - 2.0 * (2.0 - 1.6)).abs() < 1e-12, "{shape}");
        // Across each other: the root's trace is 2 * 1.4 * 0.2.
        let across = Ellipse { turn: 90.0, ..long };
        let [.., shape] = long.parts(&across);
        assert!((shape - 2.0 * (2.0 - 0.56)).abs() < 1e-12, "{shape}");
    }

    #[test]
    fn matching_undoes_a_scale() {
        let [long, plain] = [VISION.scaled(30.0).matched(), VISION.matched()];
        assert!((long.typical_norm() - 1.0).abs() < 1e-12);
        for (long, plain) in long.parts(&TEXT).iter().zip(plain.parts(&TEXT)) {
            assert!((long - plain).abs() < 1e-12);
        }
        let nowhere = Ellipse {
            length: 0.0,
            width: 0.0,
            ..Ellipse::default()
        };
        assert_eq!(nowhere.matched(), nowhere);
    }

    #[test]
    fn a_cloud_has_its_ellipse() {
        let shape = CloudShape {
            tokens: 9,
            mean: VISION.mean(),
            covariance: VISION.covariance(),
        };
        let found = Ellipse::from(&shape);
        for (found, expected) in found.covariance().iter().zip(VISION.covariance()) {
            assert!((found - expected).abs() < 1e-12);
        }
        assert!((found.length - 0.6).abs() < 1e-12 && (found.width - 0.16).abs() < 1e-12);
    }
}
