//! Numbers for reading.

pub(crate) use crate::words::grouped as count;

/// `value` with four significant digits, plain where that stays short, else with an exponent.
///
/// `0.01234`, `3.142`, `12345`, `1.235e7`.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs();
    if !magnitude.is_finite() || !(1e-4..1e6).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let before_point = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(4 - before_point).unwrap_or(0);
    format!("{value:.decimals$}")
}

/// `512 B`, `1.9 GiB`.
pub(crate) fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if value < 1024 {
        return format!("{value} B");
    }
    let mut scaled = value as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 and more would print as 1024.0.
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// `12 ms`, `3.4 s`, `2 min 05 s`.
pub(crate) fn seconds(value: f64) -> String {
    if value < 0.0095 {
        format!("{:.1} ms", value * 1e3)
    } else if value < 0.9995 {
        format!("{:.0} ms", value * 1e3)
    } else if value < 99.95 {
        format!("{value:.1} s")
    } else {
        let whole = value.round() as u64;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// The value to six significant digits, for files whose numbers only have to be good enough to compute with.
pub(crate) fn shortened(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits_over_many_magnitudes() {
        for (value, text) in [
            (0.0, "0"),
            (std::f64::consts::PI, "3.142"),
            (-0.012_344, "-0.01234"),
            (99_999.6, "100000"),
            (12_345.678, "12346"),
            (12_345_678.0, "1.235e7"),
            (0.000_012_3, "1.230e-5"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn bytes_and_seconds() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(2_040_109_466), "1.9 GiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
        assert_eq!(seconds(0.0012), "1.2 ms");
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(seconds(3.44), "3.4 s");
        assert_eq!(seconds(125.2), "2 min 05 s");
    }
}
