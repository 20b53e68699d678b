//! The plane with both ellipses: drag one, its handles, or use the keyboard.

use eframe::egui::{
    self, Align2, Color32, CursorIcon, EventFilter, Key, Painter, Pos2, Rect, Response, Sense,
    Shape, Stroke, StrokeKind, TextStyle, Vec2, WidgetInfo, pos2, vec2,
};

use super::TEXT;
use crate::{
    app::{
        letters,
        theme::{self, Colors},
    },
    report::Ellipse,
};

/// What the plane shows of both axes.
pub(super) const X: [f64; 2] = [-1.6, 2.0];
/// The same upward.
pub(super) const Y: [f64; 2] = [-0.8, 1.7];
/// Standard deviations that the held ellipse may have.
pub(super) const SIZES: [f64; 2] = [0.05, 0.9];

/// Standard deviations at which the handles are.
const AT: f64 = 2.0;
/// Points drawn of each cloud.
const POINTS: usize = 90;
/// How far a handle reaches from its middle.
const HANDLE: f32 = 9.0;
/// How near a pointer has to be to a handle, a finger included.
const REACH: f32 = 18.0;

/// What of the ellipse is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grip {
    Body,
    Length,
    Width,
    Turn,
}

/// Where the plane is on the screen.
struct Plane {
    frame: Rect,
    unit: f32,
}

impl Plane {
    fn new(frame: Rect) -> Self {
        let unit = (frame.width() / span(X)).min(frame.height() / span(Y));
        Self { frame, unit }
    }

    fn at(&self, [x, y]: [f64; 2]) -> Pos2 {
        let from_middle = vec2((x - middle(X)) as f32, -(y - middle(Y)) as f32);
        self.frame.center() + self.unit * from_middle
    }

    fn back(&self, point: Pos2) -> [f64; 2] {
        let from_middle = (point - self.frame.center()) / self.unit;
        [
            middle(X) + f64::from(from_middle.x),
            middle(Y) - f64::from(from_middle.y),
        ]
    }

    /// A place of the ellipse's own axes: so many standard deviations along and across.
    fn place(&self, ellipse: &Ellipse, along: f64, across: f64) -> Pos2 {
        let [cos, sin] = ellipse.direction();
        let (u, v) = (along * ellipse.length, across * ellipse.width);
        self.at([ellipse.x + u * cos - v * sin, ellipse.y + u * sin + v * cos])
    }

    /// The handles.
    fn grips(&self, held: &Ellipse) -> [(Grip, Pos2); 3] {
        let end = self.place(held, -AT, 0.0);
        let away = (end - self.at(held.mean())).normalized();
        // Handles of a large ellipse stay in sight.
        let seen = self.frame.shrink(10.0);
        // The ring stands off the ellipse, so that a small one has room for all three.
        [
            (Grip::Length, self.place(held, AT, 0.0)),
            (Grip::Width, self.place(held, 0.0, AT)),
            (Grip::Turn, end + 24.0 * away),
        ]
        .map(|(grip, at)| (grip, at.clamp(seen.min, seen.max)))
    }

    /// What a pointer gets hold of.
    fn grip_at(&self, held: &Ellipse, point: Pos2) -> Option<Grip> {
        let near = |(grip, at): (Grip, Pos2)| (grip, at.distance(point));
        let nearest = self.grips(held).map(near);
        let nearest = nearest.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((grip, distance)) = nearest
            && distance <= REACH
        {
            return Some(grip);
        }
        let [x, y] = self.back(point);
        let [cos, sin] = held.direction();
        let (dx, dy) = (x - held.x, y - held.y);
        let (along, across) = (
            (dx * cos + dy * sin) / held.length,
            (dy * cos - dx * sin) / held.width,
        );
        let middle = self.at(held.mean()).distance(point) <= REACH;
        (along.hypot(across) <= AT || middle).then_some(Grip::Body)
    }
}

fn span([low, high]: [f64; 2]) -> f32 {
    (high - low) as f32
}

fn middle([low, high]: [f64; 2]) -> f64 {
    (low + high) / 2.0
}

