//! The cards with formulas.

use eframe::egui;

use super::{formula::formula, published, source::source};
use crate::{
    app::{glossary::prose, store::Store},
    report::{Definition, Report, TextMask},
    study::NO_PROGRESS,
    words::counted,
};

/// A card.
pub struct Section {
    /// Its title.
    pub title: &'static str,
    /// Draws what is in it.
    pub content: fn(&mut egui::Ui, &Store),
}

/// All cards in their order.
pub const ALL: &[Section] = &[
    Section {
        title: "Modality Integration Rate",
        content: mir,
    },
    Section {
        title: "Three definitions",
        content: definitions,
    },
    Section {
        title: "Location, spread, shape",
        content: parts,
    },
    Section {
        title: "Length",
        content: length,
    },
    Section {
        title: "Which tokens count",
        content: tokens,
    },
    Section {
        title: "How far to trust it",
        content: estimate,
    },
    Section {
        title: "Modality Calibration (MoCa)",
        content: moca,
    },
    Section {
        title: "Published figures",
        content: published::show,
    },
];

fn mir(ui: &mut egui::Ui, store: &Store) {
    formula(ui, "MIR = log_{10} Σ_{k = 1…L} FD(α_k V_k, α_k T_k)");
    prose(
        ui,
        "V and T are the {vision tokens} and {text tokens} of all pairs after {layer} k. The \
         {alpha} of a layer makes the mean length of its text tokens 1. The {outlier rule} is \
         applied, then the {Fréchet distance} is taken:",
    );
    formula(
        ui,
        "FD = ‖μ_v − μ_t‖² + Tr S_v + Tr S_t − 2 Tr (S_v S_t)^{½}",
    );
    prose(
        ui,
        "μ is the {mean} of a {cloud}, S its {covariance}, with n − 1. Tr adds up a matrix's \
         diagonal. Lower is nearer to the words. The paper writes log; its code takes log to base 10.",
    );
    if let Some(line) = store.report().and_then(this_run) {
        ui.label(line);
    }
    prose(
        ui,
        &format!(
            "Compare the ends of equally long trainings. {} {NO_PROGRESS}.",
            "Along one training other things change, the {norm ratio} above all:"
        ),
    );
    source(ui, "Huang and others, arXiv 2410.07167 (ICCV 2025)");
}

/// The sum and the number of the run that is shown.
fn this_run(report: &Report) -> Option<String> {
    let mir = report.mir?;
    Some(format!(
        "The run shown: log₁₀ of {:.3}, the sum over {}, is {mir:.3} ({}).",
        report.sum(),
        counted(report.layers.len(), "layer"),
        report.definition
    ))
}

fn definitions(ui: &mut egui::Ui, store: &Store) {
    prose(
        ui,
        "The paper's equation and its released script do not agree, so a {definition} stands \
         beside every number.",
    );
    for (definition, subtracted, more) in [
        (
            Definition::Exact,
            "2 Tr (S_v S_t)^{½}",
            "The paper's equation, and the default here. The last layer is taken before the {final \
             norm}.",
        ),
        (
            Definition::OfficialFast,
            "2 Tr (S_v S_t)",
            "What the script's fast mode computes: the iteration never leaves its initial value, so no \
             root is taken. In 32-bit arithmetic it drifts between this and subtracting nothing; \
             a report names both ends. The sum can be negative: then MIR is undefined.",
        ),
        (
            Definition::OfficialAccurate,
            "2 Tr (S_v S_t)^{½}",
            "The exact root on the script's own tokens and states: the last layer is taken after \
             the {final norm}.",
        ),
    ] {
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            ui.strong(definition.name());
            if store
                .report()
                .is_some_and(|report| report.definition == definition)
            {
                ui.weak("(the run shown)");
            }
        });
        formula(ui, &format!("subtracts {subtracted}"));
        prose(ui, more);
    }
    prose(
        ui,
        "Other work that quotes MIR may have used any of them. The difference is small where \
         vision tokens are much longer than words, and several percent where they are about as \
         long.",
    );
}

