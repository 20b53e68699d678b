//! Where a word looks: over the image as a heat map, and how it shares its attention out.

use eframe::egui::{self, Color32, ComboBox, Rect, Sense, Slider, Stroke, WidgetInfo, pos2, vec2};

use super::{desk::Desk, text};
use crate::{
    app::{
        glossary::{Term, explain, prose, term_as},
        picture,
        store::Store,
        theme,
        views::states::missing,
    },
    report::{PairView, TokenKind},
};

/// The heat map's colors from none to the most: lightness rises all the way, so that it reads without
/// color, too.
const RAMP: [[f32; 3]; 5] = [
    [12.0, 12.0, 38.0],
    [84.0, 31.0, 120.0],
    [176.0, 54.0, 96.0],
    [240.0, 120.0, 52.0],
    [255.0, 226.0, 130.0],
];

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let word = desk.view.query.and_then(|at| desk.pair.tokens.get(at));
    ui.horizontal_wrapped(|ui| {
        match word {
            Some(token) => ui.strong(format!("Where “{}” looks", text::readable(&token.text))),
            None => ui.strong("Where a word looks"),
        };
        ui.add_space(4.0);
        term_as(ui, Term::Attention, "attention");
    });
    if word.is_none() {
        controls(ui, desk);
        ui.label("Click a word above to see where it looks in the image.");
        return;
    }
    content(ui, desk, store);
}

/// The controls, and how the selected token shares its attention out.
pub fn content(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    controls(ui, desk);
    match weights(desk) {
        Some(weights) => shares(ui, &sums(desk.pair, &weights)),
        None => {
            if let Err(Some(gap)) = &desk.attention {
                desk.wish = missing(ui, store, gap, "the attention of this word").or(desk.wish);
            }
        }
    }
}

fn controls(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    let layers = desk.layers.max(1);
    ui.horizontal_wrapped(|ui| {
        let label = term_as(ui, Term::Layer, "Layer");
        let slider = Slider::new(&mut desk.view.layer, 1..=layers);
        ui.add(slider).labelled_by(label.id);
    });
    ui.horizontal_wrapped(|ui| {
        let heads = desk.attention.as_ref().map_or(0, |row| row.heads.len());
        desk.view.head = desk.view.head.filter(|head| heads == 0 || *head < heads);
        let name = |head: Option<usize>| match head {
            None => "mean over all heads".to_owned(),
            Some(head) => format!("head {}", head + 1),
        };
        let chooser = ComboBox::from_id_salt("attention head")
            .selected_text(name(desk.view.head))
            .show_ui(ui, |ui| {
                for head in std::iter::once(None).chain((0..heads).map(Some)) {
                    ui.selectable_value(&mut desk.view.head, head, name(head));
                }
            });
        explain(
            chooser.response.accessible_name("Attention head"),
            Term::Head,
        );
        let mut shown = desk.shows_attention();
        if ui.checkbox(&mut shown, "show on the image").changed() {
            desk.view.overlay = shown;
            desk.view.words &= !shown;
            // The image may be drawn already.
            ui.ctx().request_repaint();
        }
    });
}

/// The weights over the prompt's tokens that are shown: of the chosen head, or the mean of all.
fn weights(desk: &Desk<'_>) -> Option<Vec<f32>> {
    let row = desk.attention.as_ref().ok()?;
    match desk.view.head {
        Some(head) => row.heads.get(head).cloned(),
        None => Some(row.mean()),
    }
}

/// The weight of the token at a position, if attention is shown.
pub fn weight(desk: &Desk<'_>, position: usize) -> Option<f32> {
    weights(desk)
        .filter(|_| desk.shows_attention())?
        .get(position)
        .copied()
}

/// The share of each kind of token: vision, text, scaffold.
fn sums(pair: &PairView, weights: &[f32]) -> [f32; 3] {
    let mut sums = [0.0; 3];
    for (token, weight) in pair.tokens.iter().zip(weights) {
        sums[match token.kind {
            TokenKind::Vision => 0,
            TokenKind::Text => 1,
            TokenKind::Scaffold => 2,
        }] += weight;
    }
    sums
}

