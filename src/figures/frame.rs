//! What an exported figure has around it: a heading and where its numbers come from.

use super::{Anchor, Color, Figure, Look, Mark, Text, words};
use crate::words::{counted, grouped};
use crate::{
    report::{Report, format_count},
    study::Contrast,
};

impl Figure {
    /// The figure with its title and `subtitle` above and `captions` below, each in as many lines as it
    /// needs; the figure grows by them.
    pub fn captioned(mut self, subtitle: &str, captions: &[String], look: &Look) -> Self {
        let font = look.font();
        let palette = look.palette;
        let room = self.size[0] - 2.0 * font;
        let mut y = 0.8 * font;
        let mut heading = Vec::new();
        let mut write = |words: &str, size: f32, color: Color, strong: bool, y: &mut f32| {
            for line in words::wrap(words, size, room) {
                *y += 0.7 * size;
                heading.push(Mark::Text(Text {
                    at: [font, *y],
                    anchor: Anchor::Start,
                    size,
                    color,
                    strong,
                    upward: false,
                    words: words::fit(&line, size, room),
                }));
                *y += 0.7 * size;
            }
        };
        write(&self.title, 1.3 * font, palette.ink, true, &mut y);
        write(subtitle, font, palette.faint, false, &mut y);
        let above = y + 0.5 * font;
        y = above + self.size[1] + 0.4 * font;
        for caption in captions {
            write(caption, font, palette.faint, false, &mut y);
        }
        let height = y + 0.6 * font;
        self.shift([0.0, above]);
        self.marks.extend(heading);
        self.size[1] = height;
        self
    }

    /// Figures under each other as one, called `title`.
    ///
    /// Selected and listed points are those of the first figure that has any.
    pub fn stacked(title: String, figures: Vec<Self>) -> Option<Self> {
        let mut figures = figures.into_iter();
        let mut all = figures.next()?;
        all.title = title;
        for mut figure in figures {
            figure.shift([0.0, all.size[1]]);
            all.size[0] = all.size[0].max(figure.size[0]);
            all.size[1] += figure.size[1];
            all.marks.append(&mut figure.marks);
            all.spots.append(&mut figure.spots);
            all.dots = all.dots.or(figure.dots);
            all.selected = all.selected.or(figure.selected);
            all.summary = format!("{} {}", all.summary, figure.summary);
        }
        Some(all)
    }
}

/// Model, pairs, n and d, for a figure's subtitle.
pub fn subtitle(report: &Report) -> String {
    let (n_vision, n_text) = report.tokens();
    format!(
        "{}, {}, n = {} vision and {} text tokens, d = {}",
        report.model.name,
        counted(report.data.num_pairs, "pair"),
        grouped(n_vision as u64),
        grouped(n_text as u64),
        report.model.hidden_size
    )
}

/// A figure of two trainings with a heading and where its numbers come from.
pub fn contrast_captioned(contrast: &Contrast, figure: Figure, look: &Look) -> Figure {
    let settings = contrast.settings;
    let subtitle = format!(
        "Two connectors, each trained on {} image-text pairs: captions that fit, and shuffled ones",
        format_count(contrast.samples)
    );
    let captions = [
        "Bands: where 19 of 20 further seeds are expected. Lines at answers: 95 % intervals."
            .to_owned(),
        format!(
            "Definition {}, text mask {}, at most {} pairs never trained on, seed {}; mirscope {}.",
            contrast.definition,
            settings.text_mask,
            settings.num_pairs,
            settings.seed,
            env!("CARGO_PKG_VERSION")
        ),
    ];
    // A little room at the sides of what reaches from edge to edge.
    let margin = look.font();
    let mut figure = figure;
    figure.shift([margin, 0.0]);
    figure.size[0] += 2.0 * margin;
    figure.captioned(&subtitle, &captions, look)
}

/// Where a report's numbers come from, for the captions of a figure.
pub fn origin(report: &Report) -> String {
    format!(
        "Definition {}, text mask {}, seed {}; {} ({}); mirscope {}.",
        report.definition,
        report.text_mask,
        report.data.seed,
        report.device.adapter,
        report.device.backend,
        report.mirscope_version
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{Palette, Target, sheet::Sheet};

    #[test]
    fn what_a_lower_figure_selects_stays_selected() {
        let look = Look::new(Palette::LIGHT, [100.0, 50.0]);
        let [upper, mut lower] = ["a", "b"].map(|title| Sheet::new(&look, title).figure);
        lower.selected = Some(Target::Run(1));
        let both = Figure::stacked("c".to_owned(), vec![upper, lower]).unwrap();
        assert_eq!(both.selected, Some(Target::Run(1)));
        assert_eq!(both.size, [100.0, 100.0]);
    }
}
