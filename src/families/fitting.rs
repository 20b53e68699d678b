//! How an image is fitted into a canvas, and which lines of features are kept of it: the arithmetic of the
//! reference implementation, rounding included.

use std::ops::Range;

/// The canvas that keeps most of an image, then wastes least, the first of equals; sizes are height
/// and width.
pub(super) fn best(canvases: &[[usize; 2]], height: usize, width: usize) -> Option<[usize; 2]> {
    let mut best: Option<((u64, u64), [usize; 2])> = None;
    for &[high, wide] in canvases {
        let scale = (wide as f64 / width as f64).min(high as f64 / height as f64);
        let kept = (width as f64 * scale) as u64 * (height as f64 * scale) as u64;
        let kept = kept.min(width as u64 * height as u64);
        let wasted = (high as u64 * wide as u64).saturating_sub(kept);
        if best.is_none_or(|((most, least), _)| kept > most || kept == most && wasted < least) {
            best = Some(((kept, wasted), [high, wide]));
        }
    }
    best.map(|(_, size)| size)
}

/// Height and width of an image of these proportions that fits the canvas `high` x `wide`.
pub(super) fn fitted(height: usize, width: usize, [high, wide]: [usize; 2]) -> (usize, usize) {
    let (across, down) = (wide as f64 / width as f64, high as f64 / height as f64);
    let scaled = |length: usize, scale: f64, most: usize| {
        ((length as f64 * scale).ceil() as usize).min(most)
    };
    match across < down {
        true => (scaled(height, across, high), wide),
        false => (high, scaled(width, down, wide)),
    }
}

/// The rows and columns of the tokens on a canvas that an image of these proportions lies on.
pub(super) fn kept(height: usize, width: usize, [rows, columns]: [usize; 2]) -> [Range<usize>; 2] {
    let (high, wide) = (height as f64, width as f64);
    let cut = |length: f64, scale: f64, all: usize| {
        // To seven decimals before they are cut off.
        let length = format!("{:.7}", length * scale);
        let whole = length
            .split('.')
            .next()
            .and_then(|whole| whole.parse().ok());
        let margin = all.saturating_sub(whole.unwrap_or(all)) / 2;
        margin..all - margin
    };
    match wide / high > columns as f64 / rows as f64 {
        true => [cut(high, columns as f64 / wide, rows), 0..columns],
        false => [0..rows, cut(wide, rows as f64 / high, columns)],
    }
}

/// The two rows out of `from` that each of `to` lies between, with their shares: linear interpolation
/// with half-pixel centers and no smoothing, in f32, as PyTorch has it for `mode="bilinear"`.
pub(super) fn taps(from: usize, to: usize) -> Vec<[(usize, f32); 2]> {
    let scale = from as f32 / to.max(1) as f32;
    let last = from.saturating_sub(1);
    let tap = |at: usize| {
        let place = (scale * (at as f32 + 0.5) - 0.5).max(0.0);
        let low = (place as usize).min(last);
        let share = (place - low as f32).clamp(0.0, 1.0);
        [(low, 1.0 - share), ((low + 1).min(last), share)]
    };
    (0..to).map(tap).collect()
}

/// `numerator // denominator` of two positive numbers, as Python has it.
pub(super) fn floor_quotient(numerator: f64, denominator: f64) -> usize {
    ((numerator - numerator % denominator) / denominator).round() as usize
}
