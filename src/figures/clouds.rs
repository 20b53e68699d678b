//! The tokens of both modalities in the plane.

use super::{
    Anchor, Area, Color, DotSpots, Figure, Look, Mark, Scale, Stroke,
    axis::Axis,
    sheet::{Key, Sheet},
    words,
};
use crate::report::{CloudShape, ProjectedToken, Projection};
use crate::words::{counted, grouped};

/// What [`clouds`] shows.
#[derive(Clone, Copy, Debug)]
pub struct Clouds<'a> {
    /// The tokens.
    pub projection: &'a Projection,
    /// What the axes cover; what this projection needs if absent.
    pub limits: Option<Limits>,
    /// The token under the pointer, here or elsewhere: pair and position.
    pub hovered: Option<(usize, usize)>,
    /// The pair whose tokens stand out.
    pub pair: Option<usize>,
}

/// The ranges of the two axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// From and to on the first axis.
    pub x: [f64; 2],
    /// From and to on the second axis.
    pub y: [f64; 2],
}

impl Limits {
    /// The ranges that show all of these projections, so that the axes stand still from one to the
    /// next: both 2-sigma ellipses and all tokens but the outermost 0.5 % at each end.
    pub fn of<'a>(projections: impl IntoIterator<Item = &'a Projection>) -> Option<Self> {
        projections
            .into_iter()
            .map(|projection| Self {
                x: range(projection, 0),
                y: range(projection, 1),
            })
            .reduce(|one, other| {
                let both = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].max(b[1])];
                Self {
                    x: both(one.x, other.x),
                    y: both(one.y, other.y),
                }
            })
    }
}

fn range(projection: &Projection, axis: usize) -> [f64; 2] {
    let tokens = projection.vision.iter().chain(&projection.text);
    let mut values: Vec<f64> = tokens
        .map(|token| f64::from(token.at[axis]))
        .filter(|value| value.is_finite())
        .collect();
    values.sort_by(f64::total_cmp);
    let outermost = values.len() / 200;
    let mut range = match (values.get(outermost), values.iter().rev().nth(outermost)) {
        (Some(low), Some(high)) => [*low, *high],
        _ => [0.0, 0.0],
    };
    for shape in [projection.vision_shape, projection.text_shape] {
        let (mean, variance) = (shape.mean[axis], shape.covariance[2 * axis].max(0.0));
        let reach = 2.0 * variance.sqrt();
        if Scale::Linear.shows(mean.abs() + reach) {
            range = [range[0].min(mean - reach), range[1].max(mean + reach)];
        }
    }
    range
}

/// The vision and the text tokens of a state in the plane of two principal components, with the means
/// of both and the ellipses of their Gaussians at 1 and 2 standard deviations.
///
/// Both axes have the same unit per point. Tokens outside of the limits are not drawn; how many those
/// are is written below.
pub fn clouds(chart: &Clouds<'_>, look: &Look) -> Figure {
    let projection = chart.projection;
    let mut sheet = Sheet::new(look, title(projection));
    let Some(limits) = chart.limits.or_else(|| Limits::of([projection])) else {
        return sheet.figure;
    };
    let font = look.font();
    let palette = look.palette;
    let [width, height] = look.size;
    let keys = [
        (projection.vision_shape, "vision", palette.vision),
        (projection.text_shape, "text", palette.text),
    ]
    .map(|(shape, name, color)| (counted(shape.tokens, &format!("{name} token")), color));
    let keys = keys.iter().map(|(name, color)| (&**name, Key::Dot(*color)));
    let top = 0.8 * font + sheet.legend([0.3 * font, 0.2 * font], keys);
    // Room for the widest label whatever the limits: `−0.55` and the like.
    let left = look
        .left
        .max(2.2 * font + words::width("\u{2212}0.05", font));
    let area = Area::between(
        [left, (width - font).max(left + font)],
        [top, (height - 3.2 * font).max(top + font)],
    );
    let plane = Plane::new(area, limits);
    plane.grid(&mut sheet, projection.explained);
    let mut inside = Vec::new();
    let mut spots = DotSpots {
        reach: 8.0,
        ..DotSpots::default()
    };
    let modalities = [
        (&projection.vision, palette.vision, projection.vision_shape),
        (&projection.text, palette.text, projection.text_shape),
    ];
    let count = projection.vision.len() + projection.text.len();
    let radius = if count > 1500 { 1.6 } else { 2.2 } * look.text;
    let mut outside = 0;
    for (index, (tokens, color, _)) in modalities.into_iter().enumerate() {
        let (mut plain, mut chosen) = (Vec::new(), Vec::new());
        for token in tokens {
            let at = plane.at(token.at.map(f64::from));
            if !area.contains(at) {
                outside += 1;
                continue;
            }
            spots.points.push(at);
            spots.tokens.push(name(token));
            if chart.pair == Some(token.pair as usize) {
                chosen.push(at);
            } else {
                plain.push(at);
            }
        }
        if index == 0 {
            spots.vision = spots.points.len();
        }
        let opacity = if chart.pair.is_some() { 0.28 } else { 0.45 };
        inside.push(Mark::Dots {
            centers: plain,
            radius,
            fill: color.faded(opacity),
        });
        inside.push(Mark::Dots {
            centers: chosen,
            radius: 1.45 * radius,
            fill: color,
        });
    }
    // After all dots, so that neither cloud hides the other's shape.
    for (_, color, shape) in modalities {
        inside.extend(plane.ellipses(shape, color));
    }
    inside.extend(plane.means(projection, look));
    if let Some(hovered) = chart.hovered
        && let Some(index) = spots.tokens.iter().position(|token| *token == hovered)
    {
        let color = if index < spots.vision {
            palette.vision
        } else {
            palette.text
        };
        inside.push(Mark::Circle {
            center: spots.points[index],
            radius: 3.2 * radius,
            fill: Some(color),
            stroke: Some(Stroke::new(2.0, palette.ink)),
        });
    }
    sheet.mark(Mark::Clipped {
        area,
        marks: inside,
    });
    if outside > 0 {
        let note = match outside {
            1 => "1 token lies outside".to_owned(),
            _ => format!("{outside} tokens lie outside"),
        };
        let (right, bottom) = (area.right() - 0.3 * font, area.bottom() - 0.3 * font);
        let left = right - words::width(&note, font) - 0.8 * font;
        sheet.mark(Mark::Rect {
            area: Area::between([left, right], [bottom - 1.5 * font, bottom]),
            radius: 0.4 * font,
            fill: Some(palette.card.faded(0.85)),
            stroke: None,
        });
        let at = [right - 0.4 * font, bottom - 0.75 * font];
        sheet.words(at, Anchor::End, palette.faint, note);
    }
    sheet.figure.dots = Some(spots);
    sheet.figure.summary = summary(projection);
    sheet.figure
}

