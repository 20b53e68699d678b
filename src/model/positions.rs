//! Position embeddings for another number of patches than the tower was trained with.

/// Constant of the cubic convolution, as PyTorch has it for `mode="bicubic"`.
const A: f64 = -0.75;

/// A table of positions over `from` x `from` patches, made one over `to` x `to` patches: bicubic
/// interpolation with half-pixel centers (`align_corners = false`, no antialiasing), taps beyond the
/// border taken from the border. Sums in f64.
///
/// This is `interpolate_pos_encoding` of transformers' CLIP and SigLIP towers; interpolating positions
/// for a higher resolution goes back to ViT (arXiv 2010.11929, section 3.2), and MM1 (arXiv 2403.09611,
/// section 3.2) uses it to raise the resolution of a trained tower.
///
/// # Shapes
/// `table` is `[from * from, width]`, row-major like the patches; the result `[to * to, width]`.
pub(super) fn interpolate(table: &[f32], from: usize, to: usize, width: usize) -> Vec<f32> {
    if from == to || from == 0 {
        return table.to_vec();
    }
    let taps: Vec<[(usize, f64); 4]> = (0..to).map(|at| taps(at, from, to)).collect();
    let mut result = Vec::with_capacity(to * to * width);
    for rows in &taps {
        for columns in &taps {
            for channel in 0..width {
                let value = |row: usize, column: usize| {
                    let index = (row * from + column) * width + channel;
                    f64::from(table.get(index).copied().unwrap_or_default())
                };
                let along = |row: usize| -> f64 {
                    let terms = columns
                        .iter()
                        .map(|&(column, weight)| weight * value(row, column));
                    terms.sum()
                };
                let sum: f64 = rows.iter().map(|&(row, weight)| weight * along(row)).sum();
                result.push(sum as f32);
            }
        }
    }
    result
}

/// The four source positions of position `at` of `to`, with their weights.
fn taps(at: usize, from: usize, to: usize) -> [(usize, f64); 4] {
    let place = (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let floor = place.floor();
    let inside = place - floor;
    std::array::from_fn(|tap| {
        let offset = tap as f64 - 1.0;
        let source = (floor + offset).clamp(0.0, from as f64 - 1.0) as usize;
        (source, weight((inside - offset).abs()))
    })
}

/// The cubic convolution kernel at distance `x` (R. Keys, "Cubic convolution interpolation for digital
/// image processing", 1981).
fn weight(x: f64) -> f64 {
    if x <= 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else {
        ((x - 5.0) * x + 8.0) * x * A - 4.0 * A
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_a_position_sum_to_one() {
        for (from, to) in [(2, 3), (4, 6), (6, 4), (1, 5), (24, 48)] {
            for at in 0..to {
                let taps = taps(at, from, to);
                let sum: f64 = taps.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{from} to {to} at {at}: {sum}");
                assert!(taps.iter().all(|(source, _)| *source < from));
            }
        }
    }

    #[test]
    fn planes_and_constants_stay_what_they_are() {
        let constant = interpolate(&[2.5; 4 * 3], 2, 5, 3);
        assert_eq!(constant, [2.5; 25 * 3]);
        // A plane is reproduced away from the border, where taps are repeated.
        let plane: Vec<f32> = (0..64)
            .map(|i| (i / 8) as f32 + 10.0 * (i % 8) as f32)
            .collect();
        let fine = interpolate(&plane, 8, 16, 1);
        for row in 4..12 {
            for column in 4..12 {
                let [y, x] = [row, column].map(|at| (at as f64 + 0.5) / 2.0 - 0.5);
                let expected = y + 10.0 * x;
                let found = f64::from(fine[row * 16 + column]);
                assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
            }
        }
        assert_eq!(interpolate(&plane, 8, 8, 1), plane);
    }
}
