//! Position embeddings for another number of patches than the tower was trained with.

use crate::families::{PositionTable, TowerSpec};

/// The positions of a picture's patches, that of the class token first, from the checkpoint's table.
pub(super) fn of_picture(spec: &TowerSpec, mut table: Vec<f32>) -> Vec<f32> {
    let (from, to) = (spec.table_per_side(), spec.patches_per_side());
    let class = usize::from(spec.class_token) * spec.hidden_size;
    let patches = table.split_off(class.min(table.len()));
    let width = spec.hidden_size;
    table.extend(match spec.positions {
        PositionTable::Bicubic => interpolate(&patches, from, to, width),
        PositionTable::BicubicAntialias => antialiased(&patches, from, to, width),
        PositionTable::Buckets => in_buckets(&patches, from, to, width),
        // Made for each picture, or not at all.
        PositionTable::BilinearCorners | PositionTable::None => patches,
    });
    table
}

/// The row of the table for each of `to` x `to` patches: that of the bucket of the table's `from` x
/// `from` which the patch's fractional coordinates fall into, computed in f32 as `Idefics3VisionEmbeddings` does
/// (NaViT, arXiv 2307.06304).
fn in_buckets(table: &[f32], from: usize, to: usize, width: usize) -> Vec<f32> {
    let step = 1.0 / to as f32;
    let last = 1.0 - 1e-6_f32;
    // Boundaries between buckets: multiples of 1 / from, added up in f64 and rounded.
    let boundary = 1.0 / from as f64;
    let boundaries: Vec<f32> = (0..from)
        .map(|k| (boundary + k as f64 * boundary) as f32)
        .filter(|boundary| *boundary < 1.0)
        .collect();
    let bucket = |at: usize| {
        let place = (at as f32 * step).min(last);
        boundaries
            .iter()
            .filter(|boundary| **boundary <= place)
            .count()
    };
    let mut result = Vec::with_capacity(to * to * width);
    for row in 0..to {
        for column in 0..to {
            let start = (bucket(row) * from + bucket(column)) * width;
            result.extend(table.get(start..start + width).unwrap_or_default());
        }
    }
    result
}

/// The positions of the patches at `places` of a picture of `to` rows and columns of patches: bilinear
/// interpolation of a table over `from` x `from` patches whose corners lie on the picture's, in f32 as
/// `Qwen3VLVisionModel` computes it.
///
/// # Shapes
/// `table` is `[from * from, width]`, row-major; the result `[places, width]`.
pub(super) fn between_corners(
    table: &[f32],
    from: usize,
    to: [usize; 2],
    places: &[[usize; 2]],
) -> Vec<f32> {
    let width = table.len() / (from * from).max(1);
    // Two taps along each side, with their weights.
    let taps = |at: usize, to: usize| {
        let place =
            (at as f32 * from.saturating_sub(1) as f32) / to.saturating_sub(1).max(1) as f32;
        let floor = place.floor();
        let second = 1.0 - (place - floor - 1.0).abs();
        let first = floor as usize;
        let last = from.saturating_sub(1);
        [
            (first.min(last), 1.0 - (place - floor)),
            ((first + 1).min(last), second.max(0.0)),
        ]
    };
    let mut values = Vec::with_capacity(places.len() * width);
    for &[row, column] in places {
        let start = values.len();
        values.resize(start + width, 0.0);
        for (row, high) in taps(row, to[0]) {
            for (column, wide) in taps(column, to[1]) {
                let first = (row * from + column) * width;
                let source = table.get(first..first + width).unwrap_or_default();
                let sums = values.iter_mut().skip(start);
                sums.zip(source)
                    .for_each(|(sum, value)| *sum += value * (high * wide));
            }
        }
    }
    values
}

/// Constant of the cubic convolution, as PyTorch has it for `mode="bicubic"`.
const A: f64 = -0.75;

/// The same with `antialias = true`, and in Pillow.
const A_PILLOW: f64 = -0.5;

/// A table of positions over `from` x `from` patches, made one over `to` x `to` patches: bicubic
/// interpolation with half-pixel centers (`align_corners = false`, no antialiasing), taps beyond the
/// border taken from the border. Sums in f64.
///
/// This is `interpolate_pos_encoding` of transformers' CLIP and SigLIP towers; interpolating positions
/// for a higher resolution goes back to ViT (arXiv 2010.11929, section 3.2), and MM1 (arXiv 2403.09611)
/// uses it to raise the resolution of a trained tower.
///
/// # Shapes
/// `table` is `[from * from, width]`, row-major like the patches; the result `[to * to, width]`.
pub(super) fn interpolate(table: &[f32], from: usize, to: usize, width: usize) -> Vec<f32> {
    if from == to || from == 0 {
        return table.to_vec();
    }
    let taps: Vec<_> = (0..to).map(|at| taps(at, from, to).to_vec()).collect();
    weigh(table, from, &taps, width)
}

