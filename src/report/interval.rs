//! 95 % intervals from the derivatives of a quantity by the weights of the pairs.

use crate::words::counted;

/// Fewest pairs that say something of their spread.
const FEWEST_PAIRS: usize = 5;

/// The quantile of the normal distribution that leaves 2.5 % above it.
const NORMAL: f64 = 1.959_963_984_540_054;

/// Why there are no intervals over so many pairs, where they are too few.
pub fn too_few_pairs(pairs: usize) -> Option<String> {
    (pairs < FEWEST_PAIRS).then(|| {
        format!(
            "no interval: {} {} fewer than {FEWEST_PAIRS}",
            counted(pairs, "pair"),
            if pairs == 1 { "is" } else { "are" }
        )
    })
}

/// The standard error of a quantity over pairs from its derivatives by their weights; none below 5 pairs or where
/// a derivative is not finite.
pub fn standard_error(derivatives: &[f64]) -> Option<f64> {
    let pairs = derivatives.len() as f64;
    let mean = derivatives.iter().sum::<f64>() / pairs;
    let squares: f64 = derivatives.iter().map(|u| (u - mean).powi(2)).sum();
    let error = (squares * pairs / (pairs - 1.0)).sqrt();
    (derivatives.len() >= FEWEST_PAIRS && error.is_finite()).then_some(error)
}

/// A 95 % interval about `value`: Student's t with one degree of freedom less than there are pairs.
pub fn interval(value: f64, derivatives: &[f64]) -> Option<[f64; 2]> {
    let reach = quantile(derivatives.len().saturating_sub(1) as f64) * standard_error(derivatives)?;
    Some([value - reach, value + reach])
}

/// The quantile of Student's t with `n` degrees of freedom that leaves 2.5 % above it (Abramowitz and Stegun
/// 26.7.5; off by less than 0.2 % from 4 on).
fn quantile(n: f64) -> f64 {
    let z = NORMAL;
    let power = |exponent| z.powi(exponent);
    let terms = [
        (power(3) + z) / 4.0,
        (5.0 * power(5) + 16.0 * power(3) + 3.0 * z) / 96.0,
        (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * z) / 384.0,
        (79.0 * power(9) + 776.0 * power(7) + 1482.0 * power(5) - 1920.0 * power(3) - 945.0 * z)
            / 92160.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / n) + z
}
