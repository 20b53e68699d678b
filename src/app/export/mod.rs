//! Taking things home: plots as PNG and SVG, reports as CSV, JSON and HTML, the view as a link.

mod group;
mod menu;
mod plot;
mod png;

pub use menu::menu;
pub(super) use menu::{content, open_menu};
pub use plot::Plot;
pub(super) use plot::named;
pub use png::{PngError, png};

use super::store::Store;
use crate::{
    figures::{self, Palette, svg_of},
    platform, report,
    study::study_csv,
};

/// A form of a plot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Points of color, twice as many in each direction as the figure's size says.
    Png,
    /// Lines and words that stay sharp and can be edited.
    Svg,
}

/// A form of the shown run's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The layers, one a line.
    Csv,
    /// The report itself, which mirscope opens again.
    Json,
    /// A page with plots, table and settings that needs nothing else.
    Html,
}

impl Document {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Html, Self::Json, Self::Csv];

    /// The ending of its file.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Html => "html",
        }
    }

    /// What it is, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Csv => "Layers as CSV",
            Self::Json => "Report as JSON",
            Self::Html => "Report as a page (HTML)",
        }
    }
}

/// Saves a plot of what is shown. `wake` is called when there is news.
pub fn save_plot(
    store: &mut Store,
    plot: Plot,
    image: Image,
    palette: Palette,
    wake: impl FnOnce() + Send + 'static,
) {
    let Some(figure) = plot.figure(store, palette) else {
        store.alarm(format!("There is nothing to draw for {}.", plot.words()));
        return;
    };
    let name = |ending: &str| format!("mirscope-{}.{ending}", plot.name());
    match image {
        Image::Svg => {
            let make = move || Ok(svg_of(&figure).into_bytes());
            store.save(name("svg"), make, wake);
        }
        Image::Png => {
            let make = move || png(&svg_of(&figure)).map_err(|error| error.to_string());
            store.save(name("png"), make, wake);
        }
    }
}

/// Saves the report of the run that is shown. `wake` is called when there is news.
pub fn save_report(store: &mut Store, document: Document, wake: impl FnOnce() + Send + 'static) {
    let Some(shown) = store.report().cloned() else {
        return;
    };
    let make = move || {
        let text = match document {
            Document::Csv => Ok(report::csv(&shown)),
            Document::Json => report::to_json(&shown),
            Document::Html => figures::html(&shown),
        };
        text.map(String::into_bytes)
            .map_err(|error| error.to_string())
    };
    store.save(format!("mirscope-report.{}", document.ending()), make, wake);
}

/// Saves the study's variants as CSV, or all of its results as JSON. `wake` is called when there is
/// news.
pub fn save_study(store: &mut Store, document: Document, wake: impl FnOnce() + Send + 'static) {
    let Some(results) = store.shown_study().cloned() else {
        return;
    };
    let name = format!("mirscope-study.{}", document.ending());
    let make = move || {
        let text = match document {
            Document::Csv => Ok(study_csv(&results)),
            _ => report::to_json(&*results).map_err(|error| error.to_string()),
        };
        text.map(String::into_bytes)
    };
    store.save(name, make, wake);
}

/// A link that restores the view: settings, never data. Natively it has no address in front.
pub fn link(store: &Store) -> String {
    platform::address().unwrap_or_default() + &store.view.to_link()
}
