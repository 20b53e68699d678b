//! The app's look: colors and spacing, light and dark.

use eframe::egui::{self, Color32, CornerRadius, FontFamily, Stroke, Theme};

use super::letters;
use crate::{
    figures::{Color, Palette},
    report::TokenKind,
};

/// Space between a panel's parts.
pub const GAP: f32 = 12.0;

/// Colors with a meaning, the same in every view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colors {
    /// Vision tokens.
    pub vision: Color32,
    /// Text tokens.
    pub text: Color32,
    /// What is selected or can be pressed.
    pub accent: Color32,
    /// What went wrong.
    pub alarm: Color32,
    /// A card's background.
    pub card: Color32,
    /// A thin line.
    pub line: Color32,
    /// Less important words.
    pub faint: Color32,
}

impl Colors {
    /// The figures' colors, so that a modality looks the same in and around them.
    const fn of(palette: &Palette) -> Self {
        Self {
            vision: color(palette.vision),
            text: color(palette.text),
            accent: color(palette.accent),
            alarm: color(palette.alarm),
            card: color(palette.card),
            line: color(palette.line),
            faint: color(palette.faint),
        }
    }

    /// The color of a kind of token.
    pub fn token(&self, kind: TokenKind) -> Color32 {
        match kind {
            TokenKind::Vision => self.vision,
            TokenKind::Text => self.text,
            TokenKind::Scaffold => self.faint,
        }
    }
}

const LIGHT: Colors = Colors::of(&Palette::LIGHT);

const DARK: Colors = Colors::of(&Palette::DARK);

/// The figures' colors in the theme in use.
pub fn palette(ui: &egui::Ui) -> Palette {
    if ui.visuals().dark_mode {
        Palette::DARK
    } else {
        Palette::LIGHT
    }
}

/// A figure's color as egui's, opaque.
const fn color(color: Color) -> Color32 {
    Color32::from_rgb(color.red, color.green, color.blue)
}

/// The colors of the theme in use.
pub fn colors(ui: &egui::Ui) -> Colors {
    if ui.visuals().dark_mode { DARK } else { LIGHT }
}

/// Gives `context` the app's look, for both themes.
pub fn install(context: &egui::Context) {
    // Arrows, triangles and ‖ are in the monospaced font only.
    let mut fonts = egui::FontDefinitions::default();
    if let Some(family) = fonts.families.get_mut(&FontFamily::Proportional) {
        family.push("Hack".to_owned());
    }
    context.set_fonts(fonts);
    for (theme, colors, background, palette) in [
        (Theme::Light, LIGHT, 0xf4f5f8, Palette::LIGHT),
        (Theme::Dark, DARK, 0x15171d, Palette::DARK),
    ] {
        let ink = color(palette.ink);
        context.style_mut_of(theme, |style| {
            letters::set(style, letters::Fit::USUAL);
            style.spacing.item_spacing = egui::vec2(8.0, 7.0);
            let visuals = &mut style.visuals;
            visuals.panel_fill = rgb(background);
            visuals.window_fill = colors.card;
            visuals.extreme_bg_color = colors.card;
            visuals.override_text_color = Some(ink);
            visuals.hyperlink_color = colors.accent;
            visuals.selection.bg_fill = colors.accent.gamma_multiply(0.35);
            visuals.selection.stroke = Stroke::new(1.0, ink);
            visuals.window_stroke = Stroke::new(1.0, colors.line);
            let radius = CornerRadius::same(7);
            for widget in [
                &mut visuals.widgets.noninteractive,
                &mut visuals.widgets.inactive,
                &mut visuals.widgets.hovered,
                &mut visuals.widgets.active,
                &mut visuals.widgets.open,
            ] {
                widget.corner_radius = radius;
            }
            visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, colors.line);
            visuals.widgets.inactive.bg_stroke = Stroke::new(1.0, colors.line);
        });
    }
}

/// Less important words, in small letters.
pub fn faint(ui: &mut egui::Ui, words: &str) {
    let words = egui::RichText::new(words).small().color(colors(ui).faint);
    ui.add(egui::Label::new(words).wrap());
}

/// Space between one card and the next below it.
pub fn gap(ui: &mut egui::Ui) {
    let spacing = ui.spacing().item_spacing.y;
    ui.add_space(GAP - spacing);
}

/// Nothing moves on its way from here to there any more.
#[cfg(target_arch = "wasm32")]
pub fn reduce_motion(context: &egui::Context) {
    context.all_styles_mut(|style| style.animation_time = 0.0);
}

