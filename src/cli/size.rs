//! Sizes such as `512MiB`.

use crate::words::printable;

/// Bytes of a size as GNU's tools write it: `K`, `KiB` are 1024, `KB` is 1000; then M, G, T.
///
/// # Errors
/// A sentence, where `text` is no size or not between 1 byte and 2^63.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "expected a size such as 512MiB, 2G or 1000000, found `{}`",
            printable(text)
        )
    };
    let trimmed = text.trim();
    let digits_end = trimmed
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits_end);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let unit = unit.trim().to_ascii_lowercase();
    let (letter, base) = match unit.strip_suffix("ib") {
        Some(letter) if !letter.is_empty() => (letter, 1024.0),
        _ => match unit.strip_suffix('b') {
            Some(letter) => (letter, 1000.0),
            None => (unit.as_str(), 1024.0),
        },
    };
    let power = match letter {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    let bytes = number * f64::powi(base, power);
    let bounds = match bytes {
        ..1.0 => "at least one byte",
        1.0..9.2e18 => return Ok(bytes.round() as u64),
        _ => "less than 2^63 bytes",
    };
    Err(format!(
        "expected a size of {bounds}, found `{}`",
        printable(text)
    ))
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_with_and_without_units() {
        for (text, bytes) in [
            ("1", 1),
            ("1000000", 1_000_000),
            ("64B", 64),
            ("512MiB", 512 << 20),
            ("512mib", 512 << 20),
            ("2G", 2 << 30),
            ("2 GB", 2_000_000_000),
            ("1.5GiB", 3 << 29),
            ("4K", 4096),
            ("1T", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "MiB",
            "12X",
            "1.2.3G",
            "-1",
            "0",
            "1e3",
            "iB",
            "99999999T",
            "2GiBs",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        let reason = |text| parse_size(text).unwrap_err();
        assert!(reason("0").contains("at least one byte"));
        assert!(reason("99999999T").contains("less than 2^63"));
    }
}
