//! Pillow's resampling of 8-bit images, bit for bit.
//!
//! Two passes, usually horizontal then vertical, each with the filter's weights in fixed point (22 bits
//! after the point) and an 8-bit result in between. A pass that would not change the size is left
//! out. When an image shrinks, the filter is widened by the factor.

use super::decode::RgbImage;
use crate::families::Filter;

/// A filter's shape.
trait Shape {
    /// Half width, in source pixels at scale 1.
    fn support(self) -> f64;
    /// Weight at distance `x`, not normalized.
    fn weight(self, x: f64) -> f64;
}

impl Shape for Filter {
    fn support(self) -> f64 {
        match self {
            Self::Nearest => 0.0,
            Self::Box => 0.5,
            Self::Bilinear | Self::Hamming => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| {
            if x == 0.0 {
                1.0
            } else {
                let x = x * std::f64::consts::PI;
                x.sin() / x
            }
        };
        match self {
            Self::Nearest => 0.0,
            Self::Box if x > -0.5 && x <= 0.5 => 1.0,
            Self::Bilinear if x.abs() < 1.0 => 1.0 - x.abs(),
            Self::Hamming if x.abs() < 1.0 => {
                let angle = x.abs() * std::f64::consts::PI;
                sinc(x.abs()) * (0.54 + 0.46 * angle.cos())
            }
            Self::Bicubic => {
                const A: f64 = -0.5;
                let x = x.abs();
                if x < 1.0 {
                    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
                } else if x < 2.0 {
                    (((x - 5.0) * x + 8.0) * x - 4.0) * A
                } else {
                    0.0
                }
            }
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    }
}

const PRECISION: u32 = 22;

/// The weights of one output pixel: the first source pixel and a weight for it and those after.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

fn windows(from: usize, to: usize, filter: Filter) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let widening = scale.max(1.0);
    let support = filter.support() * widening;
    let window = |i: usize| {
        let center = (i as f64 + 0.5) * scale;
        // Truncation towards zero, then the image's borders.
        let first = ((center - support + 0.5) as i64).max(0) as usize;
        let last = ((center + support + 0.5) as i64).clamp(0, from as i64) as usize;
        let at = |j: usize| filter.weight((j as f64 - center + 0.5) * (1.0 / widening));
        let weights: Vec<f64> = (first..last).map(at).collect();
        let sum: f64 = weights.iter().sum();
        let fixed = |weight: &f64| {
            let weight = if sum == 0.0 { *weight } else { weight / sum };
            let scaled = weight * f64::from(1 << PRECISION);
            (scaled + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
        };
        Window {
            first,
            weights: weights.iter().map(fixed).collect(),
        }
    };
    (0..to).map(window).collect()
}

/// One output byte: source bytes `stride` apart, from `start`, under the weights.
fn weigh(source: &[u8], start: usize, stride: usize, weights: &[i32]) -> u8 {
    let sum = source
        .iter()
        .skip(start)
        .step_by(stride)
        .zip(weights)
        .fold(1 << (PRECISION - 1), |sum: i32, (&byte, &weight)| {
            sum.wrapping_add(i32::from(byte).wrapping_mul(weight))
        });
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// Resizes to `width` x `height` pixels (both at least 1) as `PIL.Image.resize` does.
pub fn resize(image: &RgbImage, width: usize, height: usize, filter: Filter) -> RgbImage {
    if (image.width, image.height) == (width, height) {
        return image.clone();
    }
    let mut result = RgbImage {
        width,
        height,
        data: Vec::new(),
        transparent: image.transparent,
    };
    if filter == Filter::Nearest {
        let columns = nearest(image.width, width);
        for y in nearest(image.height, height) {
            for x in &columns {
                let start = (y * image.width + x) * 3;
                result.data.extend_from_slice(&image.data[start..start + 3]);
            }
        }
        return result;
    }
    let horizontal = |rows: &[u8]| horizontal_pass(rows, image.width, width, filter);
    let vertical =
        |rows: &[u8], width: usize| vertical_pass(rows, width, image.height, height, filter);
    result.data = match (image.width != width, image.height != height) {
        (true, false) => horizontal(&image.data),
        (false, _) => vertical(&image.data, width),
        (true, true) if vertical_first(image, width, height) => {
            horizontal(&vertical(&image.data, image.width))
        }
        (true, true) => vertical(&horizontal(&image.data), width),
    };
    result
}

/// The order of the passes, which shows in the rounding in between: Pillow 13 begins with the
/// vertical one where it takes away more than twice as many rows as the other takes columns.
/// (Earlier versions always began with the horizontal one.)
fn vertical_first(image: &RgbImage, width: usize, height: usize) -> bool {
    let rows = image.height as i64 - height as i64;
    let columns = image.width as i64 - width as i64;
    rows > 0 && rows > 2 * columns
}

/// Resizes every row of an image of `from` columns to `to` columns.
fn horizontal_pass(data: &[u8], from: usize, to: usize, filter: Filter) -> Vec<u8> {
    let windows = windows(from, to, filter);
    let mut result = Vec::with_capacity(data.len() / from * to);
    for row in data.chunks_exact(from * 3) {
        for window in &windows {
            for channel in 0..3 {
                let start = window.first * 3 + channel;
                result.push(weigh(row, start, 3, &window.weights));
            }
        }
    }
    result
}

/// Resizes every column of an image of `width` columns and `from` rows to `to` rows.
fn vertical_pass(data: &[u8], width: usize, from: usize, to: usize, filter: Filter) -> Vec<u8> {
    let stride = width * 3;
    let mut result = Vec::with_capacity(stride * to);
    for window in windows(from, to, filter) {
        for column in 0..stride {
            let start = window.first * stride + column;
            result.push(weigh(data, start, stride, &window.weights));
        }
    }
    result
}

/// Source positions of the nearest-pixel filter; the step is added up, as Pillow does.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let step = from as f64 / to as f64;
    let mut at = step * 0.5;
    (0..to)
        .map(|_| {
            let position = (at as usize).min(from - 1);
            at += step;
            position
        })
        .collect()
}
