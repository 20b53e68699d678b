//! Figures that papers give, labelled as such.

use eframe::egui;

use super::source::source;
use crate::app::{glossary::prose, store::Store, theme};

/// One series of published figures: what was varied, and the MIR for each setting.
struct Series {
    varied: &'static str,
    figures: &'static [(&'static str, f64)],
}

/// Figures of arXiv 2410.07167 (models of 7 billion parameters unless it says otherwise).
const SERIES: [Series; 8] = [
    Series {
        varied: "Words in a caption",
        figures: &[
            ("15.2", 3.588),
            ("49.1", 3.442),
            ("127.1", 3.279),
            ("181.2", 3.218),
        ],
    },
    Series {
        varied: "Learning rate",
        figures: &[
            ("3e-3", 3.575),
            ("1e-3", 3.182),
            ("5e-4", 2.990),
            ("3e-4", 2.808),
        ],
    },
    Series {
        varied: "Trained part of the language model",
        figures: &[
            ("none", 3.001),
            ("LoRA", 2.735),
            ("half", 2.705),
            ("all", 2.656),
        ],
    },
    Series {
        varied: "Connector",
        figures: &[
            ("1 layer", 3.454),
            ("2 layers", 3.182),
            ("4 layers", 3.446),
            ("Q-Former", 3.673),
        ],
    },
    Series {
        varied: "LLaVA-1.5",
        figures: &[("plain", 3.374), ("with MoCa", 3.162)],
    },
    Series {
        varied: "Mini-Gemini",
        figures: &[("plain", 2.667), ("with MoCa", 2.514)],
    },
    Series {
        varied: "Size of the language model",
        figures: &[("7B", 3.374), ("13B", 2.583)],
    },
    Series {
        varied: "Number of pairs",
        figures: &[
            ("1", 3.380),
            ("5", 3.358),
            ("10", 3.377),
            ("20", 3.379),
            ("50", 3.374),
            ("100", 3.375),
            ("1000", 3.376),
        ],
    },
];

/// Draws the tables.
pub fn show(ui: &mut egui::Ui, _store: &Store) {
    prose(
        ui,
        "{Published}, not measured here: models of 7 billion parameters on the paper's own data and \
         with its own script. Compare trends, not digits.",
    );
    let width = 184.0;
    let columns = ((ui.available_width() / width) as usize).max(1);
    for row in SERIES.chunks(columns) {
        ui.add_space(4.0);
        ui.horizontal_top(|ui| {
            for series in row {
                ui.vertical(|ui| {
                    ui.set_width(width - 12.0);
                    table(ui, series);
                });
            }
        });
    }
    source(ui, "arXiv 2410.07167, MIR of the released script");
}

fn table(ui: &mut egui::Ui, series: &Series) {
    ui.spacing_mut().item_spacing = egui::vec2(12.0, 2.0);
    ui.label(egui::RichText::new(series.varied).color(theme::colors(ui).faint));
    egui::Grid::new(series.varied)
        .striped(true)
        .min_col_width(70.0)
        .show(ui, |ui| {
            for (setting, mir) in series.figures {
                ui.label(*setting);
                ui.label(format!("{mir:.3}"));
                ui.end_row();
            }
        });
}
