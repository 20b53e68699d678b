//! What draws the pieces of a row. It is long because each kind of piece has a drawing of its own.

use super::{
    super::{Anchor, Area, Color, Mark, Stroke, Text, sheet::Sheet},
    fixed_width, item, units,
};
use crate::study::{Item, Piece};

/// What draws a row from the left.
pub(super) struct Pen<'s, 'l> {
    pub(super) sheet: &'s mut Sheet<'l>,
    /// A line of the font, smaller where the room is narrow.
    pub(super) unit: f32,
    pub(super) font: f32,
    pub(super) x: f32,
    pub(super) middle: f32,
}

impl Pen<'_, '_> {
    /// Draws a piece and goes behind it.
    pub(super) fn piece(&mut self, piece: &Piece) {
        let width = fixed_width(piece, self.font).unwrap_or(units(piece) * self.unit);
        let palette = self.sheet.look.palette;
        match piece {
            Piece::Patches(side) => self.grid(*side, width, palette.vision, false),
            Piece::Tokens(side) => self.grid(*side, width, palette.vision, true),
            Piece::Groups(side, groups) => {
                self.grid(*side, width, palette.vision, false);
                self.edges(*groups, width);
            }
            Piece::Layers(count) => self.layers(*count),
            Piece::Queries(count) => self.queries(*count, width),
            Piece::Strip(count) => self.strip(*count),
            Piece::Arrow => self.arrow(width),
            Piece::Step(name) => self.step(name, width),
            Piece::Part(name, trained) => self.part(name, *trained, width),
            Piece::Sample(items) => self.sample(items, width),
            Piece::Picture => self.picture(self.x, width),
            Piece::Quarters => self.quarters(width),
            Piece::Matched(own) => self.matched(*own, width),
            Piece::Training(length, looks) => self.training(*length, *looks, width),
            Piece::Words(words) => {
                let at = [self.x, self.middle];
                self.strong(at, Anchor::Start, words);
            }
        }
        self.x += width;
    }

    fn strong(&mut self, at: [f32; 2], anchor: Anchor, words: &str) {
        self.sheet.mark(Mark::Text(Text {
            at,
            anchor,
            size: self.font,
            color: self.sheet.look.palette.ink,
            strong: true,
            upward: false,
            words: words.to_owned(),
        }));
    }

    fn boxed(&mut self, area: Area, radius: f32, fill: Option<Color>, stroke: Stroke) {
        self.sheet.mark(Mark::Rect {
            area,
            radius,
            fill,
            stroke: Some(stroke),
        });
    }

    /// The area from here on, as high as it is wide.
    fn square(&self, side: f32) -> Area {
        Area {
            min: [self.x, self.middle - 0.5 * side],
            size: [side; 2],
        }
    }

    fn grid(&mut self, side: usize, width: f32, color: Color, round: bool) {
        let area = self.square(width);
        let cell = width / side.max(1) as f32;
        for index in 0..side * side {
            let center = [
                area.left() + cell * ((index % side) as f32 + 0.5),
                area.top() + cell * ((index / side) as f32 + 0.5),
            ];
            if round {
                self.sheet
                    .disc(center, 0.4 * cell.min(0.8 * self.unit), color);
            } else {
                let half = 0.4 * cell;
                let patch = Area {
                    min: center.map(|place| place - half),
                    size: [2.0 * half; 2],
                };
                self.sheet.bar(patch, color.faded(0.45));
            }
        }
    }

    /// Edges around the groups of a grid.
    fn edges(&mut self, groups: usize, width: f32) {
        let area = self.square(width);
        let side = width / groups.max(1) as f32;
        let ink = Stroke::new(1.3, self.sheet.look.palette.ink);
        for index in 0..groups * groups {
            let group = Area {
                min: [
                    area.left() + side * (index % groups) as f32,
                    area.top() + side * (index / groups) as f32,
                ],
                size: [side; 2],
            };
            self.boxed(group, 2.0, None, ink);
        }
    }

    fn layers(&mut self, count: usize) {
        let accent = self.sheet.look.palette.accent;
        for index in 0..count {
            let area = Area {
                min: [
                    self.x + 0.75 * self.unit * index as f32 + 0.12 * self.unit,
                    self.middle - 1.2 * self.unit,
                ],
                size: [0.5 * self.unit, 2.4 * self.unit],
            };
            self.boxed(area, 2.0, Some(accent.faded(0.3)), Stroke::new(1.3, accent));
        }
    }