/// Draws the plane and moves the ellipse as the reader does.
pub(super) fn show(ui: &mut egui::Ui, held: &mut Ellipse) {
    let width = ui.available_width();
    // The sliders below are to be seen with it.
    let tallest = letters::height_beside(ui, 400.0, 230.0);
    let size = vec2(width, (width * span(Y) / span(X)).min(tallest));
    let (frame, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let plane = Plane::new(frame);
    drag(ui, &response, &plane, held);
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    keys(ui, &response, held);
    let [location, spread, shape] = held.parts(&TEXT);
    response.widget_info(|| {
        let label = format!(
            "Plane with two ellipses. Vision: center {:.2}, {:.2}, length {:.2}, width {:.2}, turned by {:.0} \
             degrees. Location {location:.3}, spread {spread:.3}, shape {shape:.3}. Arrow keys move it, plus and \
             minus resize it, brackets turn it",
            held.x, held.y, held.length, held.width, held.turn
        );
        WidgetInfo::labeled(egui::Role::Image, true, label)
    });
    if ui.is_rect_visible(frame) {
        paint(ui, &plane, held, &response);
    }
}

/// What is held, and how far the pointer is from the ellipse's middle.
type Held = (Grip, [f64; 2]);

fn drag(ui: &egui::Ui, response: &Response, plane: &Plane, held: &mut Ellipse) {
    let key = response.id.with("held");
    if response.drag_started()
        && let Some(origin) = ui.input(|input| input.pointer.press_origin())
        && let Some(grip) = plane.grip_at(held, origin)
    {
        let [x, y] = plane.back(origin);
        let start: Held = (grip, [held.x - x, held.y - y]);
        ui.data_mut(|data| data.insert_temp(key, start));
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<Held>(key));
    }
    let start = ui.data(|data| data.get_temp::<Held>(key));
    if let Some((grip, offset)) = start
        && response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        follow(held, grip, offset, plane.back(pointer));
    }
    let pointed = response.hover_pos().and_then(|at| plane.grip_at(held, at));
    match (start, pointed) {
        (Some(_), _) => ui.set_cursor_icon(CursorIcon::Grabbing),
        (None, Some(_)) => ui.set_cursor_icon(CursorIcon::Grab),
        (None, None) => {}
    }
}

/// Moves what is held to where the pointer is.
fn follow(held: &mut Ellipse, grip: Grip, offset: [f64; 2], [x, y]: [f64; 2]) {
    let (dx, dy) = (x - held.x, y - held.y);
    let [cos, sin] = held.direction();
    match grip {
        Grip::Body => (held.x, held.y) = (x + offset[0], y + offset[1]),
        Grip::Length => held.length = (dx * cos + dy * sin) / AT,
        Grip::Width => held.width = (dy * cos - dx * sin) / AT,
        // The ring is at the other end of the axis.
        Grip::Turn => held.turn = (-dy).atan2(-dx).to_degrees(),
    }
    tidy(held);
}

/// The ellipse inside of the plane, with as many digits as a reader sees.
fn tidy(held: &mut Ellipse) {
    let round = |value: f64, [low, high]: [f64; 2]| (value.clamp(low, high) * 1e3).round() / 1e3;
    held.x = round(held.x, X);
    held.y = round(held.y, Y);
    held.length = round(held.length, SIZES);
    held.width = round(held.width, SIZES);
    held.turn = (held.turn.rem_euclid(180.0) * 10.0).round() / 10.0;
}

fn keys(ui: &egui::Ui, response: &Response, held: &mut Ellipse) {
    if !response.has_focus() {
        return;
    }
    let filter = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let before = *held;
    ui.input(|input| {
        let times = |key| input.num_presses(key) as f64;
        let fine = if input.modifiers.shift { 0.2 } else { 1.0 };
        held.x += 0.05 * fine * (times(Key::ArrowRight) - times(Key::ArrowLeft));
        held.y += 0.05 * fine * (times(Key::ArrowUp) - times(Key::ArrowDown));
        let larger = times(Key::Plus) + times(Key::Equals) - times(Key::Minus);
        let factor = 1.06f64.powf(larger);
        held.length *= factor;
        held.width *= factor;
        held.turn += 5.0 * fine * (times(Key::OpenBracket) - times(Key::CloseBracket));
    });
    if *held != before {
        tidy(held);
        ui.ctx().request_repaint();
    }
}

