//! The selected checkpoint, and how to look into it.

use eframe::egui;

use crate::{
    app::{
        store::{Store, Tab},
        theme,
        views::on_ruler,
    },
    report::{Definition, format_seconds},
    study::{Contrast, Metric, Protocol, StudyResults, Variant},
    words::counted,
};

/// Draws the card.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    ui.heading("One checkpoint");
    let Some(variant) = store.study_variant(results) else {
        ui.label("Choose a point, a column or a row to see it alone, and to open it.");
        return;
    };
    let faint = theme::colors(ui).faint;
    ui.horizontal_wrapped(|ui| {
        ui.strong(&variant.label);
        ui.colored_label(faint, format!("(folder {})", variant.folder));
    });
    if let Some(note) = &variant.note {
        ui.label(note);
    }
    ui.label(training(variant));
    ui.label(numbers(results, variant));
    on_the_ruler(ui, results, variant);
    open(ui, store, variant, results);
}

/// Its rate among those of the base, the control and the best.
fn on_the_ruler(ui: &mut egui::Ui, results: &StudyResults, variant: &Variant) {
    let contrast = Contrast::new(results, Definition::Exact);
    let (Some(contrast), Some(mir)) = (contrast, Metric::Mir.value(results, variant)) else {
        return;
    };
    on_ruler::show(ui, &contrast, &[("this checkpoint", mir)]);
    let tokens = results.measured.get(&variant.name).map(|it| it.n_vision);
    if tokens.is_some_and(|tokens| tokens < contrast.n_vision) {
        ui.label(
            "It was measured with fewer vision tokens than the others: its rate is biased upward.",
        );
    }
}

/// How it was trained.
fn training(variant: &Variant) -> String {
    let mut text = format!(
        "Seed {}, {}, {}, {}",
        variant.seed,
        counted(variant.samples as usize, "training pair"),
        counted(variant.parameters_trained as usize, "trained parameter"),
        counted(variant.image_tokens, "image token")
    );
    if let Some(seconds) = variant.seconds {
        text += &format!(", trained in {}", format_seconds(seconds));
    }
    text + "."
}

/// Its rates and its scores by kind of question.
fn numbers(results: &StudyResults, variant: &Variant) -> String {
    let value = |metric: &Metric| {
        let value = metric.value(results, variant)?;
        Some(format!("{} {}", metric.title(), metric.text(value)))
    };
    let kinds = results.study.kinds.iter().cloned().map(Metric::ChoiceKind);
    let all = [
        Metric::Mir,
        Metric::MirOfficial,
        Metric::NormMatchedMir,
        Metric::NormRatio,
        Metric::Choice,
    ];
    let known: Vec<String> = all
        .into_iter()
        .chain(kinds)
        .filter_map(|it| value(&it))
        .collect();
    known.join(", ") + "."
}

/// How a checkpoint is measured that lies beside the program alone.
fn by_command(ui: &mut egui::Ui, variant: &Variant, results: &StudyResults) {
    let command = format!(
        "mirscope measure --model assets/papers/{} --pairs assets/papers/{}",
        variant.folder, results.study.pairs
    );
    ui.vertical(|ui| {
        ui.label("Its weights are part of the repository. This measures it, in mirscope's folder:");
        ui.add(egui::Label::new(egui::RichText::new(&command).monospace()).wrap());
        if ui.button("Copy the command").clicked() {
            ui.ctx().copy_text(command);
        }
    });
}

fn open(ui: &mut egui::Ui, store: &mut Store, variant: &Variant, results: &StudyResults) {
    let name = format!("Study, {}", variant.name);
    let known = store.runs.iter().rposition(|run| run.name == name);
    ui.horizontal_wrapped(|ui| {
        if variant.left_out {
            ui.colored_label(
                theme::colors(ui).faint,
                "Its weights do not come with mirscope; its numbers do.",
            );
        } else if store.view.protocol == Protocol::TwoStages {
            by_command(ui, variant, results);
        } else {
            let button = egui::Button::new("Open this checkpoint");
            let button = ui.add_enabled(!store.is_busy(), button);
            let button = button
                .on_hover_text(
                    "Loads it and measures it here, as the table's numbers were measured.",
                )
                .on_disabled_hover_text("A measurement is under way.");
            if button.clicked() {
                store.run_variant(results, variant, None);
            }
        }
        if let Some(known) = known
            && ui.button("Show its run").clicked()
        {
            store.show(known);
            store.view.tab = Tab::Alignment;
        }
    });
}
