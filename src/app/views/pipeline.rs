//! The run as a pipeline: image, vision tower, connector, token sequence, layers.

mod sizes;

use eframe::egui::{self, Color32, Sense, Stroke, Vec2};

use crate::{
    app::{
        landmark::{Landmark, mark},
        picture, sideways,
        store::{Run, Store},
        theme::{Colors, colors, focus_ring},
    },
    report::{PairView, Report, TokenKind},
    words::counted,
};
use sizes::{MARGIN, MOST_LINES, Sizes, heading, words};

/// Least width of words beside the picture.
const LEAST_WORDS: f32 = 90.0;
/// Width of an arrow between two boxes.
const ARROW: f32 = 22.0;
/// Narrower than this a box cannot say what it holds: the strip scrolls instead.
const LEAST_WIDTH: f32 = 150.0;

/// A box of the strip.
struct Stage {
    title: &'static str,
    /// For example `64 tokens x 128`.
    shape: String,
    about: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Image,
    Plain,
    Tokens,
    Layers,
}

/// Draws the strip.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    // It may have to be asked for.
    store.pair(store.view.pair);
    let shown: &Store = store;
    let Some(run) = shown.run() else {
        return;
    };
    let strip = Strip {
        run,
        pair: run.pairs.get(&shown.view.pair),
        selected: shown.view.state(),
    };
    let stages = stages(&run.report, strip.pair);
    let mut chosen = None;
    let arrows = ARROW * (stages.len() - 1) as f32;
    let width = ((ui.available_width() - arrows) / stages.len() as f32).max(LEAST_WIDTH);
    let sizes = Sizes::of(ui, &stages, width);
    let shown = ui.scope(|ui| {
        let area = egui::ScrollArea::horizontal();
        sideways::show(ui, "pipeline", area, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                for (index, stage) in stages.iter().enumerate() {
                    if index > 0 {
                        arrow(ui, sizes.height());
                    }
                    chosen = boxed(ui, &strip, stage, sizes).or(chosen);
                }
            });
        });
    });
    mark(ui, Landmark::Pipeline, shown.response.rect);
    if let Some(layer) = chosen {
        store.select_state(layer);
    }
}

/// What the boxes show.
struct Strip<'a> {
    run: &'a Run,
    pair: Option<&'a PairView>,
    /// The selected state.
    selected: usize,
}

/// What each box says: from the pair where one is known, else from the report.
fn stages(report: &Report, pair: Option<&PairView>) -> Vec<Stage> {
    let named = |name: &str| {
        let stage = pair?.stages.iter().find(|stage| stage.name == name)?;
        let sizes: Vec<String> = stage
            .shape
            .iter()
            .map(|(axis, size)| format!("{size} {axis}"))
            .collect();
        Some((sizes.join(" \u{d7} "), stage.about.clone()))
    };
    let part = |prefix: &str| {
        let part = report
            .model
            .parts
            .iter()
            .find(|part| part.starts_with(prefix));
        part.and_then(|part| part.split_once(": "))
            .map(|(_, rest)| rest.to_owned())
            .unwrap_or_default()
    };
    let known =
        |name: &str, prefix: &str| named(name).unwrap_or_else(|| (String::new(), part(prefix)));
    let (vision, text) = report.tokens();
    let pairs = report.data.num_pairs.max(1);
    let of_kind = |kind| {
        pair.map(|pair| {
            pair.tokens
                .iter()
                .filter(|token| token.kind == kind)
                .count()
        })
    };
    let (vision, text, of) = match (of_kind(TokenKind::Vision), of_kind(TokenKind::Text)) {
        (Some(vision), Some(text)) => (vision, text, ""),
        _ => (vision / pairs, text / pairs, " on average"),
    };
    let (image, tower, connector) = (
        known("image", "image"),
        known("vision tower", "vision tower"),
        known("connector", "connector"),
    );
    let layers = report.layers.len();
    vec![
        Stage {
            title: "Image",
            shape: match pair {
                Some(pair) => patches(pair),
                None => image.0,
            },
            about: pair.map_or_else(
                || {
                    format!(
                        "{} of an image and a text",
                        counted(report.data.num_pairs, "pair")
                    )
                },
                |pair| format!("{}: {}", pair.name, image.1),
            ),
            kind: Kind::Image,
        },
        Stage {
            title: "Vision tower",
            shape: tower.0,
            about: tower.1,
            kind: Kind::Plain,
        },
        Stage {
            title: "Connector",
            shape: connector.0,
            about: connector.1,
            kind: Kind::Plain,
        },
        Stage {
            title: "Token sequence",
            shape: format!("{vision} vision + {text} text{of}"),
            about: "Vision tokens and text tokens travel through the same layers.".to_owned(),
            kind: Kind::Tokens,
        },
        Stage {
            title: "Language model",
            shape: format!(
                "{} \u{d7} {}",
                counted(layers, "layer"),
                report.model.hidden_size
            ),
            about: part("language model"),
            kind: Kind::Layers,
        },
    ]
}

