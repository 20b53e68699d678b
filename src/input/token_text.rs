//! One token of a vocabulary as readable text.

use tokenizers::DecoderWrapper;

/// How a vocabulary writes its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenForm {
    /// Each character stands for a byte, as in GPT-2's vocabulary.
    Bytes,
    /// Text in which this character stands for a space; single bytes as `<0x0A>`.
    Marked(char),
}

impl TokenForm {
    /// The form that a tokenizer's decoder undoes.
    pub fn of(decoder: Option<&DecoderWrapper>) -> Self {
        match decoder {
            Some(DecoderWrapper::ByteLevel(_)) => Self::Bytes,
            Some(DecoderWrapper::Metaspace(metaspace)) => Self::Marked(metaspace.get_replacement()),
            Some(DecoderWrapper::Sequence(sequence)) => (sequence.get_decoders().iter())
                .map(|part| Self::of(Some(part)))
                .find(|form| *form == Self::Bytes)
                .unwrap_or(Self::Marked('\u{2581}')),
            _ => Self::Marked('\u{2581}'),
        }
    }

    /// The text of a token of the vocabulary, spaces included. A byte that is part of a character
    /// only together with its neighbors is written as `<0xE2>`, and so are control characters other
    /// than tabs and line ends.
    pub fn text(self, token: &str) -> String {
        match self {
            Self::Bytes => match token.chars().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => readable(&bytes),
                None => token.to_owned(),
            },
            Self::Marked(space) => match single_byte(token) {
                Some(byte) => readable(&[byte]),
                None => token.replace(space, " "),
            },
        }
    }
}

/// The byte of `<0x0A>`.
fn single_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let hex = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The byte for which a character stands in GPT-2's alphabet: printable Latin-1 characters stand
/// for themselves, those from U+0100 on for the other bytes in their order.
fn byte(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    let byte = match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7f,
        0x143 => 0xad,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

fn readable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\r' | '\t' => text.push(letter),
                '\0'..='\x1f' | '\x7f' => text += &format!("<0x{:02X}>", u32::from(letter)),
                letter => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text += &format!("<0x{byte:02X}>");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_each_byte_once() {
        let mut bytes: Vec<u8> = (0..0x200)
            .filter_map(char::from_u32)
            .filter_map(byte)
            .collect();
        assert_eq!(bytes.len(), 256);
        bytes.sort_unstable();
        assert!(bytes.iter().copied().eq(0..=255));
        // The well-known ones.
        assert_eq!(byte('\u{120}'), Some(b' '));
        assert_eq!(byte('\u{10a}'), Some(b'\n'));
        assert_eq!(byte('\u{2581}'), None);
    }

    #[test]
    fn tokens_keep_their_spaces_and_show_their_bytes() {
        let bytes = |token| TokenForm::Bytes.text(token);
        assert_eq!(bytes("\u{120}cat"), " cat");
        assert_eq!(bytes("\u{10a}"), "\n");
        // U+00C3 and U+00A9 stand for the two bytes of U+00E9; the first alone is none.
        assert_eq!(bytes("caf\u{c3}\u{a9}"), "caf\u{e9}");
        assert_eq!(bytes("\u{120}\u{c3}"), " <0xC3>");
        assert_eq!(bytes("\u{100}"), "<0x00>");
        let marked = |token| TokenForm::Marked('\u{2581}').text(token);
        assert_eq!(marked("\u{2581}the\u{2581}"), " the ");
        assert_eq!(marked("<0x0A>"), "\n");
        assert_eq!(marked("<0xE2>"), "<0xE2>");
        assert_eq!(marked("<0x41>"), "A");
        assert_eq!(marked("<0x+1>"), "<0x+1>");
    }
}
