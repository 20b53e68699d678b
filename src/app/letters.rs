//! The size of letters: larger where the window has room for it.

use eframe::egui::{
    Context, FontFamily, FontId, Id, Style, TextStyle, Theme, Ui, Vec2, style::Spacing, vec2,
};

/// Size of body text in a window of [`USUAL`] or smaller, in points.
const BODY: f32 = 14.5;

/// The window up to which letters have their usual size: none below 13 points.
const USUAL: Vec2 = Vec2::new(1280.0, 720.0);

/// How much letters grow as the window does: 1.2 times in 1920 x 1080, one and a half times as large.
const FOLLOW: f32 = 0.4;

/// Below this width of a window sliders are short, in points.
const TINY: f32 = 300.0;

/// Most that letters grow.
const MOST: f32 = 1.8;

/// How many times the room of a window of the usual size one has, along the side that has less.
fn room(window: Vec2) -> f32 {
    (window / USUAL).min_elem()
}

/// How much larger than usual letters are in a window of a size in points.
fn growth(window: Vec2) -> f32 {
    let growth = 1.0 + FOLLOW * (room(window) - 1.0);
    // In steps: each size of a font takes room among the prepared letters while a window is resized.
    ((20.0 * growth).round() / 20.0).clamp(1.0, MOST)
}

/// What letters and controls follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// How many times as large as usual letters are, and what is as high as they are.
    growth: f32,
    /// Whether the window is so narrow that controls are, too: a phone, its letters twice as large.
    tiny: bool,
}

impl Fit {
    /// In a window of the usual size.
    pub const USUAL: Self = Self {
        growth: 1.0,
        tiny: false,
    };
}

/// Gives a style letters and controls.
pub fn set(style: &mut Style, Fit { growth, tiny }: Fit) {
    let sized = |points: f32, family| FontId::new(points * growth, family);
    style.text_styles = [
        (TextStyle::Heading, sized(21.0, FontFamily::Proportional)),
        (TextStyle::Body, sized(BODY, FontFamily::Proportional)),
        (TextStyle::Button, sized(BODY, FontFamily::Proportional)),
        (TextStyle::Small, sized(13.0, FontFamily::Proportional)),
        (TextStyle::Monospace, sized(13.0, FontFamily::Monospace)),
    ]
    .into();
    let usual = Spacing::default();
    let spacing = &mut style.spacing;
    spacing.button_padding = (growth * vec2(11.0, 5.0)).round();
    spacing.interact_size.y = (growth * 28.0).round();
    spacing.icon_width = growth * usual.icon_width;
    spacing.icon_width_inner = growth * usual.icon_width_inner;
    spacing.tooltip_width = growth * usual.tooltip_width;
    spacing.slider_width = if tiny { 56.0 } else { usual.slider_width };
}

/// Makes letters as large as the window allows; to be called before anything is drawn.
pub fn follow_window(context: &Context) {
    let window = context.content_rect().size();
    let fits = Fit {
        growth: growth(window),
        tiny: window.x < TINY,
    };
    if fits != fit(context) {
        context.data_mut(|data| data.insert_temp(id(), fits));
        for theme in [Theme::Light, Theme::Dark] {
            context.style_mut_of(theme, |style| set(style, fits));
        }
        // What is being drawn has its style already.
        context.request_repaint();
    }
}

fn id() -> Id {
    Id::unique("fit of letters")
}

fn fit(context: &Context) -> Fit {
    context
        .data(|data| data.get_temp(id()))
        .unwrap_or(Fit::USUAL)
}

/// How many times as large as usual letters are.
pub fn grown_by(context: &Context) -> f32 {
    fit(context).growth
}

/// A length that is `points` where letters have their usual size, and grows with them.
pub fn grown(ui: &Ui, points: f32) -> f32 {
    points * TextStyle::Body.resolve(ui.style()).size / BODY
}

/// Width of a slider that takes a line but for `words` points behind it; all of the line where those have no room.
pub fn slider_before(ui: &Ui, words: f32) -> f32 {
    let line = ui.available_size_before_wrap().x;
    let left = line - grown(ui, words);
    if left < 60.0 {
        line
    } else {
        left.min(grown(ui, 900.0))
    }
}

/// The height of a chart that is `points` high in a window of the usual size: it takes its share of a larger one.
pub fn chart(ui: &Ui, points: f32) -> f32 {
    points * room(ui.ctx().content_rect().size()).clamp(1.0, 2.0)
}

/// Highest that a chart or a picture is drawn, in points.
const TALLEST: f32 = 900.0;

/// What is left of the window's height beside `points` that words and controls take, which grow with the letters.
pub fn room_beside(ui: &Ui, points: f32) -> f32 {
    ui.ctx().content_rect().height() - grown(ui, points)
}

/// The height of what has [`room_beside`] `points`, but not below `least`.
pub fn height_beside(ui: &Ui, points: f32, least: f32) -> f32 {
    room_beside(ui, points).clamp(least, TALLEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_grow_with_both_sides_of_the_window() {
        for (window, expected) in [
            (vec2(390.0, 844.0), 1.0),
            (vec2(1280.0, 720.0), 1.0),
            (vec2(1280.0, 4000.0), 1.0),
            (vec2(1920.0, 1080.0), 1.2),
            (vec2(2560.0, 1440.0), 1.4),
            (vec2(7680.0, 4320.0), MOST),
        ] {
            assert_eq!(growth(window), expected, "{window:?}");
        }
    }

    #[test]
    fn no_letters_are_below_13_points() {
        let mut style = Style::default();
        set(&mut style, Fit::USUAL);
        for (name, font) in &style.text_styles {
            assert!(font.size >= 13.0, "{name:?}: {}", font.size);
        }
    }
}