fn name(token: &ProjectedToken) -> (usize, usize) {
    (token.pair as usize, token.position as usize)
}

fn title(projection: &Projection) -> String {
    match projection.state {
        0 => "Vision and text tokens before the first layer".to_owned(),
        layer => format!("Vision and text tokens after layer {layer}"),
    }
}

fn summary(projection: &Projection) -> String {
    let [x, y] = projection.explained.map(share);
    let [dx, dy] = difference(projection);
    format!(
        "{}: {} vision and {} text tokens on two principal components with {x} and {y} of their \
         variance; in this plane the two means are {:.2} text norms apart.",
        title(projection),
        grouped(projection.vision_shape.tokens as u64),
        grouped(projection.text_shape.tokens as u64),
        dx.hypot(dy)
    )
}

/// What [`share`] says of nothing.
const NONE: &str = "none";

/// A share of the variance in words. Where tokens enter, axes that all layers share may show less than 1 %; the second
/// one shows none where there is one component alone.
fn share(explained: f64) -> String {
    let percent = 100.0 * explained;
    match percent {
        // Less than rounding leaves.
        _ if percent < 1e-4 => NONE.to_owned(),
        _ if percent < 0.1 => "less than 0.1 %".to_owned(),
        _ if percent < 0.95 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

/// Where both axes together carry less of the variance, the plane shows little of where tokens lie.
const LITTLE: f64 = 0.2;

/// What to bear in mind of planes that are shown in one place, where one of them shows little of its tokens' variance.
pub fn clouds_caveat<'a>(planes: impl IntoIterator<Item = &'a Projection>) -> Option<&'static str> {
    let shows_little = |plane: &Projection| plane.explained.iter().sum::<f64>() < LITTLE;
    planes.into_iter().any(shows_little).then_some(
        "Where the two axes carry little of the variance, tokens that lie together can be far apart in other directions.",
    )
}

/// From the vision mean to the text mean.
fn difference(projection: &Projection) -> [f64; 2] {
    let (vision, text) = (projection.vision_shape.mean, projection.text_shape.mean);
    [text[0] - vision[0], text[1] - vision[1]]
}

/// Where the plane of the tokens is in the figure.
struct Plane {
    area: Area,
    x: Axis,
    y: Axis,
}

impl Plane {
    /// The limits and some room in `area`, with the same unit on both axes.
    fn new(area: Area, limits: Limits) -> Self {
        let span = |range: [f64; 2]| ((range[1] - range[0]) * 1.06).max(1e-9);
        let unit = (span(limits.x) / f64::from(area.size[0].max(1.0)))
            .max(span(limits.y) / f64::from(area.size[1].max(1.0)));
        let around = |range: [f64; 2], points: f32| {
            let middle = (range[0] + range[1]) / 2.0;
            let half = 0.5 * unit * f64::from(points.max(1.0));
            [middle - half, middle + half]
        };
        Self {
            area,
            x: Axis::linear(around(limits.x, area.size[0]), [area.left(), area.right()]),
            y: Axis::linear(around(limits.y, area.size[1]), [area.bottom(), area.top()]),
        }
    }