    /// Lines from four patches to each query, the queries as diamonds.
    fn queries(&mut self, count: usize, width: f32) {
        let palette = self.sheet.look.palette;
        let place = |index: usize, of: usize, middle: f32, height: f32| {
            middle + height * ((index as f32 + 0.5) / of as f32 - 0.5)
        };
        let (left, right) = (self.x, self.x + width - 0.4 * self.unit);
        for from in 0..4 {
            for to in 0..count {
                let ends = vec![
                    [left, place(from, 4, self.middle, 2.4 * self.unit)],
                    [right, place(to, count, self.middle, 2.4 * self.unit)],
                ];
                self.sheet
                    .line(ends, Stroke::new(1.0, palette.faint.faded(0.55)));
            }
        }
        for to in 0..count {
            let y = place(to, count, self.middle, 2.4 * self.unit);
            let r = 0.34 * self.unit;
            self.sheet.mark(Mark::Polygon {
                points: vec![
                    [right - r, y],
                    [right, y - r],
                    [right + r, y],
                    [right, y + r],
                ],
                fill: Some(palette.accent),
                stroke: None,
            });
        }
    }

    fn strip(&mut self, count: usize) {
        let palette = self.sheet.look.palette;
        let cell = 0.6 * self.unit;
        for index in 0..count {
            let area = Area {
                min: [self.x + cell * index as f32, self.middle - 0.5 * cell],
                size: [0.82 * cell; 2],
            };
            self.sheet.bar(area, palette.vision.faded(0.45));
        }
        let whole = Area {
            min: [self.x - 0.1 * self.unit, self.middle - 0.65 * cell],
            size: [cell * count as f32 + 0.1 * self.unit, 1.15 * cell],
        };
        self.boxed(whole, 2.0, None, Stroke::new(1.3, palette.ink));
    }

    fn arrow(&mut self, width: f32) {
        let stroke = Stroke::new(1.4, self.sheet.look.palette.faint);
        let (tip, y) = (self.x + width, self.middle);
        let barb = 0.32 * self.unit;
        self.sheet.line(vec![[self.x, y], [tip, y]], stroke);
        self.sheet.line(
            vec![[tip - barb, y - barb], [tip, y], [tip - barb, y + barb]],
            stroke,
        );
    }

    fn step(&mut self, name: &str, width: f32) {
        let accent = self.sheet.look.palette.accent;
        let area = Area {
            min: [self.x, self.middle - 0.95 * self.font],
            size: [width, 1.9 * self.font],
        };
        self.boxed(
            area,
            5.0,
            Some(accent.faded(0.16)),
            Stroke::new(1.3, accent),
        );
        self.strong([self.x + 0.5 * width, self.middle], Anchor::Middle, name);
    }

    /// A box with its name, the lower and the upper half of it with a lock each; one lock where they are alike.
    fn part(&mut self, name: &str, [lower, upper]: [bool; 2], width: f32) {
        let palette = self.sheet.look.palette;
        let font = self.font;
        let height = 1.45 * font;
        let top = self.middle - 1.3 * font;
        let look = |trained: bool| match trained {
            true => (palette.accent.faded(0.25), Stroke::new(1.4, palette.accent)),
            false => (palette.line.faded(0.6), Stroke::new(1.2, palette.faint)),
        };
        if lower == upper {
            let (fill, stroke) = look(lower);
            let area = Area {
                min: [self.x, top],
                size: [width, height],
            };
            self.boxed(area, 4.0, Some(fill), stroke);
            self.lock([self.x + 0.5 * width, top + 0.5 * height], lower);
        } else {
            // Lower layers come first: they are on the side from which tokens come.
            for (index, trained) in [lower, upper].into_iter().enumerate() {
                let (fill, stroke) = look(trained);
                let half = 0.5 * width;
                let area = Area {
                    min: [self.x + half * index as f32 + 0.5, top],
                    size: [half - 1.0, height],
                };
                self.boxed(area, 4.0, Some(fill), stroke);
                self.lock([area.left() + 0.5 * half, top + 0.5 * height], trained);
            }
        }
        let at = [self.x + 0.5 * width, top + height + 0.75 * font];
        self.sheet.words(at, Anchor::Middle, palette.ink, name);
    }

    /// A lock, open or closed.
    fn lock(&mut self, [x, y]: [f32; 2], open: bool) {
        let palette = self.sheet.look.palette;
        let color = if open { palette.accent } else { palette.ink };
        let unit = 0.5 * self.font;
        let body = Area {
            min: [x - 0.75 * unit, y - 0.1 * unit],
            size: [1.5 * unit, 1.1 * unit],
        };
        self.sheet.mark(Mark::Rect {
            area: body,
            radius: 1.5,
            fill: Some(color),
            stroke: None,
        });
        // An open one has its bow aside.
        let shift = if open { 0.75 * unit } else { 0.0 };
        let arc = (0..=8).map(|step| {
            let angle = std::f32::consts::PI * (1.0 - step as f32 / 8.0);
            [
                x + shift + 0.45 * unit * angle.cos(),
                y - 0.55 * unit - 0.45 * unit * angle.sin(),
            ]
        });
        let mut bow = vec![[x + shift - 0.45 * unit, y]];
        bow.extend(arc);
        bow.push([
            x + shift + 0.45 * unit,
            if open { y - 0.4 * unit } else { y },
        ]);
        self.sheet.line(bow, Stroke::new(1.5, color));
    }

