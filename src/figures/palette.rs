//! The colors of figures, light and dark.

use super::Color;

/// Colors with a meaning, the same in every figure and every view.
///
/// The parts differ in lightness as well as in hue, so that color-blind readers and grey prints tell
/// them apart; none of them is near the colors of the two modalities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    /// Vision tokens.
    pub vision: Color,
    /// Text tokens.
    pub text: Color,
    /// What is selected or can be pressed.
    pub accent: Color,
    /// What went wrong.
    pub alarm: Color,
    /// The background of a figure.
    pub card: Color,
    /// Thin lines: grids and edges.
    pub line: Color,
    /// Words and curves.
    pub ink: Color,
    /// Less important words.
    pub faint: Color,
    /// Location, spread and shape.
    pub parts: [Color; 3],
    /// Runs in a comparison, taken in turn.
    pub runs: [Color; 5],
}

impl Palette {
    /// On a light background.
    pub const LIGHT: Self = Self {
        vision: Color::hex(0x0072b2),
        text: Color::hex(0xc45a00),
        accent: Color::hex(0x3d3a9c),
        alarm: Color::hex(0xa81c2c),
        card: Color::hex(0xffffff),
        line: Color::hex(0xdddfe6),
        ink: Color::hex(0x1c2029),
        faint: Color::hex(0x5c6270),
        parts: [
            Color::hex(0x14593f),
            Color::hex(0x8a55a8),
            Color::hex(0x8b92a0),
        ],
        runs: [
            Color::hex(0x3d3a9c),
            Color::hex(0x1b7f5c),
            Color::hex(0xb13a7c),
            Color::hex(0x7d6608),
            Color::hex(0x5c6270),
        ],
    };

    /// On a dark background.
    pub const DARK: Self = Self {
        vision: Color::hex(0x56b4e9),
        text: Color::hex(0xf09a3c),
        accent: Color::hex(0xa9a5ff),
        alarm: Color::hex(0xff8a93),
        card: Color::hex(0x1f222a),
        line: Color::hex(0x343945),
        ink: Color::hex(0xe8eaf0),
        faint: Color::hex(0x9aa2b2),
        parts: [
            Color::hex(0x7fd6b0),
            Color::hex(0xa97cc4),
            Color::hex(0x666d7d),
        ],
        runs: [
            Color::hex(0xa9a5ff),
            Color::hex(0x5fd0a2),
            Color::hex(0xf08cc4),
            Color::hex(0xd6c25a),
            Color::hex(0x9aa2b2),
        ],
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(color: Color) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn words_can_be_read_and_curves_seen() {
        for palette in [Palette::LIGHT, Palette::DARK] {
            for words in [palette.ink, palette.faint, palette.accent, palette.alarm] {
                assert!(contrast(words, palette.card) >= 4.5, "{words:?}");
            }
            let graphics = [palette.vision, palette.text];
            for color in graphics.into_iter().chain(palette.runs) {
                assert!(contrast(color, palette.card) >= 3.0, "{color:?}");
            }
        }
    }

    #[test]
    fn parts_differ_in_lightness() {
        for Palette { parts, card, .. } in [Palette::LIGHT, Palette::DARK] {
            assert!(contrast(parts[0], parts[1]) >= 1.5);
            assert!(contrast(parts[1], parts[2]) >= 1.5);
            // The palest of them is seen, too.
            assert!(contrast(parts[2], card) >= 3.0);
        }
    }
}
