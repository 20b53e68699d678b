//! A figure being drawn: words, grid, and the axis of layers.

use super::{
    Anchor, Area, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target, Text, axis::Axis, words,
};

/// A figure being drawn.
pub(super) struct Sheet<'a> {
    pub(super) look: &'a Look,
    pub(super) figure: Figure,
}

/// The layers side by side in a plot.
pub(super) struct Columns {
    /// The plot.
    pub(super) area: Area,
    count: usize,
}

impl Columns {
    /// `count` columns side by side in `area`.
    pub(super) fn new(area: Area, count: usize) -> Self {
        Self { area, count }
    }

    /// The middle of a column.
    pub(super) fn middle(&self, index: usize) -> f32 {
        self.area.left() + self.width() * (index as f32 + 0.5)
    }

    /// The width of a column.
    pub(super) fn width(&self) -> f32 {
        self.area.size[0] / self.count.max(1) as f32
    }

    /// The whole column.
    pub(super) fn column(&self, index: usize) -> Area {
        Area {
            min: [
                self.area.left() + self.width() * index as f32,
                self.area.top(),
            ],
            size: [self.width(), self.area.size[1]],
        }
    }
}

impl<'a> Sheet<'a> {
    pub(super) fn new(look: &'a Look, title: impl Into<String>) -> Self {
        Self {
            look,
            figure: Figure {
                title: title.into(),
                summary: String::new(),
                size: look.size,
                background: look.palette.card,
                marks: Vec::new(),
                spots: Vec::new(),
                dots: None,
                selected: None,
            },
        }
    }

    /// Width and height of the figure.
    pub(super) fn size(&self) -> [f32; 2] {
        self.look.size
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.figure.marks.push(mark);
    }

    /// A line of words in the usual size.
    pub(super) fn words(
        &mut self,
        at: [f32; 2],
        anchor: Anchor,
        color: Color,
        words: impl Into<String>,
    ) {
        let size = self.look.font();
        self.mark(Mark::Text(Text {
            at,
            anchor,
            size,
            color,
            strong: false,
            upward: false,
            words: words.into(),
        }));
    }

    pub(super) fn line(&mut self, points: Vec<[f32; 2]>, stroke: Stroke) {
        self.mark(Mark::Line { points, stroke });
    }

    pub(super) fn disc(&mut self, center: [f32; 2], radius: f32, color: Color) {
        self.mark(Mark::Circle {
            center,
            radius,
            fill: Some(color),
            stroke: None,
        });
    }

    pub(super) fn bar(&mut self, area: Area, color: Color) {
        self.mark(Mark::Rect {
            area,
            radius: 0.0,
            fill: Some(color),
            stroke: None,
        });
    }

    /// What stands where there is nothing to draw.
    pub(super) fn instead(&mut self, reason: &str) {
        let [width, height] = self.size();
        let font = self.look.font();
        let lines = words::wrap(reason, font, width - 2.0 * font);
        let top = height / 2.0 - 0.7 * font * (lines.len() as f32 - 1.0);
        for (index, line) in lines.into_iter().enumerate() {
            let at = [width / 2.0, top + 1.4 * font * index as f32];
            self.words(at, Anchor::Middle, self.look.palette.faint, line);
        }
        self.figure.summary = format!("{}: {reason}.", self.figure.title);
    }

    /// A title at the left edge, reading upward beside `area`.
    pub(super) fn upward_title(&mut self, area: Area, words: &str) {
        let font = self.look.font();
        self.mark(Mark::Text(Text {
            at: [0.75 * font, (area.top() + area.bottom()) / 2.0],
            anchor: Anchor::Middle,
            size: font,
            color: self.look.palette.faint,
            strong: false,
            upward: true,
            words: words::fit(words, font, area.size[1] + 2.0 * font),
        }));
    }

    /// The plot below `top` with a grid for `axis`, which is returned as it lies there; room for
    /// ticks and a title is left at the bottom.
    pub(super) fn plot(&mut self, top: f32, axis: Axis, title: &str) -> (Area, Axis) {
        let font = self.look.font();
        let palette = self.look.palette;
        let [width, height] = self.size();
        let vertical = [top, (height - 3.2 * font).max(top + font)];
        let axis = axis.between([vertical[1], vertical[0]]);
        let most = ((vertical[1] - vertical[0]) / (2.4 * font)).clamp(2.0, 6.0);
        let ticks = axis.ticks(most as usize);
        let widest = ticks
            .iter()
            .map(|tick| words::width(&tick.label, font))
            .fold(0.0, f32::max);
        let left = (widest + 2.2 * font).max(self.look.left);
        let area = Area::between([left, (width - font).max(left + font)], vertical);
        let mut free_below = f32::MAX;
        for tick in ticks {
            let y = axis.at(tick.value);
            let strength = if tick.label.is_empty() { 0.45 } else { 1.0 };
            let stroke = Stroke::new(1.0, palette.line.faded(strength));
            self.line(vec![[area.left(), y], [area.right(), y]], stroke);
            // Labels must not touch each other, nor leave the figure.
            if !tick.label.is_empty() && y + 0.55 * font <= free_below && y >= 0.5 * font {
                free_below = y - 0.55 * font;
                let at = [area.left() - 0.5 * font, y];
                self.words(at, Anchor::End, palette.faint, tick.label);
            }
        }
        self.upward_title(area, title);
        (area, axis)
    }

