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
    }
}
