//! Schematic pictures of what was varied, drawn from plain data.

mod pen;

use super::{Anchor, Figure, Look, sheet::Sheet, words};
use crate::study::{Item, Piece, Sketch, SketchRow};
use pen::Pen;

/// Height of a row's pieces, in lines of the plot's font.
const ROW: f32 = 2.6;
/// Height of a row's name.
const NAME: f32 = 1.5;
/// Space below a row.
const BELOW: f32 = 0.5;
/// Height of a row of trainings alone.
const FLAT: f32 = 1.0;
/// Space left and right of a row, in points: half of the widest edge.
const EDGE: f32 = 1.0;
/// Space between pieces.
const GAP: f32 = 0.45;

/// The picture, a row under the other. It is as high as it needs, whatever the look says.
pub fn sketch(picture: &Sketch, look: &Look) -> Figure {
    let font = look.font();
    let width = look.size[0];
    let key = words::wrap(picture.key, font, width);
    let rows = picture
        .rows
        .iter()
        .map(|row| height(row) * font)
        .sum::<f32>();
    let look = &Look {
        size: [width, rows + 1.35 * font * key.len() as f32 + 0.3 * font],
        ..*look
    };
    let mut sheet = Sheet::new(look, picture.title);
    let mut y = 0.0;
    for row in picture.rows {
        if !row.label.is_empty() {
            let label = words::fit(row.label, font, width);
            let at = [0.0, y + 0.8 * font];
            sheet.words(at, Anchor::Start, look.palette.ink, label);
            y += NAME * font;
        }
        let high = pieces_height(row);
        let mut pen = Pen {
            sheet: &mut sheet,
            // Where the room is narrow everything becomes smaller but the words.
            unit: font * scale(row.pieces, font, width - 2.0 * EDGE),
            font,
            x: EDGE,
            middle: y + 0.5 * high * font,
        };
        for piece in row.pieces {
            pen.piece(piece);
            pen.x += GAP * pen.unit;
        }
        y += (high + BELOW) * font;
    }
    for line in key {
        sheet.words(
            [0.0, y + 0.6 * font],
            Anchor::Start,
            look.palette.faint,
            line,
        );
        y += 1.35 * font;
    }
    let labels = picture.rows.iter().map(|row| row.label);
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    sheet.figure.summary = format!("{}. {}", labels.join(". "), picture.key);
    sheet.figure
}

/// Height of a row's pieces, in lines of the font.
fn pieces_height(row: &SketchRow) -> f32 {
    let flat = |piece: &Piece| matches!(piece, Piece::Training(..));
    if row.pieces.iter().all(flat) {
        FLAT
    } else {
        ROW
    }
}

/// Height of a row with its name and the space below.
fn height(row: &SketchRow) -> f32 {
    let name = if row.label.is_empty() { 0.0 } else { NAME };
    name + pieces_height(row) + BELOW
}

/// The factor by which pieces become smaller so that all of a row has room.
fn scale(pieces: &[Piece], font: f32, width: f32) -> f32 {
    let gaps = GAP * font * pieces.len().saturating_sub(1) as f32;
    let fixed = |piece: &Piece| fixed_width(piece, font);
    let words: f32 = pieces.iter().filter_map(fixed).sum();
    let others = pieces.iter().filter(|piece| fixed(piece).is_none());
    let others: f32 = others.map(|piece| units(piece) * font).sum();
    ((width - words) / (others + gaps).max(1.0)).clamp(0.2, 1.0)
}

/// The width of a piece with words in it, which do not become smaller.
fn fixed_width(piece: &Piece, font: f32) -> Option<f32> {
    match piece {
        Piece::Step(name) | Piece::Part(name, _) => Some(words::width(name, font) + 1.0 * font),
        Piece::Words(name) => Some(words::width(name, font)),
        _ => None,
    }
}

/// The width of a piece without words, in lines of the font.
fn units(piece: &Piece) -> f32 {
    match piece {
        Piece::Patches(_) | Piece::Groups(..) | Piece::Tokens(_) | Piece::Quarters => 2.4,
        Piece::Layers(count) => 0.75 * *count as f32,
        Piece::Queries(_) => 2.6,
        Piece::Strip(count) => 0.6 * *count as f32,
        Piece::Arrow => 1.4,
        Piece::Sample(items) => 0.4 + items.iter().map(item).sum::<f32>(),
        Piece::Picture => 2.4,
        Piece::Matched(_) => 9.0,
        Piece::Training(..) => 13.0,
        Piece::Step(_) | Piece::Part(..) | Piece::Words(_) => 0.0,
    }
}

/// The width of something in a sample, with the space behind it.
fn item(item: &Item) -> f32 {
    match item {
        Item::Picture => 2.2,
        Item::Text(_) => 1.9,
        Item::Question => 1.3,
    }
}
