//! Draws the report's figures with egui.

use eframe::egui::{
    self, Align2, Color32, CornerRadius, EventFilter, FontId, Key, Pos2, Rect, Response, Sense,
    Shape, StrokeKind, epaint::TextShape,
};

use super::{letters, sideways, theme};
use crate::figures::{Anchor, Area, Color, Figure, Look, Mark, Stroke, Target, Text};

/// What the reader did with a figure.
pub struct FigureResponse {
    /// What the pointer is on.
    pub hovered: Option<Target>,
    /// What was clicked, or chosen by the arrow keys.
    pub clicked: Option<Target>,
    /// The figure as egui sees it.
    pub response: Response,
}

/// Narrowest that a chart is drawn: what is narrower in `ui` scrolls sideways.
const LEAST: [f32; 2] = [250.0, 225.0];

/// The look of charts in `ui`: as [`exact_look`], but not too narrow for their words.
pub fn look(ui: &egui::Ui, [width, height]: [f32; 2]) -> Look {
    let size = match width < LEAST[0] {
        // Without a height a chart takes what it needs.
        true if height > 0.0 => [LEAST[0], height.max(LEAST[1])],
        true => [LEAST[0], height],
        false => [width, height],
    };
    exact_look(ui, size)
}

/// The look of a curve in a table, which grows with the letters.
pub fn look_in_table(ui: &egui::Ui, size: [f32; 2]) -> Look {
    exact_look(ui, size.map(|side| letters::grown(ui, side)))
}

/// The look of figures in `ui`: the theme's colors, text as large as the rest of the app's.
fn exact_look(ui: &egui::Ui, size: [f32; 2]) -> Look {
    let small = egui::TextStyle::Small.resolve(ui.style()).size;
    Look {
        text: small / Look::FONT,
        ..Look::new(theme::palette(ui), size)
    }
}

/// Draws a figure in its own size, without its background. One that is wider than its place scrolls sideways.
///
/// What the pointer is on shows its tip; a click chooses it, and so do the arrow keys, from what is
/// selected to its neighbors, while the figure has the keyboard's focus.
pub fn show(ui: &mut egui::Ui, figure: &Figure) -> FigureResponse {
    let width = figure.size[0];
    if width >= LEAST[0] && width > ui.available_width() + 1.0 {
        let area = egui::ScrollArea::horizontal();
        // Charts of one view may be called alike.
        let own = ui.next_auto_id();
        let shown = ui.push_id(own, |ui| {
            sideways::show(ui, "chart", area, |ui| whole(ui, figure))
        });
        return shown.inner;
    }
    whole(ui, figure)
}

fn whole(ui: &mut egui::Ui, figure: &Figure) -> FigureResponse {
    let [width, height] = figure.size;
    let size = egui::vec2(width.max(1.0), height.max(1.0));
    let can_click = !figure.spots.is_empty() || figure.dots.is_some();
    let sense = if can_click {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(size, sense);
    let label = format!("{}. {}", figure.title, figure.summary);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, ui.is_enabled(), &label));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        paint(&painter, rect.min, &figure.marks);
        if response.has_focus() {
            let stroke = ui.visuals().selection.stroke;
            let corners = CornerRadius::same(6);
            painter.rect_stroke(rect, corners, stroke, StrokeKind::Inside);
        }
    }
    let pointed = response
        .hover_pos()
        .and_then(|pointer| at(figure, [pointer.x - rect.left(), pointer.y - rect.top()]));
    let hovered = pointed.as_ref().map(|(target, _)| *target);
    let mut clicked = hovered.filter(|_| response.clicked());
    if response.has_focus() {
        clicked = clicked.or(stepped(ui, &response, figure));
    }
    let response = match pointed {
        Some((_, tip)) if !tip.is_empty() => response.on_hover_text_at_pointer(tip),
        _ => response,
    };
    FigureResponse {
        hovered,
        clicked,
        response,
    }
}

/// What is at a point of the figure, and what to say about it.
fn at(figure: &Figure, point: [f32; 2]) -> Option<(Target, String)> {
    if let Some(dots) = &figure.dots
        && let Some(index) = dots.nearest(point)
    {
        return Some((dots.target(index)?, dots.tip(index)));
    }
    let mut spots = figure.spots.iter();
    let spot = spots.find(|spot| spot.area.contains(point))?;
    Some((spot.target, spot.tip.clone()))
}

