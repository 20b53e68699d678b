//! How large the boxes of the pipeline are, and the words in them.

use std::sync::Arc;

use eframe::egui::{self, Galley, TextStyle, Vec2};

use super::{Kind, Stage};
use crate::app::theme::colors;

/// Least height of what a box holds below its heading.
const LEAST_BODY: f32 = 46.0;
/// Space between a box and what is in it.
pub(super) const MARGIN: Vec2 = Vec2::new(10.0, 8.0);
/// Most lines of a description; hovering tells the rest.
pub(super) const MOST_LINES: usize = 6;

/// How large the boxes are: all alike, and high enough for what each says.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Width of a box.
    pub(super) width: f32,
    /// Height of title and shape.
    pub(super) heading: f32,
    /// Height of what is below them.
    body: f32,
}

impl Sizes {
    pub(super) fn of(ui: &egui::Ui, stages: &[Stage], width: f32) -> Self {
        let mut sizes = Self {
            width,
            heading: 0.0,
            body: LEAST_BODY,
        };
        let inner = width - 2.0 * MARGIN.x;
        for stage in stages {
            let heading = heading(ui, stage, inner);
            let height = heading[0].size().y + heading[1].size().y + 6.0;
            sizes.heading = sizes.heading.max(height);
            if stage.kind == Kind::Plain {
                sizes.body = sizes
                    .body
                    .max(words(ui, &stage.about, inner, MOST_LINES).size().y);
            }
        }
        sizes
    }

    /// Height of a box.
    pub(super) fn height(&self) -> f32 {
        self.heading + self.body + 2.0 * MARGIN.y
    }
}

/// A box's title and the shape of what it gives.
pub(super) fn heading(ui: &egui::Ui, stage: &Stage, width: f32) -> [Arc<Galley>; 2] {
    let ink = ui.visuals().strong_text_color();
    let title = ui.painter().layout(
        stage.title.to_owned(),
        TextStyle::Body.resolve(ui.style()),
        ink,
        width,
    );
    [title, words(ui, &stage.shape, width, 2)]
}

/// Words, wrapped to a width, and cut where they take more lines than there is room for.
pub(super) fn words(ui: &egui::Ui, text: &str, width: f32, most_lines: usize) -> Arc<Galley> {
    let faint = colors(ui).faint;
    let font = TextStyle::Small.resolve(ui.style());
    let mut job = egui::text::LayoutJob::simple(text.to_owned(), font, faint, width);
    job.wrap.max_rows = most_lines;
    ui.painter().layout_job(job)
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;

    use super::*;

    #[test]
    fn a_description_is_shown_whole() {
        const ABOUT: &str = "CLIP, 6 layers of width 128, 4 heads, 128 px in patches of 16, features of \
                             layer -2; the class token is dropped";
        let stage = |kind, about: &str| Stage {
            title: "Vision tower",
            shape: "65 tokens \u{d7} 128 hidden".to_owned(),
            about: about.to_owned(),
            kind,
        };
        let stages = [stage(Kind::Plain, ABOUT), stage(Kind::Layers, "")];
        let mut harness = Harness::builder().build_ui(move |ui| {
            for width in [150.0, 235.0, 380.0] {
                let sizes = Sizes::of(ui, &stages, width);
                let galley = words(ui, ABOUT, width - 2.0 * MARGIN.x, MOST_LINES);
                assert!(!galley.elided, "at {width}");
                assert!(galley.size().y <= sizes.body, "at {width}");
            }
            let few = Sizes::of(ui, &stages[1..], 235.0);
            assert_eq!(few.body, LEAST_BODY);
        });
        harness.run();
    }
}
