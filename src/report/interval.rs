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
    let reach = student(derivatives.len().saturating_sub(1)) * standard_error(derivatives)?;
    Some([value - reach, value + reach])
}

/// The quantiles of Student's t for 1 to 30 degrees of freedom that leave 2.5 % above them.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The quantile of Student's t that leaves 2.5 % above it; infinite without a degree of freedom.
pub(crate) fn student(freedom: usize) -> f64 {
    match freedom {
        0 => f64::INFINITY,
        freedom => (STUDENT.get(freedom - 1).copied()).unwrap_or_else(|| many(freedom as f64)),
    }
}

/// The same for many degrees of freedom `n` (Abramowitz and Stegun 26.7.5; off by less than 0.2 % from 4 on).
fn many(n: f64) -> f64 {
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

#[cfg(test)]
mod tests {
    use super::{STUDENT, many, student};

    #[test]
    fn the_quantiles_go_on_where_the_table_ends() {
        for (freedom, listed) in (1..).zip(STUDENT).skip(3) {
            let found = many(f64::from(freedom));
            assert!((found / listed - 1.0).abs() < 2e-3, "{freedom}: {found}");
        }
        // Of the usual tables.
        for (freedom, listed) in [(31, 2.040), (40, 2.021), (60, 2.000), (120, 1.980)] {
            assert!((student(freedom) - listed).abs() < 6e-4, "{freedom}");
        }
        assert_eq!(student(8), 2.306);
        assert_eq!(student(0), f64::INFINITY);
    }
}
