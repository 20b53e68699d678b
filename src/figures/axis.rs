//! Axes: from values to points, and the ticks between.

use serde::{Deserialize, Serialize};

/// The axis of distances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Decades at equal distance.
    #[default]
    Log,
    /// Units at equal distance.
    Linear,
}

/// Values beyond this are not drawn: their differences would overflow.
const LARGEST: f64 = 1e100;

impl Scale {
    /// Whether the axis has a place for `value`.
    pub fn shows(self, value: f64) -> bool {
        match self {
            Self::Log => (1.0 / LARGEST..LARGEST).contains(&value),
            Self::Linear => value.abs() < LARGEST,
        }
    }
}

/// A value with a mark on the axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// The value.
    pub(super) value: f64,
    /// What is written there; nothing at a small tick.
    pub(super) label: String,
}

/// An axis between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    scale: Scale,
    /// The values at the ends.
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where these are.
    start: f32,
    end: f32,
}

impl Axis {
    /// The axis that shows all `values` it has a place for, with some room beyond them; at its low end
    /// `start`, at its high end `end`. None where there is nothing to show.
    ///
    /// A linear axis starts at 0 with `from_zero`, or wherever a value is below 0.
    pub(super) fn covering(
        scale: Scale,
        values: impl IntoIterator<Item = f64>,
        from_zero: bool,
        [start, end]: [f32; 2],
    ) -> Option<Self> {
        let (mut low, mut high) = values
            .into_iter()
            .filter(|value| scale.shows(*value))
            .fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if low > high {
            return None;
        }
        match scale {
            Scale::Log => {
                // A factor of 1.2 at least, so that equal values do not fill the axis with rounding.
                let room = ((high / low).log10() * 0.07).max(0.04);
                low /= 10f64.powf(room);
                high *= 10f64.powf(room);
            }
            Scale::Linear => {
                if from_zero {
                    low = low.min(0.0);
                    high = high.max(0.0);
                }
                let least = (low.abs().max(high.abs()) * 1e-3).max(1e-12);
                let room = ((high - low) * 0.07).max(least);
                high += if from_zero && high == 0.0 { 0.0 } else { room };
                low -= if from_zero && low == 0.0 { 0.0 } else { room };
                if high <= low {
                    high = low + least;
                }
            }
        }
        Some(Self {
            scale,
            low,
            high,
            start,
            end,
        })
    }

    /// A linear axis from `low` to `high`, or from 0 to 1 where that is no range.
    pub(super) fn linear([low, high]: [f64; 2], [start, end]: [f32; 2]) -> Self {
        let sound = high > low && Scale::Linear.shows(low) && Scale::Linear.shows(high);
        let [low, high] = if sound { [low, high] } else { [0.0, 1.0] };
        Self {
            scale: Scale::Linear,
            low,
            high,
            start,
            end,
        }
    }

    /// The same values between other points.
    pub(super) fn between(self, [start, end]: [f32; 2]) -> Self {
        Self { start, end, ..self }
    }

    /// Where a value is; values beyond the ends lie on the axis' continuation, and what a logarithmic
    /// axis has no place for lies below its low end.
    pub(super) fn at(&self, value: f64) -> f32 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log if value > 0.0 => {
                (value / self.low).log10() / (self.high / self.low).log10()
            }
            Scale::Log => -1.0,
        };
        // Far outside is outside: no coordinate may overflow a renderer.
        let share = share.clamp(-10.0, 11.0) as f32;
        self.start + share * (self.end - self.start)
    }

    /// Ticks, low to high, about `most` of them with a label and at least two.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => linear_ticks(self.low, self.high, most.max(2)),
            Scale::Log => log_ticks(self.low, self.high, most.max(2)),
        }
    }
}

/// The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is at least `value`.
fn nice(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|mantissa| mantissa * power)
        // Rounding of the power must not skip a step.
        .find(|step| *step >= value * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let mut step = nice((high - low) / most as f64);
    // A smaller step or two where the first one has less than two multiples in the range.
    for _ in 0..4 {
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        if last - first >= 1.0 {
            return (0..=(last - first).min(100.0) as usize)
                .map(|index| (first + index as f64) * step)
                .map(|value| Tick {
                    value,
                    label: number(value, step, low.abs().max(high.abs())),
                })
                .collect();
        }
        // Below 0.5 this must give 0.2, not 0.5 again.
        step = nice(step / 2.6);
    }
    Vec::new()
}