/// The image token that is looked at most.
pub fn most_looked_at(pair: &PairView, weights: &[f32]) -> Option<usize> {
    let vision = (pair.tokens.iter().zip(weights).enumerate())
        .filter(|(_, (token, _))| token.kind == TokenKind::Vision);
    let most = vision.max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))?;
    Some(most.0)
}

/// A bar cut into the three shares, and the shares in words.
fn shares(ui: &mut egui::Ui, sums: &[f32; 3]) {
    const KINDS: [(TokenKind, &str); 3] = [
        (TokenKind::Vision, "to the image"),
        (TokenKind::Text, "to text"),
        (TokenKind::Scaffold, "to scaffold"),
    ];
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let words: Vec<String> = KINDS
        .iter()
        .zip(sums)
        .map(|((_, name), sum)| format!("{} {name}", text::percent(*sum)))
        .collect();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, words.join(", ")));
    let total: f32 = sums.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    let mut left = rect.left();
    for ((kind, _), sum) in KINDS.iter().zip(sums) {
        let right = left + rect.width() * sum / total;
        let part = Rect::from_x_y_ranges(left..=right, rect.y_range());
        ui.painter().rect_filled(
            part,
            0.0,
            theme::colors(ui).token(*kind).gamma_multiply(0.75),
        );
        left = right;
    }
    ui.horizontal_wrapped(|ui| {
        for ((kind, _), words) in KINDS.iter().zip(&words) {
            ui.colored_label(theme::colors(ui).token(*kind), words);
        }
    });
    prose(
        ui,
        "A large share to {scaffold} is common: models park attention that they have no use for on \
         the first {token}.",
    );
}

/// The weight of each cell of a picture's grid; of several tokens of one cell the sum.
fn by_patch(pair: &PairView, number: usize, weights: &[f32]) -> Vec<f32> {
    let grid = pair.pictures.get(number).and_then(|shown| shown.grid);
    let cells = grid.map_or(0, |[rows, columns]| rows.saturating_mul(columns));
    let mut heat = vec![0.0; cells.min(1 << 16)];
    for (token, weight) in pair.tokens.iter().zip(weights) {
        let here = token.kind == TokenKind::Vision && token.picture == number;
        if let Some(cell) = token
            .patch
            .filter(|_| here)
            .and_then(|patch| heat.get_mut(patch))
        {
            *cell += weight;
        }
    }
    heat
}

/// The largest weight of an image token, over all pictures; nothing while attention is not shown.
fn most(desk: &Desk<'_>) -> Option<f32> {
    if !desk.shows_attention() {
        return None;
    }
    let weights = weights(desk)?;
    let vision = (desk.pair.tokens.iter().zip(&weights))
        .filter(|(token, _)| token.kind == TokenKind::Vision)
        .map(|(_, weight)| *weight);
    Some(vision.fold(0.0, f32::max)).filter(|most| *most > 0.0)
}

/// The colors of tokens that stand for no place, by how much each is looked at; none while attention is not shown.
pub fn token_colors(desk: &Desk<'_>) -> Option<Vec<Color32>> {
    let most = most(desk)?;
    let weights = weights(desk)?.into_iter();
    Some(weights.map(|weight| color(weight / most, 1.0)).collect())
}

/// The color of a share of the largest heat, 0 to 1.
fn ramp(share: f32) -> [f32; 3] {
    let place = share.clamp(0.0, 1.0) * (RAMP.len() - 1) as f32;
    let below = (place as usize).min(RAMP.len() - 2);
    let inside = place - below as f32;
    std::array::from_fn(|channel| {
        let (low, high) = (RAMP[below][channel], RAMP[below + 1][channel]);
        low + (high - low) * inside
    })
}

fn color(share: f32, opacity: f32) -> Color32 {
    let [red, green, blue] = ramp(share).map(|channel| channel.round() as u8);
    Color32::from_rgba_unmultiplied(red, green, blue, (opacity * 255.0) as u8)
}