    fn sample(&mut self, items: &[Item], width: f32) {
        let palette = self.sheet.look.palette;
        let frame = Area {
            min: [self.x, self.middle - 1.25 * self.unit],
            size: [width, 2.5 * self.unit],
        };
        self.boxed(frame, 4.0, None, Stroke::new(1.2, palette.faint));
        let mut x = self.x + 0.3 * self.unit;
        for it in items {
            match it {
                Item::Picture => self.picture(x, 1.9 * self.unit),
                Item::Text(lines) => self.lines(x, *lines, 1.6 * self.unit),
                Item::Question => {
                    let at = [x + 0.5 * self.unit, self.middle];
                    self.sheet.mark(Mark::Text(Text {
                        at,
                        anchor: Anchor::Middle,
                        size: 1.5 * self.font,
                        color: palette.text,
                        strong: true,
                        upward: false,
                        words: "?".to_owned(),
                    }));
                }
            }
            x += item(it) * self.unit;
        }
    }

    /// Lines of a text.
    fn lines(&mut self, x: f32, count: usize, width: f32) {
        let stroke = Stroke::new(2.0, self.sheet.look.palette.text);
        for line in 0..count {
            let y = self.middle + 0.5 * self.unit * (line as f32 - 0.5 * (count as f32 - 1.0));
            let last = line + 1 == count && count > 1;
            let end = x + if last { 0.6 } else { 1.0 } * width;
            self.sheet.line(vec![[x, y], [end, y]], stroke);
        }
    }

    /// A picture: a frame with a hill and a sun.
    fn picture(&mut self, x: f32, side: f32) {
        let palette = self.sheet.look.palette;
        let top = self.middle - 0.5 * side;
        let area = Area {
            min: [x, top],
            size: [side; 2],
        };
        self.boxed(
            area,
            2.0,
            Some(palette.vision.faded(0.18)),
            Stroke::new(1.2, palette.vision),
        );
        self.sheet.disc(
            [x + 0.7 * side, top + 0.3 * side],
            0.12 * side,
            palette.vision,
        );
        self.sheet.mark(Mark::Polygon {
            points: vec![
                [x + 0.08 * side, top + 0.92 * side],
                [x + 0.42 * side, top + 0.42 * side],
                [x + 0.8 * side, top + 0.92 * side],
            ],
            fill: Some(palette.vision.faded(0.6)),
            stroke: None,
        });
    }

    /// The picture in four pieces with space between.
    fn quarters(&mut self, width: f32) {
        let palette = self.sheet.look.palette;
        let side = 0.44 * width;
        let area = self.square(width);
        for index in 0..4 {
            let piece = Area {
                min: [
                    area.left() + (index % 2) as f32 * (width - side),
                    area.top() + (index / 2) as f32 * (width - side),
                ],
                size: [side; 2],
            };
            self.boxed(
                piece,
                2.0,
                Some(palette.vision.faded(0.18)),
                Stroke::new(1.2, palette.vision),
            );
        }
    }

    /// A training as a line with discs at its looks.
    fn training(&mut self, length: usize, looks: usize, width: f32) {
        let palette = self.sheet.look.palette;
        let radius = 0.38 * self.unit;
        let long = (width - 2.0 * radius) * length as f32 / 10.0;
        let (from, y) = (self.x + radius, self.middle);
        let stroke = Stroke::new(2.0, palette.faint);
        self.sheet.line(vec![[from, y], [from + long, y]], stroke);
        for look in 1..=looks {
            let at = [from + long * look as f32 / looks as f32, y];
            self.sheet.disc(at, radius, palette.accent);
        }
    }

    /// Two pictures and two texts with lines between those that belong together in training.
    fn matched(&mut self, own: bool, width: f32) {
        let palette = self.sheet.look.palette;
        let unit = self.unit;
        let middle = self.middle;
        let rows = [middle - 0.7 * unit, middle + 0.7 * unit];
        for (index, y) in rows.into_iter().enumerate() {
            let color = if index == 0 {
                palette.vision
            } else {
                palette.faint
            };
            let picture = Area {
                min: [self.x, y - 0.55 * unit],
                size: [1.6 * unit, 1.1 * unit],
            };
            self.boxed(
                picture,
                2.0,
                Some(color.faded(0.3)),
                Stroke::new(1.2, color),
            );
            let right = self.x + width - 3.0 * unit;
            for line in [-0.22, 0.22] {
                let ends = vec![
                    [right, y + line * unit],
                    [right + 2.6 * unit, y + line * unit],
                ];
                self.sheet.line(ends, Stroke::new(2.0, color));
            }
            let to = if own { y } else { rows[1 - index] };
            let ends = vec![[self.x + 2.0 * unit, y], [right - 0.4 * unit, to]];
            let stroke = Stroke::new(1.4, palette.ink);
            self.sheet.line(ends, stroke);
        }
    }
}