    /// An axis of values below `area`, with a line up from each of its ticks.
    pub(super) fn value_axis(&mut self, area: Area, axis: Axis, title: &str) {
        let font = self.look.font();
        let palette = self.look.palette;
        let mut free = 0.0;
        for tick in axis.ticks((area.size[0] / (5.0 * font)) as usize) {
            let x = axis.at(tick.value);
            let line = Stroke::new(1.0, palette.line);
            self.line(vec![[x, area.top()], [x, area.bottom()]], line);
            let half = 0.5 * words::width(&tick.label, font);
            if x - half >= free {
                free = x + half + 0.5 * font;
                let at = [x, area.bottom() + 0.95 * font];
                self.words(at, Anchor::Middle, palette.faint, tick.label);
            }
        }
        let middle = (area.left() + area.right()) / 2.0;
        let at = [middle, area.bottom() + 2.35 * font];
        self.words(at, Anchor::Middle, palette.faint, title);
    }

    /// The axis of layers below `area`, with a band behind the selected one.
    pub(super) fn layer_axis(
        &mut self,
        area: Area,
        layers: &[usize],
        selected: Option<usize>,
    ) -> Columns {
        let font = self.look.font();
        let palette = self.look.palette;
        let columns = Columns::new(area, layers.len());
        let chosen = layers.iter().position(|layer| Some(*layer) == selected);
        if let Some(index) = chosen {
            self.figure.selected = selected.map(Target::Layer);
            self.bar(columns.column(index), palette.accent.faded(0.14));
        }
        let bottom = area.bottom();
        self.line(
            vec![[area.left(), bottom], [area.right(), bottom]],
            Stroke::new(1.0, palette.faint),
        );
        let widest = layers.iter().max().map_or(1.0, |layer| {
            words::width(&layer.to_string(), font) + 0.7 * font
        });
        let every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
            .into_iter()
            .find(|every| columns.width() * *every as f32 >= widest)
            .unwrap_or(layers.len().max(1));
        for (index, layer) in layers.iter().enumerate() {
            let regular = layer % every == 0;
            // The selected layer is always named; its neighbors make room.
            let near = chosen.is_some_and(|chosen| {
                chosen != index && chosen.abs_diff(index) as f32 * columns.width() < widest
            });
            if Some(index) == chosen || (regular && !near) {
                let color = if Some(index) == chosen {
                    palette.accent
                } else {
                    palette.faint
                };
                let at = [columns.middle(index), bottom + 0.95 * font];
                self.words(at, Anchor::Middle, color, layer.to_string());
            }
        }
        let middle = (area.left() + area.right()) / 2.0;
        let at = [middle, bottom + 2.35 * font];
        self.words(at, Anchor::Middle, palette.faint, "decoder layer");
        columns
    }

    /// A spot over the whole column of a layer.
    pub(super) fn layer_spot(
        &mut self,
        columns: &Columns,
        index: usize,
        layer: usize,
        tip: String,
    ) {
        self.figure.spots.push(Spot {
            area: columns.column(index),
            target: Target::Layer(layer),
            tip,
        });
    }

    /// Keys in rows from the left at `top`, each a small drawing and a name; returns the height
    /// that they take.
    pub(super) fn legend<'k>(
        &mut self,
        [left, top]: [f32; 2],
        keys: impl IntoIterator<Item = (&'k str, Key)>,
    ) -> f32 {
        let font = self.look.font();
        let row = 1.5 * font;
        let right = self.size()[0] - 0.5 * font;
        let (mut x, mut y) = (left, top + 0.5 * row);
        for (name, key) in keys {
            let sample = 1.9 * font;
            let name = words::fit(name, font, right - left - sample);
            let wide = sample + words::width(&name, font);
            if x > left && x + wide > right {
                (x, y) = (left, y + row);
            }
            match key {
                Key::Block(color) => {
                    let side = 0.85 * font;
                    self.mark(Mark::Rect {
                        area: Area {
                            min: [x + 0.5 * font, y - 0.5 * side],
                            size: [side; 2],
                        },
                        radius: 2.0,
                        fill: Some(color),
                        stroke: None,
                    });
                }
                Key::Line(stroke) => self.line(vec![[x, y], [x + 1.4 * font, y]], stroke),
                Key::Dot(color) => self.disc([x + 0.9 * font, y], 0.36 * font, color),
                Key::Ring(color) => self.mark(Mark::Circle {
                    center: [x + 0.9 * font, y],
                    radius: 0.32 * font,
                    fill: None,
                    stroke: Some(Stroke::new(1.6, color)),
                }),
            }
            let at = [x + sample, y];
            self.words(at, Anchor::Start, self.look.palette.ink, name);
            x += wide + 1.2 * font;
        }
        y + 0.5 * row - top
    }
}

/// What a legend shows beside a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// A filled square.
    Block(Color),
    /// A piece of line.
    Line(Stroke),
    /// A disc.
    Dot(Color),
    /// A circle.
    Ring(Color),
}

/// `text` for an axis of this scale.
pub(super) fn with_scale(text: &str, scale: Scale) -> String {
    match scale {
        Scale::Log => format!("{text} (log)"),
        Scale::Linear => text.to_owned(),
    }
}