/// A card: a panel with its own background around something that belongs together.
pub fn card<R>(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui) -> R) -> R {
    let colors = colors(ui);
    egui::Frame::new()
        .fill(colors.card)
        .stroke(Stroke::new(1.0, colors.line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(egui::Margin::same(14))
        .show(ui, content)
        .inner
}

/// A card as wide as its column, with words that are not stretched to the column's width.
pub fn left_aligned_card(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            content(ui);
        });
    });
}

/// The button for what most people want to do here.
pub fn primary(ui: &egui::Ui, text: &str) -> egui::Button<'static> {
    let colors = colors(ui);
    egui::Button::new(egui::RichText::new(text).strong().color(colors.card))
        .fill(colors.accent)
        .corner_radius(CornerRadius::same(7))
}

/// What stands in the place of something that is not there yet.
pub fn placeholder(ui: &mut egui::Ui, size: egui::Vec2, content: impl FnOnce(&mut egui::Ui)) {
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    let colors = colors(ui);
    ui.painter()
        .rect_filled(rect, 8.0, ui.visuals().panel_fill.gamma_multiply(0.6));
    let inner = egui::Rect::from_center_size(
        rect.center(),
        egui::vec2((rect.width() - 40.0).min(420.0), 90.0),
    );
    let layout = egui::Layout::top_down(egui::Align::Center);
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(inner).layout(layout));
    child.visuals_mut().override_text_color = Some(colors.faint);
    content(&mut child);
}

/// A picture on a button, drawn in a unit square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A triangle to the right.
    Play,
    /// Two bars.
    Pause,
    /// A disc with rays.
    Sun,
    /// A crescent.
    Moon,
}

/// A button with a picture; `label` says what it does, to the ear and on hover.
pub fn icon_button(ui: &mut egui::Ui, icon: Icon, label: &str) -> egui::Response {
    let side = ui.spacing().interact_size.y;
    let (rect, response) = ui.allocate_exact_size(egui::vec2(side, side), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), label));
    if ui.is_rect_visible(rect) {
        let visuals = ui.style().interact(&response);
        let painter = ui.painter();
        painter.rect(
            rect,
            visuals.corner_radius,
            visuals.weak_bg_fill,
            visuals.bg_stroke,
            egui::StrokeKind::Inside,
        );
        let ink = visuals.text_color();
        let (center, unit) = (rect.center(), side * 0.28);
        let at = |x: f32, y: f32| center + egui::vec2(x, y) * unit;
        match icon {
            Icon::Play => {
                let corners = vec![at(-0.7, -1.0), at(1.0, 0.0), at(-0.7, 1.0)];
                painter.add(egui::Shape::convex_polygon(corners, ink, Stroke::NONE));
            }
            Icon::Pause => {
                for x in [-0.55, 0.55] {
                    let bar = egui::Rect::from_center_size(at(x, 0.0), egui::vec2(0.5, 1.9) * unit);
                    painter.rect_filled(bar, 1.0, ink);
                }
            }
            Icon::Sun => {
                painter.circle_filled(center, 0.55 * unit, ink);
                for ray in 0..8 {
                    let direction = egui::Vec2::angled(ray as f32 * std::f32::consts::FRAC_PI_4);
                    let ends = [0.8, 1.15].map(|length| center + direction * length * unit);
                    painter.line_segment(ends, Stroke::new(1.3, ink));
                }
            }
            Icon::Moon => {
                painter.circle_filled(center, unit, ink);
                // In a menu a button has no ground of its own.
                let ground = match visuals.weak_bg_fill {
                    Color32::TRANSPARENT => ui.stack().bg_color(),
                    own => own,
                };
                painter.circle_filled(at(0.5, -0.35), 0.85 * unit, ground);
            }
        }
    }
    response.on_hover_text(label)
}

/// A ring around what has the keyboard's focus and is drawn by the view itself.
pub fn focus_ring(ui: &egui::Ui, response: &egui::Response) {
    if response.has_focus() {
        let stroke = Stroke::new(2.0, ui.visuals().text_color());
        let around = egui::StrokeKind::Outside;
        ui.painter().rect_stroke(response.rect, 3.0, stroke, around);
    }
}

/// A small dot in front of a line.
pub fn dot(ui: &mut egui::Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 18.0), egui::Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, color);
}

fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}
