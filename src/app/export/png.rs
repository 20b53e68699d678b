//! SVG to PNG, with a font of our own: a picture looks the same on every machine.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{
        Options, Tree,
        fontdb::{Database, Source},
    },
};

/// Pixels per point.
const SCALE: f32 = 2.0;

/// Longest side, in pixels.
const LARGEST: f32 = 8192.0;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The SVG is none.
    #[error("the plot's SVG cannot be drawn: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// The picture would be empty or larger than [`LARGEST`].
    #[error("a picture of {width} by {height} pixels cannot be made: expected 1 to 8192 each")]
    Size {
        /// Columns.
        width: f32,
        /// Rows.
        height: f32,
    },
    /// The picture cannot be written as PNG.
    #[error("the picture cannot be written as PNG: {0}")]
    Encoding(String),
}

/// The picture of an SVG image as a PNG file, two pixels a point.
///
/// # Errors
/// [`PngError`] where the image is no SVG or too large.
pub fn png(svg: &str) -> Result<Vec<u8>, PngError> {
    let mut fonts = Database::new();
    // In the order in which a letter is looked for.
    for font in [
        epaint_default_fonts::UBUNTU_LIGHT,
        epaint_default_fonts::HACK_REGULAR,
    ] {
        fonts.load_font_source(Source::Binary(Arc::new(font)));
    }
    let family = fonts.faces().next().and_then(|face| face.families.first());
    if let Some((family, _)) = family.cloned() {
        fonts.set_sans_serif_family(family);
    }
    let options = Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options)?;
    let [width, height] = [tree.size().width(), tree.size().height()].map(|side| side * SCALE);
    let map = (width.max(height) <= LARGEST)
        .then(|| Pixmap::new(width.ceil() as u32, height.ceil() as u32))
        .flatten();
    let mut map = map.ok_or(PngError::Size { width, height })?;
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut map.as_mut(),
    );
    map.encode_png()
        .map_err(|error| PngError::Encoding(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Look, Palette, norms, svg_of};

    #[test]
    fn words_are_drawn_without_a_font_of_the_system() {
        let report = include_str!("../../../assets/demo/report.json");
        let report = crate::report::parse(report, "report.json").unwrap();
        let look = Look::new(Palette::LIGHT, [400.0, 200.0]);
        let figure = norms(&report.layers, None, &look);
        let bytes = png(&svg_of(&figure)).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (800, 400));
        // The title of the axis below the plot, and nothing left of it.
        let dark = |columns: std::ops::Range<u32>| {
            let pixels = columns.flat_map(|x| (365..395).map(move |y| (x, y)));
            pixels
                .filter(|&(x, y)| picture.get_pixel(x, y).0[0] < 160)
                .count()
        };
        assert!(dark(300..560) > 100, "{}", dark(300..560));
        assert_eq!(dark(60..200), 0);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error() {
        assert!(matches!(png("no image"), Err(PngError::Svg(_))));
        let large = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9000\" height=\"9\"></svg>";
        assert!(matches!(png(large), Err(PngError::Size { .. })));
    }
}