fn parts(ui: &mut egui::Ui, _store: &Store) {
    prose(
        ui,
        "The exact {distance} is a sum of three parts, none of them negative:",
    );
    formula(ui, "location = ‖μ_v − μ_t‖²");
    formula(ui, "spread = (√(Tr S_v) − √(Tr S_t))²");
    formula(ui, "shape = 2 (√(Tr S_v · Tr S_t) − Tr (S_v S_t)^{½})");
    prose(
        ui,
        "{Location} is where the {clouds} lie, {spread} how wide they are, {shape} how they are \
         stretched and turned. Two clouds of the same width in different directions differ in \
         shape alone.",
    );
}

fn length(ui: &mut egui::Ui, _store: &Store) {
    formula(ui, "norm ratio = mean ‖v‖ / mean ‖t‖");
    prose(
        ui,
        "In large LLaVA-like models vision tokens enter some 30 times longer than words. Then the \
         first layers and this one ratio r decide the sum, which grows like r². So mirscope shows \
         the {norm ratio} of every layer, and the",
    );
    formula(ui, "norm-matched MIR: V / mean ‖v‖ against T / mean ‖t‖");
    prose(
        ui,
        "Both {clouds} are scaled to a mean length of 1 first. If {MIR} falls but the \
         {norm-matched MIR} does not, it was mostly the tokens' length that changed.",
    );
}

fn tokens(ui: &mut egui::Ui, _store: &Store) {
    prose(
        ui,
        "Vision: the positions of the image in the prompt, and nothing else. Text depends on the \
         {text mask}:",
    );
    for mask in TextMask::ALL {
        ui.horizontal_wrapped(|ui| {
            ui.strong(mask.name());
            ui.label(mask.words());
        });
    }
    prose(
        ui,
        "What stands before the image is left out: above all the start marker, whose vector is many \
         times longer than any other. {Scaffold} inside the image block is left out, too.",
    );
    ui.add_space(4.0);
    ui.strong("Outlier rule");
    formula(ui, "replace x where | ‖x‖ − median ‖x‖ | > 3 σ(‖x‖)");
    prose(
        ui,
        "A token that stands out by its {norm} is replaced by the median of all tokens, dimension by \
         dimension. The number of tokens stays the same. The paper says removal; the script \
         replaces.",
    );
}

fn estimate(ui: &mut egui::Ui, store: &Store) {
    prose(
        ui,
        "Means and covariances come from n tokens in {d} dimensions. With few tokens for each \
         dimension the {distance} comes out too large, even between two samples of the same cloud. \
         Ten tokens for each dimension and more are a comfortable number; below that compare runs \
         of equal n only.",
    );
    if let Some(report) = store.report() {
        let (vision, text) = report.tokens();
        let d = report.model.hidden_size.max(1);
        let per = |n: usize| n as f64 / d as f64;
        ui.label(format!(
            "The run shown: n = {} and {}, d = {d}, n/d = {:.1} and {:.1}.",
            counted(vision, "vision token"),
            counted(text, "text token"),
            per(vision),
            per(text)
        ));
    }
    prose(
        ui,
        "Tokens of one image resemble each other, so many {pairs} tell more than many tokens. The \
         {seed} fixes which pairs are drawn. The What if tab takes fewer of them, to see how steady \
         the number is.",
    );
}

fn moca(ui: &mut egui::Ui, _store: &Store) {
    formula(ui, "h_v ← u · h_v + v");
    prose(
        ui,
        "The paper's remedy: at the end of every {layer}, vision tokens are scaled and moved, number \
         by number, with trained u and v. The What if tab asks what a single layer would gain from \
         the best such map between two Gaussians:",
    );
    formula(ui, "u_i = s_{t,i} / s_{v,i},   v = μ_t − u · μ_v");
    prose(
        ui,
        "s is the standard deviation of one of the vector's numbers. This is not a new run of the \
         model: what a calibrated layer would change in the layers after it is not computed.",
    );
}
