//! SentencePiece's precompiled table of characters, looked through before it is used.
//!
//! It is a length, a trie as a double array of 32-bit units, and replacements that end at a zero byte
//! (see `Darts::DoubleArray`). What reads it does not look where its places lie.

/// Bits of a unit.
trait Unit {
    fn label(self) -> u32;
    fn offset(self) -> usize;
    fn has_leaf(self) -> bool;
    fn value(self) -> usize;
}

impl Unit for u32 {
    fn label(self) -> u32 {
        self & (1 << 31 | 0xff)
    }

    fn offset(self) -> usize {
        let wide = (self & 1 << 9) >> 6;
        ((self >> 10) as usize) << wide
    }

    fn has_leaf(self) -> bool {
        self >> 8 & 1 == 1
    }

    fn value(self) -> usize {
        (self & !(1 << 31)) as usize
    }
}

/// Times as long as it was that a text may become by a table in base 64.
///
/// # Errors
/// A place in it lies outside of it, or within a character.
pub(super) fn growth(table: &str) -> Result<usize, String> {
    let broken = || "a precompiled_charsmap that is broken".to_owned();
    let bytes = decoded(table).ok_or_else(broken)?;
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
    let size = u32::from_le_bytes(*size) as usize / 4 * 4;
    let (units, texts) = rest.split_at_checked(size).ok_or_else(broken)?;
    let texts = std::str::from_utf8(texts).map_err(|_| broken())?;
    let units: Vec<u32> = (units.chunks_exact(4))
        .map(|unit| {
            unit.iter()
                .rev()
                .fold(0, |all, byte| all << 8 | u32::from(*byte))
        })
        .collect();
    let unit = |place: usize| units.get(place).copied().ok_or_else(broken);
    let mut growth = 1;
    let mut seen = vec![false; units.len()];
    // Places from which the next letter is looked for, and how many letters lead there.
    let mut places = vec![(unit(0)?.offset(), 0_usize)];
    while let Some((place, letters)) = places.pop() {
        for letter in 1..=0xf4_u32 {
            let at = place ^ letter as usize;
            let found = unit(at)?;
            if found.label() != letter || std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let next = at ^ found.offset();
            if found.has_leaf() {
                let start = unit(next)?.value();
                let text = texts.get(start..).ok_or_else(broken)?;
                let length = text.find('\0').unwrap_or(text.len());
                growth = growth.max(length.div_ceil(letters + 1));
            }
            places.push((next, letters + 1));
        }
    }
    Ok(growth)
}

/// The bytes of a text in base 64; none where it is none, as the library sees it: padded, and nothing left over.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let letters = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - letters.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in letters.bytes() {
        let six = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    (bits & ((1 << count) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_read() {
        assert_eq!(decoded("TWFu").as_deref(), Some(b"Man".as_slice()));
        assert_eq!(decoded("TWE=").as_deref(), Some(b"Ma".as_slice()));
        for wrong in ["T*", "TWE", "TWF=", "TWFu=", "T===", "===="] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