fn arrow(ui: &mut egui::Ui, height: f32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ARROW, height), Sense::hover());
    let color = colors(ui).faint;
    let (from, to) = (
        rect.left_center() + Vec2::new(4.0, 0.0),
        rect.right_center() - Vec2::new(4.0, 0.0),
    );
    let stroke = Stroke::new(1.5, color);
    ui.painter().line_segment([from, to], stroke);
    for side in [-4.0, 4.0] {
        ui.painter()
            .line_segment([to, to + Vec2::new(-4.0, side)], stroke);
    }
}

/// Draws a box; returns the layer that was clicked in it.
fn boxed(ui: &mut egui::Ui, strip: &Strip<'_>, stage: &Stage, sizes: Sizes) -> Option<usize> {
    let report = &strip.run.report;
    let mut chosen = None;
    let colors = colors(ui);
    let size = Vec2::new(sizes.width, sizes.height());
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect(
        rect,
        8.0,
        colors.card,
        Stroke::new(1.0, colors.line),
        egui::StrokeKind::Inside,
    );
    let inner = rect.shrink2(MARGIN);
    let painter = ui.painter().with_clip_rect(inner.expand(2.0));
    let [title, shape] = heading(ui, stage, inner.width());
    let below = inner.min + Vec2::new(0.0, title.size().y + 2.0);
    painter.galley(inner.min, title, colors.faint);
    painter.galley(below, shape, colors.faint);
    let picture = egui::Rect::from_min_max(
        egui::pos2(inner.left(), inner.top() + sizes.heading),
        inner.right_bottom(),
    );
    match stage.kind {
        Kind::Tokens => token_strip(&painter, picture, colors, report, strip.pair),
        Kind::Layers => chosen = layer_bars(ui, strip.selected, picture, colors, report),
        Kind::Image | Kind::Plain => match strip.pair.filter(|_| stage.kind == Kind::Image) {
            Some(pair) => thumbnail(ui, picture, strip.run.number, pair, colors),
            None => {
                let about = words(ui, &stage.about, picture.width(), MOST_LINES);
                painter.galley(picture.min, about, colors.faint);
            }
        },
    }
    let label = format!("{}: {}. {}", stage.title, stage.shape, stage.about);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &label));
    if !stage.about.is_empty() {
        response.on_hover_text(&stage.about);
    }
    chosen
}

/// The patches of a pair's first picture, and how many pictures there are.
fn patches(pair: &PairView) -> String {
    let [rows, columns] = pair.pictures.first().map_or([0; 2], |shown| shown.patches);
    let grid = format!("{rows} \u{d7} {columns} patches");
    let images = pair.pictures.last().map_or(0, |shown| shown.image + 1);
    let crops = pair.pictures.iter().find_map(|shown| shown.crops);
    match (images, crops) {
        (0 | 1, None) => grid,
        (_, None) => format!("{images} images of {grid}"),
        (0 | 1, Some([rows, columns])) => {
            format!("whole and {rows} \u{d7} {columns} crops of {grid}")
        }
        (_, Some([rows, columns])) => {
            format!("{images} images, whole and in {rows} \u{d7} {columns} crops of {grid}")
        }
    }
}

