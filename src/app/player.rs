//! A button that plays through steps, and a slider over them.

use eframe::egui::{self, Slider, WidgetInfo};

use super::{
    letters,
    theme::{self, Icon},
};

/// Steps that can be played through.
pub struct Player<'a> {
    /// What the button is called while nothing plays, and while something does.
    pub labels: [&'a str; 2],
    /// What the slider is called.
    pub slider: &'a str,
    /// Points that words behind the slider take; without them it has its usual width.
    pub words: Option<f32>,
    /// Whether it plays.
    pub playing: bool,
    /// The step that is shown.
    pub at: usize,
    /// The last one.
    pub last: usize,
}

/// What the reader did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// Began or stopped playing.
    Toggled,
    /// Went to a step.
    To(usize),
}

impl Player<'_> {
    /// Draws both.
    pub fn show(&self, ui: &mut egui::Ui) -> Option<Played> {
        let [play, stop] = self.labels;
        let (icon, label) = match self.playing {
            true => (Icon::Pause, stop),
            false => (Icon::Play, play),
        };
        let mut played = None;
        if theme::icon_button(ui, icon, label).clicked() {
            played = Some(Played::Toggled);
        }
        if let Some(points) = self.words {
            ui.spacing_mut().slider_width = letters::slider_before(ui, points);
        }
        let mut at = self.at;
        let slider = ui.add(Slider::new(&mut at, 0..=self.last).show_value(false));
        slider.widget_info(|| WidgetInfo::slider(ui.is_enabled(), at as f64, self.slider));
        if slider.changed() {
            played = Some(Played::To(at));
        }
        played
    }
}
