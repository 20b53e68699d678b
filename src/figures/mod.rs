//! Plots as plain data: one description that the app draws on the screen and that [`svg_of`] writes to
//! a file, so that what is seen is what is exported.
//!
//! A chart is a function from a report's data and a [`Look`] to a [`Figure`]: [`layers`], [`parts`],
//! [`norms`], [`clouds`], [`compare`], [`difference`], [`mir_per_run`], and of a study of checkpoints
//! [`mir_score`], [`settings_plot`], [`axis_curves`]; any quantity of a report as a small curve, [`spark`]; of two trainings set against each other [`ruler`]
//! and [`answers`]; of two models without names [`duel`]; of one training step by step [`step_lines`] and [`step_path`]; small ones of a study's claims [`rows`] and [`points`], and what was varied as a picture, [`sketch`]. [`Figure::captioned`] adds what an exported figure needs, [`report_figure`] puts the charts of one report under each other.

mod answers;
mod axis;
mod clouds;
mod compare;
#[cfg(feature = "app")]
mod duel;
mod file;
mod frame;
mod html;
mod layers;
mod mark;
mod norms;
mod pairs;
mod palette;
mod parts;
mod quantities;
#[cfg(feature = "app")]
mod real;
#[cfg(feature = "app")]
mod rows;
mod ruler;
mod sheet;
#[cfg(feature = "app")]
mod sketch;
mod spot;
#[cfg(feature = "app")]
mod steps;
mod study;
mod svg;
mod whole;
mod words;

pub use crate::report::Named;
pub use answers::answers;
pub use axis::Scale;
pub use clouds::{Clouds, Limits, clouds, clouds_caveat};
pub use compare::{compare, difference, mir_per_run, signed};
#[cfg(feature = "app")]
pub use duel::{Duelist, duel};
#[cfg(not(target_arch = "wasm32"))]
pub use file::write;
pub use file::{Format, render};
pub use frame::{contrast_captioned, origin, subtitle};
pub use html::{comparison_html, html};
pub use layers::{LayersChart, Overlay, layers};
pub use mark::{Anchor, Area, Color, Mark, Stroke, Text};
pub use norms::norms;
pub use pairs::pairs;
pub use palette::Palette;
pub use parts::parts;
pub use quantities::{Quantity, quantity_words, spark};
#[cfg(feature = "app")]
pub use real::{real_captioned, real_choice, real_loss};
#[cfg(feature = "app")]
pub use rows::{Point, Points, Row, Rows, points, rows};
pub use ruler::{Ruler, ruler, side_color};
#[cfg(feature = "app")]
pub use sketch::sketch;
pub use spot::{DotSpots, Spot, Target};
#[cfg(feature = "app")]
pub use steps::{Steps, step_lines, step_path};
pub use study::{
    StudyFigure, StudyPlot, axis_curves, mir_score, score_quantities, settings_plot,
    study_captioned, study_figures, study_origin, variant_tip,
};
#[cfg(feature = "app")]
pub use study::{card_figure, published_figure, topic_figures};
pub use svg::svg_of;
pub use whole::{comparison_figure, report_figure, svg};

pub(crate) use svg::escape;

/// A drawing with the places in it that can be pointed at.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What is shown, in a few words; the heading of an exported figure.
    pub title: String,
    /// What can be seen, in a sentence or two, for those who do not see it.
    pub summary: String,
    /// Width and height, in points.
    pub size: [f32; 2],
    /// The background of an exported figure; on the screen a figure lies on what is there.
    pub background: Color,
    /// What is drawn, in this order.
    pub marks: Vec<Mark>,
    /// What can be pointed at; of overlapping areas the first counts.
    pub spots: Vec<Spot>,
    /// Points that can be pointed at, before any of the spots.
    pub dots: Option<DotSpots>,
    /// What is selected, if it is something that the figure shows.
    pub selected: Option<Target>,
}

impl Figure {
    /// Moves everything in the figure.
    pub(super) fn shift(&mut self, by: [f32; 2]) {
        for mark in &mut self.marks {
            mark.shift(by);
        }
        for spot in &mut self.spots {
            spot.area.min[0] += by[0];
            spot.area.min[1] += by[1];
        }
        for point in self.dots.iter_mut().flat_map(|dots| &mut dots.points) {
            point[0] += by[0];
            point[1] += by[1];
        }
    }
}

/// How a figure is to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Its colors.
    pub palette: Palette,
    /// Its width and height, in points.
    pub size: [f32; 2],
    /// Factor of the text's size; 1 is for reading at arm's length.
    pub text: f32,
    /// The least room left of the plot, so that charts under each other line up.
    pub left: f32,
}

impl Look {
    /// Size of a figure's words where [`Self::text`] is 1, in points. No words of a figure are smaller.
    pub const FONT: f32 = 13.0;

    /// A look with text of the usual size.
    pub fn new(palette: Palette, size: [f32; 2]) -> Self {
        Self {
            palette,
            size,
            text: 1.0,
            left: 0.0,
        }
    }

    /// Size of the figure's words, in points.
    fn font(&self) -> f32 {
        Self::FONT * self.text
    }
}
