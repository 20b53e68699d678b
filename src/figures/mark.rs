//! What a figure is drawn of.

/// A color with opacity, as bytes of sRGB without premultiplication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
    /// 0 is invisible, 255 opaque.
    pub alpha: u8,
}

impl Color {
    /// The opaque color `0xrrggbb`.
    pub const fn hex(rgb: u32) -> Self {
        let [_, red, green, blue] = rgb.to_be_bytes();
        Self {
            red,
            green,
            blue,
            alpha: 255,
        }
    }

    /// The color between this one (0) and `other` (1).
    pub fn mixed(self, other: Self, share: f32) -> Self {
        let share = share.clamp(0.0, 1.0);
        let mix =
            |a: u8, b: u8| (f32::from(a) + share * (f32::from(b) - f32::from(a))).round() as u8;
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
            alpha: mix(self.alpha, other.alpha),
        }
    }

    /// The color with another opacity, 0 to 1.
    pub fn faded(self, opacity: f32) -> Self {
        Self {
            alpha: (opacity.clamp(0.0, 1.0) * 255.0).round() as u8,
            ..self
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Width, in points.
    pub width: f32,
    /// Color.
    pub color: Color,
    /// Lengths of dash and gap; solid if absent.
    pub dash: Option<[f32; 2]>,
}

impl Stroke {
    /// A solid line.
    pub fn new(width: f32, color: Color) -> Self {
        Self {
            width,
            color,
            dash: None,
        }
    }

    /// The line with dashes.
    pub fn dashed(self, dash: f32, gap: f32) -> Self {
        Self {
            dash: Some([dash, gap]),
            ..self
        }
    }
}

/// A rectangle along the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    /// Left and upper edge.
    pub min: [f32; 2],
    /// Width and height.
    pub size: [f32; 2],
}

impl Area {
    /// The area between two x and two y.
    pub fn between([left, right]: [f32; 2], [top, bottom]: [f32; 2]) -> Self {
        Self {
            min: [left, top],
            size: [(right - left).max(0.0), (bottom - top).max(0.0)],
        }
    }

    /// Left edge.
    pub fn left(&self) -> f32 {
        self.min[0]
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.min[0] + self.size[0]
    }

    /// Upper edge.
    pub fn top(&self) -> f32 {
        self.min[1]
    }

    /// Lower edge.
    pub fn bottom(&self) -> f32 {
        self.min[1] + self.size[1]
    }

    /// Whether a point is inside or on the edge.
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        (self.left()..=self.right()).contains(&x) && (self.top()..=self.bottom()).contains(&y)
    }
}

/// Which end of a text is at its point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The point that the text is anchored to; vertically the middle of its capital letters.
    pub at: [f32; 2],
    /// Which end is there.
    pub anchor: Anchor,
    /// Size of the font, in points.
    pub size: f32,
    /// Color.
    pub color: Color,
    /// Whether it stands out.
    pub strong: bool,
    /// Whether it reads upward instead of to the right.
    pub upward: bool,
    /// The words.
    pub words: String,
}

/// One thing that is drawn, in points from the figure's upper left corner, y downward.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Straight lines from point to point.
    Line {
        /// At least two points.
        points: Vec<[f32; 2]>,
        /// How.
        stroke: Stroke,
    },
    /// A convex shape.
    Polygon {
        /// Its corners in order.
        points: Vec<[f32; 2]>,
        /// Inside.
        fill: Option<Color>,
        /// Edge.
        stroke: Option<Stroke>,
    },
    /// A rectangle.
    Rect {
        /// Where.
        area: Area,
        /// Radius of its corners.
        radius: f32,
        /// Inside.
        fill: Option<Color>,
        /// Edge.
        stroke: Option<Stroke>,
    },
    /// A disc.
    Circle {
        /// Its middle.
        center: [f32; 2],
        /// Its radius.
        radius: f32,
        /// Inside.
        fill: Option<Color>,
        /// Edge.
        stroke: Option<Stroke>,
    },
    /// Many discs alike.
    Dots {
        /// Their middles.
        centers: Vec<[f32; 2]>,
        /// Their radius.
        radius: f32,
        /// Inside.
        fill: Color,
    },
    /// A text.
    Text(Text),
    /// Marks of which only what lies in an area is seen.
    Clipped {
        /// The area.
        area: Area,
        /// The marks.
        marks: Vec<Mark>,
    },
}

impl Mark {
    /// Moves the mark.
    pub fn shift(&mut self, by: [f32; 2]) {
        let shift = |point: &mut [f32; 2]| {
            point[0] += by[0];
            point[1] += by[1];
        };
        match self {
            Self::Line { points, .. } | Self::Polygon { points, .. } => {
                points.iter_mut().for_each(shift);
            }
            Self::Dots { centers, .. } => centers.iter_mut().for_each(shift),
            Self::Rect { area, .. } => shift(&mut area.min),
            Self::Circle { center, .. } => shift(center),
            Self::Text(text) => shift(&mut text.at),
            Self::Clipped { area, marks } => {
                shift(&mut area.min);
                for mark in marks {
                    mark.shift(by);
                }
            }
        }
    }
}
