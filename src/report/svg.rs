//! The chart of a report.

use std::fmt::Write;

use super::{LayerReport, Report, number::significant};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 24.0;
/// Top and bottom of the upper panel, the distances.
const DISTANCE: (f64, f64) = (84.0, 250.0);
/// Top and bottom of the lower panel, what they are made of.
const PARTS: (f64, f64) = (296.0, 372.0);
/// Name and color of the parts, told apart by color-blind readers too (Okabe and Ito's palette).
const PART_STYLE: [(&str, &str); 3] = [
    ("location", "#0072b2"),
    ("spread", "#e69f00"),
    ("shape", "#009e73"),
];

/// The report's chart as an SVG image of its own: above, each layer's distance on a logarithmic
/// axis; below, the shares of location, spread and shape in it.
///
/// Distances that are not positive and parts that are negative are left out.
pub fn svg(report: &Report) -> String {
    let mut image = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"#fff\"/>\n",
        title = escape(&title(report)),
    );
    text(&mut image, (LEFT, 30.0), "start", 17, &title(report));
    text(&mut image, (LEFT, 50.0), "start", 12, &subtitle(report));
    distances(&mut image, report);
    parts(&mut image, report);
    image + "</svg>\n"
}

fn title(report: &Report) -> String {
    match report.mir {
        Some(mir) => format!(
            "Modality Integration Rate {mir:.3} ({}): lower is better aligned",
            report.definition
        ),
        None => format!(
            "Modality Integration Rate undefined ({})",
            report.definition
        ),
    }
}

fn subtitle(report: &Report) -> String {
    let (n_vision, n_text) = report.tokens();
    format!(
        "{}, {} pairs, n = {n_vision} vision and {n_text} text tokens, d = {}",
        report.model.name, report.data.num_pairs, report.model.hidden_size
    )
}

/// The middle of a layer's column and the column's width.
fn column(index: usize, layers: usize) -> (f64, f64) {
    let width = (RIGHT - LEFT) / layers.max(1) as f64;
    (LEFT + width * (index as f64 + 0.5), width)
}

fn distances(image: &mut String, report: &Report) {
    let heading = "Fréchet distance between vision and text tokens, by decoder layer (log axis)";
    text(image, (LEFT, DISTANCE.0 - 10.0), "start", 12, heading);
    let logs: Vec<(usize, f64)> = report
        .layers
        .iter()
        .enumerate()
        .filter(|(_, layer)| layer.frechet > 0.0 && layer.frechet.is_finite())
        .map(|(index, layer)| (index, layer.frechet.log10()))
        .collect();
    let lowest = logs.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let highest = logs.iter().map(|point| point.1).fold(f64::MIN, f64::max);
    if logs.is_empty() {
        let reason = "no layer has a positive distance";
        text(image, (LEFT, DISTANCE.0 + 20.0), "start", 12, reason);
        return;
    }
    let (low, high) = (lowest.floor(), highest.ceil().max(lowest.floor() + 1.0));
    let y = |log: f64| DISTANCE.1 - (log - low) / (high - low) * (DISTANCE.1 - DISTANCE.0);
    let decades = (high - low) as usize;
    for step in (0..=decades).step_by(decades.div_ceil(5).max(1)) {
        let log = low + step as f64;
        line(image, y(log));
        let label = power_of_ten(log as i32);
        text(image, (LEFT - 8.0, y(log) + 4.0), "end", 12, &label);
    }
    let points: Vec<String> = logs
        .iter()
        .map(|&(index, log)| {
            let x = column(index, report.layers.len()).0;
            format!("{x:.1},{:.1}", y(log))
        })
        .collect();
    let _ = writeln!(
        image,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#444\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for (point, &(index, _)) in points.iter().zip(&logs) {
        let layer = &report.layers[index];
        let (x, y) = point.split_once(',').unwrap_or((point, "0"));
        let _ = writeln!(
            image,
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"#444\"><title>layer {}: {}</title></circle>",
            layer.layer,
            significant(layer.frechet)
        );
    }
}

/// `0.01`, `1`, `1000`, `1e7`.
fn power_of_ten(exponent: i32) -> String {
    if (-3..6).contains(&exponent) {
        10f64.powi(exponent).to_string()
    } else {
        format!("1e{exponent}")
    }
}

fn parts(image: &mut String, report: &Report) {
    let heading = "of which";
    text(image, (LEFT, PARTS.0 - 10.0), "start", 12, heading);
    let mut x = LEFT + 64.0;
    for (name, color) in PART_STYLE {
        let _ = writeln!(
            image,
            "<rect x=\"{x}\" y=\"{}\" width=\"11\" height=\"11\" fill=\"{color}\"/>",
            PARTS.0 - 20.0
        );
        text(image, (x + 16.0, PARTS.0 - 10.0), "start", 12, name);
        x += 90.0;
    }
    for (label, share) in [("100 %", 1.0), ("0 %", 0.0)] {
        let y = PARTS.1 - share * (PARTS.1 - PARTS.0);
        line(image, y);
        text(image, (LEFT - 8.0, y + 4.0), "end", 12, label);
    }
    let every = report.layers.len().div_ceil(16).max(1);
    for (index, layer) in report.layers.iter().enumerate() {
        let (middle, width) = column(index, report.layers.len());
        stacked(image, layer, (middle, width * 0.7));
        if index.is_multiple_of(every) {
            let label = layer.layer.to_string();
            text(image, (middle, PARTS.1 + 18.0), "middle", 12, &label);
        }
    }
    let middle = (LEFT + RIGHT) / 2.0;
    text(
        image,
        (middle, PARTS.1 + 40.0),
        "middle",
        12,
        "decoder layer",
    );
}

/// One bar of the three parts' shares, around `middle`.
fn stacked(image: &mut String, layer: &LayerReport, (middle, width): (f64, f64)) {
    let parts = [layer.location, layer.spread, layer.shape];
    let total: f64 = parts.iter().sum();
    if !(total > 0.0 && total.is_finite() && parts.iter().all(|part| *part >= 0.0)) {
        return;
    }
    let mut bottom = PARTS.1;
    for (part, (name, color)) in parts.iter().zip(PART_STYLE) {
        let height = part / total * (PARTS.1 - PARTS.0);
        bottom -= height;
        let _ = writeln!(
            image,
            "<rect x=\"{:.1}\" y=\"{bottom:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{color}\"><title>layer {}: {name} {}</title></rect>",
            middle - width / 2.0,
            layer.layer,
            significant(*part)
        );
    }
}

fn line(image: &mut String, y: f64) {
    let _ = writeln!(
        image,
        "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
    );
}

fn text(image: &mut String, (x, y): (f64, f64), anchor: &str, size: u32, content: &str) {
    let _ = writeln!(
        image,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{}</text>",
        escape(content)
    );
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