fn log_ticks(low: f64, high: f64, most: usize) -> Vec<Tick> {
    let (first, last) = (low.log10().ceil() as i32, high.log10().floor() as i32);
    let decades = usize::try_from(last - first + 1).unwrap_or(0);
    if decades >= 3 || (decades == 2 && most < 4) {
        let every = decades.div_ceil(most).max(1);
        return (first..=last)
            .map(|exponent| Tick {
                value: 10f64.powi(exponent),
                label: if ((exponent - first) as usize).is_multiple_of(every) {
                    power_of_ten(exponent)
                } else {
                    String::new()
                },
            })
            .collect();
    }
    let range = || (first - 1..=last + 1).map(|exponent| 10f64.powi(exponent));
    let ticks: Vec<Tick> = range()
        .flat_map(|power| (1..10).map(move |mantissa| (f64::from(mantissa), power)))
        .map(|(mantissa, power)| Tick {
            value: mantissa * power,
            label: if [1.0, 2.0, 5.0].contains(&mantissa) {
                number(mantissa * power, power, high)
            } else {
                String::new()
            },
        })
        .filter(|tick| (low..=high).contains(&tick.value))
        .collect();
    let labelled = ticks.iter().filter(|tick| !tick.label.is_empty()).count();
    if labelled >= 3.min(most) {
        ticks
    } else {
        // Less than a decade: equal steps say more.
        linear_ticks(low, high, most)
    }
}

/// `0.01`, `1`, `1000`, `1e7`.
fn power_of_ten(exponent: i32) -> String {
    if (-3..6).contains(&exponent) {
        10f64.powi(exponent).to_string()
    } else {
        format!("1e{exponent}")
    }
}

/// A tick's value, with the digits that tell it from its neighbors at distance `step`.
fn number(value: f64, step: f64, largest: f64) -> String {
    let place = (step.log10() + 1e-9).floor() as i32;
    if largest >= 1e6 || place < -5 {
        let digits = (largest.log10().floor() as i32 - place).clamp(0, 15) as usize;
        return if value == 0.0 {
            "0".to_owned()
        } else {
            format!("{value:.digits$e}")
        };
    }
    let decimals = usize::try_from(-place).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    // Rounding may leave a sign before zero.
    if text
        .trim_start_matches('-')
        .chars()
        .all(|c| c == '0' || c == '.')
    {
        text.trim_start_matches('-').to_owned()
    } else {
        text.replace('-', "\u{2212}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, values: &[f64], most: usize) -> Vec<String> {
        let axis = Axis::covering(scale, values.iter().copied(), true, [100.0, 0.0]).unwrap();
        let ticks = axis.ticks(most);
        for tick in &ticks {
            let at = axis.at(tick.value);
            assert!((-0.01..=100.01).contains(&at), "{tick:?} at {at}");
        }
        let written = ticks.into_iter().map(|tick| tick.label);
        written.filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn linear_ticks_are_1_2_5_steps() {
        assert_eq!(
            labels(Scale::Linear, &[0.9, 1.31], 5),
            ["0.0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(Scale::Linear, &[-3.0, 40.0], 5),
            ["0", "10", "20", "30", "40"]
        );
        assert_eq!(labels(Scale::Linear, &[2e7, 4e7], 4), ["0", "2e7", "4e7"]);
        assert_eq!(
            labels(Scale::Linear, &[-0.02, 0.01], 4),
            ["\u{2212}0.02", "\u{2212}0.01", "0.00", "0.01"]
        );
    }

    #[test]
    fn log_ticks_are_decades_or_finer_where_there_are_few() {
        assert_eq!(
            labels(Scale::Log, &[2.0, 4e4], 5),
            ["1", "10", "100", "1000", "10000"]
        );
        assert_eq!(
            labels(Scale::Log, &[0.5, 30.0], 6),
            ["0.5", "1", "2", "5", "10", "20"]
        );
        assert_eq!(labels(Scale::Log, &[0.91, 1.31], 5), ["1.0", "1.2", "1.4"]);
    }

    #[test]
    fn two_ticks_at_least_whatever_the_values() {
        let cases: [&[f64]; 11] = [
            &[1.0],
            &[0.8, 1.25],
            &[0.83, 1.21],
            &[0.999_999, 1.0],
            &[1e-9, 1e9],
            &[1e-99, 1e99],
            &[3.0, 3.2],
            &[9.9, 10.1],
            &[123_456_789.0, 123_456_790.0],
            &[4.4e-7, 5e-7],
            &[1.0, f64::NAN, f64::INFINITY],
        ];
        for values in cases {
            for scale in [Scale::Log, Scale::Linear] {
                for most in 2..9 {
                    let labels = labels(scale, values, most);
                    let count = labels.len();
                    assert!(
                        (2..=13).contains(&count),
                        "{scale:?} {values:?}: {labels:?}"
                    );
                    let mut unique = labels.clone();
                    unique.dedup();
                    assert_eq!(unique, labels, "{scale:?} {values:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_to_show_is_no_axis() {
        let axis =
            |values: &[f64]| Axis::covering(Scale::Log, values.iter().copied(), false, [0.0, 1.0]);
        assert_eq!(axis(&[]), None);
        assert_eq!(axis(&[-1.0, 0.0, f64::NAN]), None);
        let axis = axis(&[1.0, 100.0]).unwrap();
        assert!(axis.at(-5.0) < 0.0 && axis.at(f64::MAX).is_finite());
    }
}
