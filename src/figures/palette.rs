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
    /// The beginning, middle and end of an ordered axis.
    pub fn ordered(&self) -> [Color; 3] {
        [self.runs[3], self.runs[2], self.accent]
    }

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
            Color::hex(0x1c2029),
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
            Color::hex(0xe8eaf0),
        ],
    };
}

/// How colors look to those who see some of them alike.
#[cfg(test)]
pub(super) mod sight {
    use super::Color;

    type Matrix = [[f64; 3]; 3];

    /// What each way of seeing makes of linear red, green and blue: all colors, then without the cones for long,
    /// middle and short waves (Machado, Oliveira and Fernandes 2009, severity 1).
    const SIGHTS: [(&str, Matrix); 4] = [
        (
            "all colors",
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        ),
        (
            "protanopia",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    /// Linear red, green and blue to X, Y and Z by D65, each over that of white.
    const XYZ: Matrix = [
        [0.433953, 0.376219, 0.189828],
        [0.212673, 0.715152, 0.072175],
        [0.017758, 0.109477, 0.872765],
    ];

    /// Where two marks lie far enough apart to be told by color alone; what can just be told apart, side by side
    /// and large, is 2.3.
    pub const APART: f64 = 20.0;

    fn times(matrix: &Matrix, vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    /// Red, green and blue without the screen's curve.
    pub fn linear(color: Color) -> [f64; 3] {
        [color.red, color.green, color.blue].map(|byte| {
            let value = f64::from(byte) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        })
    }

    /// Lightness and the two axes of color, CIE 1976.
    fn lab(linear: [f64; 3]) -> [f64; 3] {
        let [x, y, z] = times(&XYZ, linear.map(|value| value.clamp(0.0, 1.0))).map(|value| {
            match value > 216.0 / 24389.0 {
                true => value.cbrt(),
                false => (24389.0 / 27.0 * value + 16.0) / 116.0,
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// How far two colors lie apart (CIE 1976) for those to whom they are most alike, and who that is.
    pub fn distance(one: Color, other: Color) -> (f64, &'static str) {
        let seen = |(name, matrix): &(&'static str, Matrix)| {
            let [one, other] = [one, other].map(|color| lab(times(matrix, linear(color))));
            let squares = one.iter().zip(other).map(|(a, b)| (a - b).powi(2));
            (squares.sum::<f64>().sqrt(), *name)
        };
        let least = SIGHTS.iter().map(seen).min_by(|a, b| a.0.total_cmp(&b.0));
        least.unwrap_or((0.0, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        sight::{APART, distance, linear},
        *,
    };

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(color: Color) -> f64 {
        let [red, green, blue] = linear(color);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
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

    /// What each view tells apart by color alone.
    #[test]
    fn everybody_tells_the_series_apart() {
        for palette in [Palette::LIGHT, Palette::DARK] {
            let [location, spread, shape] = palette.parts;
            for (what, one, other) in [
                ("clouds, ellipses, lengths", palette.vision, palette.text),
                ("location and spread", location, spread),
                ("spread and shape", spread, shape),
                ("location and shape", location, shape),
                ("the two trainings", palette.runs[0], palette.runs[1]),
                ("A and B of the riddle", palette.runs[2], palette.runs[3]),
                ("right and wrong", palette.accent, palette.alarm),
                (
                    "ends of an ordered axis",
                    palette.ordered()[0],
                    palette.ordered()[2],
                ),
                (
                    "its beginning and middle",
                    palette.ordered()[0],
                    palette.ordered()[1],
                ),
                (
                    "its middle and end",
                    palette.ordered()[1],
                    palette.ordered()[2],
                ),
                (
                    "a followed token among others",
                    palette.vision,
                    palette.faint,
                ),
                ("patches and words of a prompt", palette.text, palette.faint),
            ] {
                let (apart, sight) = distance(one, other);
                assert!(apart >= APART, "{what}: {apart:.1} for {sight}");
            }
        }
    }

    #[test]
    fn sights_are_those_of_the_paper() {
        let [red, green] = [0xff0000, 0x00ff00].map(Color::hex);
        // By CIE 1976 red and green are 170.6 apart for those who see all colors.
        let all = |one, other| distance(one, other);
        let (apart, sight) = all(red, green);
        assert!(apart < 100.0 && sight != "all colors" && sight != "tritanopia");
        let (same, _) = all(red, red);
        assert_eq!(same, 0.0);
        let (apart, sight) = all(Color::hex(0), Color::hex(0xffffff));
        assert!((apart - 100.0).abs() < 0.5, "{apart} for {sight}");
        // Blue and green are alike without the cones for short waves.
        let (_, sight) = all(Color::hex(0x0072b2), Color::hex(0x1b7f5c));
        assert_eq!(sight, "tritanopia");
    }
}
