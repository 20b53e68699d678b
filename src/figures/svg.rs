//! Figures as SVG.

use std::fmt::Write;

use super::{Anchor, Area, Color, Figure, Mark, Stroke, Text};

/// The figure as an SVG image of its own, on its background; what can be pointed at shows its tip where
/// a browser displays the image as part of a page.
pub fn svg_of(figure: &Figure) -> String {
    let [width, height] = figure.size.map(number);
    let mut image = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\"{}/>\n",
        escape(&figure.title),
        escape(&figure.summary),
        fill(Some(figure.background)),
    );
    for mark in &figure.marks {
        write_mark(&mut image, mark);
    }
    // The first of overlapping spots counts, and in SVG the last lies on top.
    for spot in figure.spots.iter().rev() {
        let _ = writeln!(
            image,
            "<rect{} fill=\"none\" pointer-events=\"all\"><title>{}</title></rect>",
            place(&spot.area),
            escape(&spot.tip)
        );
    }
    image + "</svg>\n"
}

fn write_mark(image: &mut String, mark: &Mark) {
    let _ = match mark {
        Mark::Line { points, stroke } => writeln!(
            image,
            "<polyline points=\"{}\" fill=\"none\"{}/>",
            list(points),
            outline(Some(*stroke))
        ),
        Mark::Polygon {
            points,
            fill: inside,
            stroke,
        } => writeln!(
            image,
            "<polygon points=\"{}\"{}{}/>",
            list(points),
            fill(*inside),
            outline(*stroke)
        ),
        Mark::Rect {
            area,
            radius,
            fill: inside,
            stroke,
        } => writeln!(
            image,
            "<rect{} rx=\"{}\"{}{}/>",
            place(area),
            number(*radius),
            fill(*inside),
            outline(*stroke)
        ),
        Mark::Circle {
            center,
            radius,
            fill: inside,
            stroke,
        } => writeln!(
            image,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}{}/>",
            number(center[0]),
            number(center[1]),
            number(*radius),
            fill(*inside),
            outline(*stroke)
        ),
        Mark::Dots {
            centers,
            radius,
            fill: inside,
        } => {
            let _ = writeln!(image, "<g{}>", fill(Some(*inside)));
            for [x, y] in centers {
                let _ = writeln!(
                    image,
                    "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"/>",
                    number(*x),
                    number(*y),
                    number(*radius)
                );
            }
            writeln!(image, "</g>")
        }
        Mark::Text(text) => write_text(image, text),
        Mark::Clipped { area, marks } => {
            // An inner image clips without a name, which several figures on a page might share.
            let _ = writeln!(
                image,
                "<svg{} viewBox=\"{} {} {} {}\" overflow=\"hidden\">",
                place(area),
                number(area.min[0]),
                number(area.min[1]),
                number(area.size[0]),
                number(area.size[1])
            );
            for mark in marks {
                write_mark(image, mark);
            }
            writeln!(image, "</svg>")
        }
    };
}

fn write_text(image: &mut String, text: &Text) -> std::fmt::Result {
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    // The base line lies half a capital letter below the middle.
    let drop = 0.36 * text.size;
    let [x, y] = text.at;
    let place = if text.upward {
        format!(
            "transform=\"translate({} {}) rotate(-90)\"",
            number(x + drop),
            number(y)
        )
    } else {
        format!("x=\"{}\" y=\"{}\"", number(x), number(y + drop))
    };
    let weight = if text.strong {
        " font-weight=\"600\""
    } else {
        ""
    };
    writeln!(
        image,
        "<text {place} text-anchor=\"{anchor}\" font-size=\"{}\"{weight}{}>{}</text>",
        number(text.size),
        fill(Some(text.color)),
        escape(&text.words)
    )
}

fn place(area: &Area) -> String {
    format!(
        " x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
        number(area.min[0]),
        number(area.min[1]),
        number(area.size[0]),
        number(area.size[1])
    )
}

fn list(points: &[[f32; 2]]) -> String {
    let points = points.iter();
    let points = points.map(|[x, y]| format!("{},{}", number(*x), number(*y)));
    points.collect::<Vec<_>>().join(" ")
}

fn fill(color: Option<Color>) -> String {
    color.map_or(" fill=\"none\"".to_owned(), |color| paint("fill", color))
}

fn outline(stroke: Option<Stroke>) -> String {
    let Some(stroke) = stroke else {
        return String::new();
    };
    let mut text = paint("stroke", stroke.color);
    let _ = write!(text, " stroke-width=\"{}\"", number(stroke.width));
    if let Some([dash, gap]) = stroke.dash {
        let _ = write!(
            text,
            " stroke-dasharray=\"{} {}\"",
            number(dash),
            number(gap)
        );
    }
    text
}

/// ` fill="#rrggbb" fill-opacity="0.5"`.
fn paint(what: &str, color: Color) -> String {
    let Color {
        red,
        green,
        blue,
        alpha,
    } = color;
    let mut text = format!(" {what}=\"#{red:02x}{green:02x}{blue:02x}\"");
    if alpha < 255 {
        let opacity = number(f32::from(alpha) / 255.0);
        let _ = write!(text, " {what}-opacity=\"{opacity}\"");
    }
    text
}

/// A coordinate with a hundredth of a point; what is no number becomes 0.
fn number(value: f32) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// `text` with the characters that mean something in XML and HTML replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // XML 1.0 allows no other control characters, not even escaped.
            letter if letter.is_control() && !matches!(letter, '\n' | '\t') => {
                escaped.push('\u{fffd}')
            }
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        for (value, text) in [
            (1.0, "1"),
            (-0.001, "0"),
            (12.345, "12.35"),
            (100.0, "100"),
            (0.5, "0.5"),
            (f32::NAN, "0"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn colors_name_their_opacity_only_where_they_have_one() {
        let color = Color::hex(0x0072b2);
        assert_eq!(paint("fill", color), " fill=\"#0072b2\"");
        let faded = color.faded(0.5);
        assert_eq!(
            paint("stroke", faded),
            " stroke=\"#0072b2\" stroke-opacity=\"0.5\""
        );
    }
}