/// The pair's image with its patch grid, and its text beside it.
fn thumbnail(ui: &mut egui::Ui, rect: egui::Rect, run: u64, pair: &PairView, colors: Colors) {
    let size = picture::fitted_of(pair, 0, rect.size());
    let frame = egui::Rect::from_min_size(rect.min, size);
    let (Some(texture), Some(shown)) = (
        picture::texture(ui.ctx(), run, pair, 0),
        pair.pictures.first(),
    ) else {
        return;
    };
    picture::paint(ui.painter(), &texture, frame);
    let [rows, columns] = shown.patches;
    if rows.max(columns) <= 16 {
        for patch in 0..rows * columns {
            let cell = picture::patch_rect(frame, shown.patches, patch);
            let stroke = Stroke::new(0.5, Color32::from_white_alpha(90));
            ui.painter()
                .rect_stroke(cell, 0.0, stroke, egui::StrokeKind::Middle);
        }
    }
    let beside = egui::Rect::from_min_max(
        egui::pos2(frame.right() + 8.0, rect.top()),
        rect.right_bottom(),
    );
    if beside.width() < LEAST_WORDS {
        return;
    }
    // The first sentence says which picture it is.
    let (first, _) = pair.text.split_once(". ").unwrap_or((&pair.text, ""));
    let line = ui.text_style_height(&egui::TextStyle::Small);
    let lines = (beside.height() / line).floor().max(1.0) as usize;
    let galley = words(ui, first, beside.width(), lines);
    ui.painter().galley(beside.min, galley, colors.faint);
}

/// The sequence's tokens as a row of colored strokes, in their order.
fn token_strip(
    painter: &egui::Painter,
    rect: egui::Rect,
    colors: Colors,
    report: &Report,
    pair: Option<&PairView>,
) {
    // Tokens of one kind in a row are one rectangle: thousands of them stay cheap.
    let runs: Vec<(TokenKind, usize)> = match pair {
        Some(pair) => (pair.tokens)
            .chunk_by(|one, next| one.kind == next.kind)
            .map(|run| (run[0].kind, run.len()))
            .collect(),
        None => {
            let (vision, text) = report.tokens();
            let pairs = report.data.num_pairs.max(1);
            let (vision, text) = (vision / pairs, text / pairs);
            vec![(TokenKind::Vision, vision), (TokenKind::Text, text)]
        }
    };
    let count: usize = runs.iter().map(|(_, length)| length).sum();
    let step = rect.width() / count.max(1) as f32;
    let mut begin = 0;
    for (kind, length) in runs {
        let end = begin + length;
        let color = match kind {
            TokenKind::Vision => colors.vision,
            TokenKind::Text => colors.text,
            TokenKind::Scaffold => unselected(colors),
        };
        let x = |index: usize| rect.left() + step * index as f32;
        let block =
            egui::Rect::from_x_y_ranges(x(begin)..=x(end), rect.top() + 6.0..=rect.top() + 26.0);
        painter.rect_filled(block, 1.0, color);
        if step > 2.5 {
            for index in begin + 1..end {
                painter.vline(x(index), block.y_range(), Stroke::new(0.6, colors.card));
            }
        }
        begin = end;
    }
}

/// What is there but not chosen: paler than words, and still seen as something.
fn unselected(colors: Colors) -> Color32 {
    colors.faint.lerp_to_gamma(colors.card, 0.28)
}

/// A bar for each layer, as high as its distance on a logarithmic axis; returns the one clicked.
fn layer_bars(
    ui: &mut egui::Ui,
    selected: usize,
    rect: egui::Rect,
    colors: Colors,
    report: &Report,
) -> Option<usize> {
    let mut chosen = None;
    let logs: Vec<f64> = report
        .layers
        .iter()
        .map(|layer| layer.frechet.max(f64::MIN_POSITIVE).log10())
        .collect();
    let low = logs.iter().copied().fold(f64::MAX, f64::min);
    let high = logs.iter().copied().fold(f64::MIN, f64::max);
    let span = (high - low).max(0.3);
    let step = rect.width() / logs.len().max(1) as f32;
    for (index, log) in logs.iter().enumerate() {
        let layer = index + 1;
        let left = rect.left() + step * index as f32;
        let column = egui::Rect::from_x_y_ranges(left..=left + step, rect.y_range());
        let response = ui
            .interact(column, ui.scope_id().with(("layer", layer)), Sense::click())
            .on_hover_cursor(egui::CursorIcon::PointingHand);
        let label = format!(
            "Layer {layer}: distance {:.4}",
            report.layers[index].frechet
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
        let share = 0.25 + 0.75 * ((log - low) / span) as f32;
        let mut bar = column.shrink2(Vec2::new(step * 0.15, 0.0));
        bar.set_top(rect.bottom() - rect.height() * share);
        let color: Color32 = if selected == layer {
            colors.accent
        } else if response.hovered() {
            colors.faint
        } else {
            unselected(colors)
        };
        ui.painter().rect_filled(bar, 2.0, color);
        focus_ring(ui, &response);
        if response.clicked() {
            chosen = Some(layer);
        }
        response.on_hover_text(label);
    }
    chosen
}
