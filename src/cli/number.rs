//! Numbers on the command line, refused with what is allowed.

/// A number of pairs.
///
/// # Errors
/// A sentence, where `text` is no whole number or 0.
pub(crate) fn parse_number_of_pairs(text: &str) -> Result<u64, String> {
    let found = text.trim().parse::<u64>().ok().filter(|number| *number > 0);
    found.ok_or_else(|| {
        "expected a whole number of pairs, 1 or more; leave the option out for the default"
            .to_owned()
    })
}

/// A seed.
///
/// # Errors
/// A sentence, where `text` is no whole number from 0 to 2^64 - 1.
pub(crate) fn parse_seed(text: &str) -> Result<u64, String> {
    let found = text.trim().parse().ok();
    found.ok_or_else(|| format!("expected a whole number from 0 to {}", u64::MAX))
}

/// A temperature, as the engine takes it.
///
/// # Errors
/// A sentence, where `text` is no such number.
pub(crate) fn parse_temperature(text: &str) -> Result<f32, String> {
    let found = text.trim().parse().ok();
    let within = |number: &f32| *number == 0.0 || (0.01..=100.0).contains(number);
    found
        .filter(within)
        .ok_or_else(|| "expected 0, or a number from 0.01 to 100".to_owned())
}

/// A part of the probability.
///
/// # Errors
/// A sentence, where `text` is no number above 0 and at most 1.
pub(crate) fn parse_share(text: &str) -> Result<f32, String> {
    let found = text.trim().parse().ok();
    found
        .filter(|number| *number > 0.0 && *number <= 1.0)
        .ok_or_else(|| "expected a number above 0 and at most 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_is_said() {
        assert_eq!(parse_number_of_pairs("12"), Ok(12));
        for text in ["0", "-1", "1.5", "many", "", "99999999999999999999"] {
            let error = parse_number_of_pairs(text).unwrap_err();
            assert!(error.contains("1 or more"), "{text}: {error}");
        }
        assert_eq!(parse_seed("0"), Ok(0));
        assert_eq!(parse_seed("18446744073709551615"), Ok(u64::MAX));
        assert!(parse_seed("18446744073709551616").is_err());
        assert_eq!(parse_temperature("0.7"), Ok(0.7));
        for text in ["-1", "nan", "inf", "0.001", "warm"] {
            assert!(parse_temperature(text).is_err(), "{text}");
        }
        assert_eq!(parse_share("1"), Ok(1.0));
        assert!(parse_share("0").is_err() && parse_share("1.01").is_err());
    }
}