/// Whether the picture that is shown comes after the word that looks, which sees nothing of it.
fn is_later(desk: &Desk<'_>) -> bool {
    let first = desk.pair.positions_of(desk.picture()).next();
    first
        .zip(desk.view.query)
        .is_some_and(|(first, query)| first > query)
}

/// Lays the heat over the image drawn at `frame`.
pub fn paint(painter: &egui::Painter, frame: Rect, desk: &Desk<'_>) {
    if is_later(desk) {
        return;
    }
    let (Some(weights), Some(most)) = (weights(desk), most(desk)) else {
        return;
    };
    let heat = by_patch(desk.pair, desk.picture(), &weights);
    for (patch, weight) in heat.iter().enumerate() {
        let share = weight / most;
        let rect = picture::patch_rect(frame, desk.grid(), patch);
        // What is looked at stays visible.
        painter.rect_filled(rect, 0.0, color(share, 0.74 - 0.28 * share));
    }
}

/// The heat map's scale, with numbers.
pub fn legend(ui: &mut egui::Ui, desk: &Desk<'_>) {
    let Some(most) = most(desk) else {
        return;
    };
    if is_later(desk) {
        let line =
            "This image comes after the word that looks: a word sees only what stands before it.";
        ui.label(egui::RichText::new(line).color(theme::colors(ui).faint));
        return;
    }
    ui.horizontal(|ui| {
        ui.label("0 %");
        let width = (ui.available_width() - 110.0).clamp(20.0, 220.0);
        let (rect, response) = ui.allocate_exact_size(vec2(width, 12.0), Sense::hover());
        response.widget_info(|| {
            let label = format!("Attention from 0 to {} per token", text::percent(most));
            WidgetInfo::labeled(egui::Role::Image, true, label)
        });
        let steps = 48;
        for step in 0..steps {
            let share = step as f32 / (steps - 1) as f32;
            let left = rect.left() + rect.width() * step as f32 / steps as f32;
            let part = Rect::from_min_size(
                pos2(left, rect.top()),
                vec2(rect.width() / steps as f32 + 0.5, rect.height()),
            );
            ui.painter().rect_filled(part, 0.0, color(share, 1.0));
        }
        let line = Stroke::new(1.0, theme::colors(ui).line);
        ui.painter()
            .rect_stroke(rect, 0.0, line, egui::StrokeKind::Outside);
        ui.label(format!("{} a token", text::percent(most)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Picture, PictureView, TokenView};

    #[test]
    fn heat_and_shares_follow_the_tokens() {
        let token = |kind, patch| TokenView {
            id: 0,
            text: String::new(),
            kind,
            patch,
            picture: 0,
        };
        let picture = PictureView {
            image: 0,
            name: String::new(),
            crops: None,
            picture: Picture {
                width: 1,
                height: 1,
                rgb: vec![0; 3],
            },
            patches: [1, 2],
            grid: Some([1, 2]),
        };
        let pair = PairView {
            pair: 0,
            name: String::new(),
            text: String::new(),
            pictures: vec![picture.clone(), picture],
            tokens: vec![
                token(TokenKind::Scaffold, None),
                token(TokenKind::Vision, Some(1)),
                token(TokenKind::Vision, Some(0)),
                token(TokenKind::Text, None),
            ],
            stages: Vec::new(),
        };
        let weights = [0.5, 0.2, 0.05, 0.25];
        assert_eq!(by_patch(&pair, 0, &weights), [0.05, 0.2]);
        assert_eq!(by_patch(&pair, 1, &weights), [0.0, 0.0]);
        assert_eq!(sums(&pair, &weights), [0.25, 0.25, 0.5]);
    }

    #[test]
    fn the_ramp_grows_lighter_throughout() {
        let luma = |[red, green, blue]: [f32; 3]| 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        let steps: Vec<f32> = (0..=40)
            .map(|step| luma(ramp(step as f32 / 40.0)))
            .collect();
        assert!(steps.is_sorted(), "{steps:?}");
        assert!(steps[40] - steps[0] > 150.0);
        assert_eq!(ramp(2.0), RAMP[4]);
    }
}