    fn at(&self, [x, y]: [f64; 2]) -> [f32; 2] {
        [self.x.at(x), self.y.at(y)]
    }

    fn grid(&self, sheet: &mut Sheet<'_>, explained: [f64; 2]) {
        let font = sheet.look.font();
        let palette = sheet.look.palette;
        let area = self.area;
        let stroke = Stroke::new(1.0, palette.line);
        let most = |points: f32| (points / (5.0 * font)).clamp(2.0, 6.0) as usize;
        for tick in self.x.ticks(most(area.size[0])) {
            let x = self.x.at(tick.value);
            sheet.line(vec![[x, area.top()], [x, area.bottom()]], stroke);
            let half = 0.5 * words::width(&tick.label, font);
            if x + half <= sheet.size()[0] && x - half >= 0.0 {
                let at = [x, area.bottom() + 0.95 * font];
                sheet.words(at, Anchor::Middle, palette.faint, tick.label);
            }
        }
        for tick in self.y.ticks(most(area.size[1])) {
            let y = self.y.at(tick.value);
            sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
            let at = [area.left() - 0.5 * font, y];
            sheet.words(at, Anchor::End, palette.faint, tick.label);
        }
        let title = |axis: usize| {
            let of = match share(explained[axis]) {
                none if none == NONE => "none of the variance".to_owned(),
                share => format!("{share} of variance"),
            };
            format!("PC {} ({of})", axis + 1)
        };
        let middle = (area.left() + area.right()) / 2.0;
        let at = [middle, area.bottom() + 2.35 * font];
        sheet.words(at, Anchor::Middle, palette.faint, title(0));
        sheet.upward_title(area, &title(1));
    }

    /// The ellipses at 1 and at 2 standard deviations.
    fn ellipses(&self, shape: CloudShape, color: Color) -> Vec<Mark> {
        let finite = shape
            .mean
            .iter()
            .chain(&shape.covariance)
            .all(|value| value.is_finite());
        if shape.tokens < 2 || !finite {
            return Vec::new();
        }
        [(1.0, 2.0, 0.1), (2.0, 1.5, 0.05)]
            .into_iter()
            .map(|(sigmas, width, opacity)| {
                let (long, short, angle) = shape.ellipse(sigmas);
                let (sin, cos) = angle.sin_cos();
                let points = (0..72)
                    .map(|step| {
                        let (v, u) = (f64::from(step) * std::f64::consts::TAU / 72.0).sin_cos();
                        let (u, v) = (long * u, short * v);
                        self.at([
                            shape.mean[0] + u * cos - v * sin,
                            shape.mean[1] + u * sin + v * cos,
                        ])
                    })
                    .collect();
                Mark::Polygon {
                    points,
                    fill: Some(color.faded(opacity)),
                    stroke: Some(Stroke::new(width, color)),
                }
            })
            .collect()
    }

    /// The means and an arrow from the vision mean to the text mean.
    fn means(&self, projection: &Projection, look: &Look) -> Vec<Mark> {
        let palette = look.palette;
        let vision = self.at(projection.vision_shape.mean);
        let text = self.at(projection.text_shape.mean);
        let mut marks = arrow(vision, text, Stroke::new(2.0, palette.ink));
        for (center, color) in [(vision, palette.vision), (text, palette.text)] {
            marks.push(Mark::Circle {
                center,
                radius: 5.0 * look.text,
                fill: Some(color),
                stroke: Some(Stroke::new(2.0, palette.card)),
            });
        }
        marks
    }
}

/// A line with a head before its end, where a mean's disc is.
fn arrow(from: [f32; 2], to: [f32; 2], stroke: Stroke) -> Vec<Mark> {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy);
    // Between discs that touch there is no room for an arrow.
    if length.is_nan() || length <= 24.0 {
        return Vec::new();
    }
    let (x, y) = (dx / length, dy / length);
    let tip = [to[0] - 7.0 * x, to[1] - 7.0 * y];
    let back = [tip[0] - 9.0 * x, tip[1] - 9.0 * y];
    vec![
        Mark::Line {
            points: vec![from, back],
            stroke,
        },
        Mark::Polygon {
            points: vec![
                tip,
                [back[0] - 4.5 * y, back[1] + 4.5 * x],
                [back[0] + 4.5 * y, back[1] - 4.5 * x],
            ],
            fill: Some(stroke.color),
            stroke: None,
        },
    ]
}