fn paint(ui: &egui::Ui, plane: &Plane, held: &Ellipse, response: &Response) {
    let colors = theme::colors(ui);
    let painter = ui.painter_at(plane.frame);
    let background = ui.visuals().panel_fill;
    painter.rect_filled(plane.frame, 8.0, background);
    grid(&painter, plane, colors);
    origin(ui, &painter, plane, colors);
    for (ellipse, color) in [(&TEXT, colors.text), (held, colors.vision)] {
        cloud(&painter, plane, ellipse, color);
    }
    let means = [plane.at(held.mean()), plane.at(TEXT.mean())];
    painter.line_segment(means, Stroke::new(1.5, ui.visuals().text_color()));
    for (at, color) in means.into_iter().zip([colors.vision, colors.text]) {
        painter.circle(at, 5.5, color, Stroke::new(2.0, colors.card));
    }
    names(ui, &painter, plane, held, colors);
    handles(&painter, plane, held, colors);
    if response.has_focus() {
        let stroke = Stroke::new(2.0, colors.accent);
        painter.rect_stroke(plane.frame, 8.0, stroke, StrokeKind::Inside);
    }
}

/// Lines at each half.
fn grid(painter: &Painter, plane: &Plane, colors: Colors) {
    let stroke = Stroke::new(1.0, colors.line);
    for half in -12..=12 {
        let at = plane.at([f64::from(half) / 2.0; 2]);
        painter.vline(at.x, plane.frame.y_range(), stroke);
        painter.hline(plane.frame.x_range(), at.y, stroke);
    }
}

/// The point from which norms count.
fn origin(ui: &egui::Ui, painter: &Painter, plane: &Plane, colors: Colors) {
    let at = plane.at([0.0, 0.0]);
    let stroke = Stroke::new(1.5, colors.faint);
    for arm in [vec2(7.0, 0.0), vec2(0.0, 7.0)] {
        painter.line_segment([at - arm, at + arm], stroke);
    }
    let font = TextStyle::Body.resolve(ui.style());
    painter.text(
        at + vec2(5.0, 3.0),
        Align2::LEFT_TOP,
        "0",
        font,
        colors.faint,
    );
}

/// Both ellipses of a cloud, and some of its points.
fn cloud(painter: &Painter, plane: &Plane, ellipse: &Ellipse, color: Color32) {
    for point in 0..POINTS {
        // Evenly through the plane's normal distribution, in a spiral.
        let share = (point as f64 + 0.5) / POINTS as f64;
        let radius = (-2.0 * (1.0 - share).ln()).sqrt();
        let (sin, cos) = (point as f64 * 2.399_963_229_728_653).sin_cos();
        let at = plane.place(ellipse, radius * cos, radius * sin);
        painter.circle_filled(at, 1.8, color.gamma_multiply(0.55));
    }
    for (deviations, width, opacity) in [(AT, 2.0, 0.08), (1.0, 1.5, 0.14)] {
        let outline = (0..96).map(|step| {
            let (sin, cos) = (f64::from(step) * std::f64::consts::TAU / 96.0).sin_cos();
            plane.place(ellipse, deviations * cos, deviations * sin)
        });
        let stroke = Stroke::new(width, color);
        let fill = color.gamma_multiply(opacity);
        painter.add(Shape::convex_polygon(outline.collect(), fill, stroke));
    }
}

fn handles(painter: &Painter, plane: &Plane, held: &Ellipse, colors: Colors) {
    let stroke = Stroke::new(2.0, colors.card);
    for (grip, at) in plane.grips(held) {
        match grip {
            Grip::Width => {
                let square = Rect::from_center_size(at, Vec2::splat(13.0));
                painter.rect(square, 2.0, colors.vision, stroke, StrokeKind::Outside);
            }
            Grip::Turn => {
                let end = plane.place(held, -AT, 0.0);
                painter.line_segment([end, at], Stroke::new(1.5, colors.vision));
                painter.circle(at, 7.0, colors.card, Stroke::new(2.5, colors.vision));
            }
            Grip::Length | Grip::Body => {
                painter.circle(at, 7.5, colors.vision, stroke);
            }
        }
    }
}