/// The same with `antialias = true`, as `interpolate_pos_encoding` of transformers' DINOv2 with registers
/// has it: Pillow's cubic kernel, widened where the table shrinks, taps beyond the border left out.
fn antialiased(table: &[f32], from: usize, to: usize, width: usize) -> Vec<f32> {
    if from == to || from == 0 {
        return table.to_vec();
    }
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let taps = |at: usize| -> Vec<(usize, f64)> {
        let center = scale * (at as f64 + 0.5);
        let first = (center - 2.0 * widening + 0.5).max(0.0) as usize;
        let end = ((center + 2.0 * widening + 0.5) as usize).min(from);
        let at = |source: usize| weight(A_PILLOW, (source as f64 - center + 0.5).abs() / widening);
        let sum: f64 = (first..end).map(at).sum();
        (first..end)
            .map(|source| (source, at(source) / sum))
            .collect()
    };
    let taps: Vec<_> = (0..to).map(taps).collect();
    weigh(table, from, &taps, width)
}

/// The rows of a table over `from` x `from` patches, weighted along both sides by the `taps` of each
/// row and column.
fn weigh(table: &[f32], from: usize, taps: &[Vec<(usize, f64)>], width: usize) -> Vec<f32> {
    let mut result = Vec::with_capacity(taps.len().pow(2) * width);
    for rows in taps {
        for columns in taps {
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
        (source, weight(A, (inside - offset).abs()))
    })
}

/// The cubic convolution kernel at distance `x` (R. Keys, "Cubic convolution interpolation for digital
/// image processing", 1981).
fn weight(a: f64, x: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((x - 5.0) * x + 8.0) * x * a - 4.0 * a
    } else {
        0.0
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
    fn corners_lie_on_corners() {
        let table = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 20.0, 21.0, 22.0];
        let places = [[0, 0], [0, 3], [4, 0], [4, 3], [1, 1]];
        let found = between_corners(&table, 3, [5, 4], &places);
        assert_eq!(found[..4], [0.0, 2.0, 20.0, 22.0]);
        assert!((found[4] - (5.0 + 2.0 / 3.0)).abs() < 1e-6, "{}", found[4]);
        // One row or column takes the first of the table.
        assert_eq!(between_corners(&table, 3, [1, 1], &[[0, 0]]), [0.0]);
    }

    #[test]
    fn values_are_those_of_pytorch() {
        // torch.nn.functional.interpolate(table, size, mode="bicubic", align_corners=False) in f64.
        let table = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0, 0.0, 3.0, 9.0];
        let smaller = [3.234_497_070, 3.392_425_537, 2.198_486_328, 7.587_005_616];
        let larger = [
            0.251_314_640,
            2.943_246_841,
            3.480_963_230,
            1.476_950_645,
            6.463_901_043,
            5.385_757_446,
            4.737_834_454,
            4.987_067_223,
            5.993_686_199,
            4.502_267_838,
            5.623_160_839,
            8.548_577_309,
            -0.820_462_704,
            0.929_477_692,
            5.498_919_010,
            9.594_826_698,
        ];
        for (to, expected) in [(2, smaller.as_slice()), (4, larger.as_slice())] {
            let found = interpolate(&table, 3, to, 1);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-6,
                    "{found} for {expected}"
                );
            }
            assert_eq!(found.len(), expected.len());
        }
        // The same with antialias=True.
        let smaller = [4.031_842_506, 3.962_046_124, 3.120_058_022, 6.861_365_680];
        let larger = [
            0.461_238_583,
            2.866_013_711,
            3.355_744_663,
            1.623_412_787,
            6.010_269_048,
            5.192_171_416,
            4.768_676_040,
            5.005_277_634,
            5.566_863_996,
            4.499_895_429,
            5.649_264_369,
            8.294_416_598,
            -0.591_000_223,
            1.223_182_497,
            5.445_457_465,
            9.428_826_019,
        ];
        for (to, expected) in [(2, smaller.as_slice()), (4, larger.as_slice())] {
            let found = antialiased(&table, 3, to, 1);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-6,
                    "{found} for {expected}"
                );
            }
        }
        assert_eq!(antialiased(&table, 3, 3, 1), table);
        assert_eq!(interpolate(&table, 3, 3, 1), table);
        assert_eq!(interpolate(&[2.5; 4 * 3], 2, 5, 3), [2.5; 25 * 3]);
    }
}