/// The neighbor of the selected spot that an arrow key asks for.
fn stepped(ui: &egui::Ui, response: &Response, figure: &Figure) -> Option<Target> {
    let filter = EventFilter {
        horizontal_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let pressed = |key| ui.input(|input| input.num_presses(key)) as isize;
    let step = pressed(Key::ArrowRight) - pressed(Key::ArrowLeft);
    if step == 0 || figure.spots.is_empty() {
        return None;
    }
    let mut spots = figure.spots.iter();
    let selected = spots.position(|spot| Some(spot.target) == figure.selected);
    let next = match selected {
        Some(selected) => selected.saturating_add_signed(step),
        None => 0,
    };
    Some(figure.spots[next.min(figure.spots.len() - 1)].target)
}

/// Paints marks with the figure's upper left corner at `origin`.
fn paint(painter: &egui::Painter, origin: Pos2, marks: &[Mark]) {
    let place = |[x, y]: [f32; 2]| origin + egui::vec2(x, y);
    for mark in marks {
        match mark {
            Mark::Line { points, stroke } => {
                let points: Vec<Pos2> = points.iter().copied().map(place).collect();
                paint_line(painter, points, *stroke);
            }
            Mark::Polygon {
                points,
                fill,
                stroke,
            } => {
                let points: Vec<Pos2> = points.iter().copied().map(place).collect();
                let (fill, stroke) = (inside(*fill), outline(*stroke));
                painter.add(Shape::convex_polygon(points, fill, stroke));
            }
            Mark::Rect {
                area,
                radius,
                fill,
                stroke,
            } => {
                painter.rect(
                    rect(origin, area),
                    CornerRadius::same(radius.round() as u8),
                    inside(*fill),
                    outline(*stroke),
                    StrokeKind::Middle,
                );
            }
            Mark::Circle {
                center,
                radius,
                fill,
                stroke,
            } => {
                painter.circle(place(*center), *radius, inside(*fill), outline(*stroke));
            }
            Mark::Dots {
                centers,
                radius,
                fill,
            } => {
                let color = color(*fill);
                // Small discs are quads of the font's texture, which egui puts into one mesh.
                let discs = centers.iter().copied().map(place);
                painter.extend(discs.map(|center| Shape::circle_filled(center, *radius, color)));
            }
            Mark::Text(text) => paint_text(painter, place(text.at), text),
            Mark::Clipped { area, marks } => {
                let clip = rect(origin, area).intersect(painter.clip_rect());
                paint(&painter.with_clip_rect(clip), origin, marks);
            }
        }
    }
}

fn paint_line(painter: &egui::Painter, points: Vec<Pos2>, stroke: Stroke) {
    match stroke.dash {
        Some([dash, gap]) if dash > 0.0 && gap > 0.0 => {
            painter.extend(Shape::dashed_line(
                &points,
                outline(Some(stroke)),
                dash,
                gap,
            ));
        }
        _ => {
            painter.add(Shape::line(points, outline(Some(stroke))));
        }
    }
}

fn paint_text(painter: &egui::Painter, at: Pos2, text: &Text) {
    let color = color(text.color);
    let font = FontId::proportional(text.size);
    let galley = painter.layout_no_wrap(text.words.clone(), font, color);
    let align = match text.anchor {
        Anchor::Start => Align2::LEFT_CENTER,
        Anchor::Middle => Align2::CENTER_CENTER,
        Anchor::End => Align2::RIGHT_CENTER,
    };
    let corner = align.anchor_size(at, galley.size()).min;
    let mut shape = TextShape::new(corner, galley, color);
    if text.upward {
        shape = shape.with_angle_and_anchor(-std::f32::consts::FRAC_PI_2, align);
    }
    painter.add(shape);
}

fn rect(origin: Pos2, area: &Area) -> Rect {
    let min = origin + egui::vec2(area.min[0], area.min[1]);
    Rect::from_min_size(min, egui::vec2(area.size[0], area.size[1]))
}

fn inside(fill: Option<Color>) -> Color32 {
    fill.map_or(Color32::TRANSPARENT, color)
}

fn outline(stroke: Option<Stroke>) -> egui::Stroke {
    stroke.map_or(egui::Stroke::NONE, |stroke| {
        egui::Stroke::new(stroke.width, color(stroke.color))
    })
}

fn color(color: Color) -> Color32 {
    Color32::from_rgba_unmultiplied(color.red, color.green, color.blue, color.alpha)
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::{
        figures::{Clouds, Palette, clouds, norms},
        report::{Axes, CloudShape, ProjectedToken, Projection, parse},
    };

    type Seen = Rc<Cell<(Option<Target>, Option<Target>)>>;

    /// A harness that shows `figure` and keeps what was hovered last and clicked last.
    fn harness(figure: Figure) -> (Harness<'static>, Seen) {
        let seen = Seen::default();
        let keep = seen.clone();
        let harness = Harness::builder()
            .with_size(egui::vec2(640.0, 420.0))
            .build_ui(move |ui| {
                let shown = show(ui, &figure);
                let (_, clicked) = keep.get();
                keep.set((shown.hovered, shown.clicked.or(clicked)));
            });
        (harness, seen)
    }

    fn norms_figure() -> Figure {
        let report = include_str!("../../assets/demo/report.json");
        let report = parse(report, "report.json").unwrap();
        let look = Look::new(Palette::LIGHT, [600.0, 300.0]);
        norms(&report.layers, Some(2), &look)
    }

    #[test]
    fn a_layer_is_chosen_by_pointer_and_by_keys() {
        let figure = norms_figure();
        let area = figure.spots[3].area;
        let (mut harness, seen) = harness(figure);
        let label = "Norm of vision tokens over norm of text tokens";
        let rect = harness.get_by_label_contains(label).rect();
        let middle = egui::vec2(
            (area.left() + area.right()) / 2.0,
            (area.top() + area.bottom()) / 2.0,
        );
        harness.hover_at(rect.min + middle);
        harness.run();
        assert_eq!(seen.get(), (Some(Target::Layer(4)), None));
        assert!(harness.query_by_label_contains("Layer 4").is_some());
        harness.get_by_label_contains(label).click();
        harness.run();
        assert!(matches!(seen.get().1, Some(Target::Layer(_))));
        harness.get_by_label_contains(label).focus();
        harness.run();
        harness.key_press(Key::ArrowRight);
        harness.run();
        assert_eq!(seen.get().1, Some(Target::Layer(3)));
        harness.key_press(Key::ArrowLeft);
        harness.run();
        assert_eq!(seen.get().1, Some(Target::Layer(1)));
    }

    #[test]
    fn thousands_of_tokens_are_cheap_and_can_be_pointed_at() {
        // Ten times the tokens take ten times as long; a hundred times if each looked at all others.
        let (few, many) = (time_of_pointing(300), time_of_pointing(3000));
        assert!(many < 30 * few, "{many:?} for 3000, {few:?} for 300");
    }

    /// How long it takes at best to draw so many tokens of each modality with the pointer over one.
    fn time_of_pointing(count: u32) -> std::time::Duration {
        let token = |index: u32| ProjectedToken {
            at: [(index as f32 * 0.37).sin(), (index as f32 * 0.71).cos()],
            pair: index / 64,
            position: index % 64,
        };
        let shape = CloudShape {
            tokens: count as usize,
            mean: [0.0; 2],
            covariance: [0.5, 0.0, 0.5],
        };
        let projection = Projection {
            state: 1,
            axes: Axes::Own,
            explained: [0.5, 0.2],
            vision: (0..count).map(token).collect(),
            text: (0..count).map(token).collect(),
            vision_shape: shape,
            text_shape: shape,
        };
        let chart = Clouds {
            projection: &projection,
            limits: None,
            hovered: None,
            pair: None,
        };
        let figure = clouds(&chart, &Look::new(Palette::DARK, [600.0, 400.0]));
        let point = figure.dots.as_ref().unwrap().points[177];
        let (mut harness, seen) = harness(figure);
        let rect = harness
            .get_by_label_contains(&format!("{} vision", crate::words::grouped(count as u64)))
            .rect();
        let times = (0..5).map(|_| {
            harness.hover_at(rect.min);
            harness.run();
            harness.hover_at(rect.min + egui::vec2(point[0], point[1]));
            let began = std::time::Instant::now();
            harness.run();
            assert!(matches!(seen.get().0, Some(Target::Token { .. })));
            began.elapsed()
        });
        times.min().unwrap()
    }
}