/// What the ellipses are, written where they do not cover each other.
fn names(ui: &egui::Ui, painter: &Painter, plane: &Plane, held: &Ellipse, colors: Colors) {
    let font = TextStyle::Body.resolve(ui.style());
    for (ellipse, name, color) in [
        (&TEXT, "text tokens", colors.text),
        (held, "vision tokens", colors.vision),
    ] {
        // Below the text's cloud, above the other.
        let down = name.starts_with("text");
        let [_, _, yy] = ellipse.covariance();
        let reach = (AT * yy.max(0.0).sqrt()) as f32 * plane.unit;
        let middle = plane.at(ellipse.mean());
        let galley = painter.layout_no_wrap(name.to_owned(), font.clone(), color);
        let size = galley.size();
        let y = match down {
            true => middle.y + reach + 4.0,
            false => middle.y - reach - size.y - 12.0,
        };
        let inside = plane.frame.shrink(4.0);
        let within = |x: f32, y: f32| {
            let last = (inside.max - size).max(inside.min);
            Rect::from_min_size(pos2(x, y).clamp(inside.min, last), size)
        };
        let mut place = within(middle.x - size.x / 2.0, y);
        // Where the cloud leaves no room, beside the handle that stands there.
        let on_it = |(_, at): &(Grip, Pos2)| place.expand(HANDLE).contains(*at);
        if let Some((_, at)) = plane.grips(held).into_iter().find(on_it) {
            place = within(at.x + HANDLE + 4.0, place.top());
        }
        let (corner, plate) = (place.min, place.expand(2.0));
        painter.rect_filled(plate, 3.0, ui.visuals().panel_fill.gamma_multiply(0.85));
        painter.galley(corner, galley, color);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: Ellipse = Ellipse {
        x: 0.2,
        y: 0.3,
        length: 0.5,
        width: 0.2,
        turn: 40.0,
    };

    fn plane() -> Plane {
        Plane::new(Rect::from_min_size(pos2(10.0, 20.0), vec2(720.0, 500.0)))
    }

    #[test]
    fn points_come_back() {
        let plane = plane();
        for point in [[0.0, 0.0], [1.5, -0.5]] {
            let back = plane.back(plane.at(point));
            assert!((back[0] - point[0]).abs() < 1e-5 && (back[1] - point[1]).abs() < 1e-5);
        }
    }

    #[test]
    fn every_handle_does_what_it_is_for() {
        let plane = plane();
        for (grip, at) in plane.grips(&HELD) {
            assert_eq!(plane.grip_at(&HELD, at), Some(grip));
            let mut held = HELD;
            follow(&mut held, grip, [0.0; 2], plane.back(at));
            // Where the pointer took hold nothing changes.
            for (found, expected) in [
                (held.length, HELD.length),
                (held.width, HELD.width),
                (held.turn, HELD.turn),
            ] {
                assert!(
                    (found - expected).abs() < 0.11,
                    "{grip:?}: {found} for {expected}"
                );
            }
        }
        assert_eq!(
            plane.grip_at(&HELD, plane.at(HELD.mean())),
            Some(Grip::Body)
        );
        assert_eq!(plane.grip_at(&HELD, plane.at([-1.4, 1.5])), None);
        let mut held = HELD;
        follow(
            &mut held,
            Grip::Length,
            [0.0; 2],
            plane.back(plane.place(&HELD, 3.0, 0.7)),
        );
        assert!((held.length - 0.75).abs() < 2e-3, "{held:?}");
        assert_eq!((held.width, held.turn), (0.2, 40.0));
        let below = [held.x, held.y - 1.0];
        follow(&mut held, Grip::Turn, [0.0; 2], below);
        assert_eq!(held.turn, 90.0);
        follow(&mut held, Grip::Body, [0.1, 0.0], [9.0, 0.5]);
        assert_eq!((held.x, held.y), (X[1], 0.5));
    }
}
