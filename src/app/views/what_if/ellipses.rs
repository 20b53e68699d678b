//! Two clouds in a plane, of which the reader holds one: what the three parts of the distance answer to.

mod numbers;
mod plane;
mod sliders;

use eframe::egui;

use crate::{
    app::{
        glossary::prose,
        letters,
        store::{Store, View},
        theme,
    },
    report::{Definition, Ellipse, LayerReport, Report},
    words::grouped,
};
use numbers::Line;

/// The cloud that stands still.
const TEXT: Ellipse = Ellipse {
    x: 0.9,
    y: 0.45,
    length: 0.42,
    width: 0.24,
    turn: 20.0,
};

/// How many times longer the vision tokens become: about what they are in LLaVA's first layers.
const LONGER: f64 = 30.0;

/// Width from which the numbers stand beside the plane.
const WIDE: f32 = 860.0;

/// Draws the cards.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    let room = ui.available_width();
    if room < WIDE {
        theme::card(ui, |ui| held(ui, &mut store.view));
        theme::gap(ui);
        theme::card(ui, |ui| answers(ui, &mut store.view));
        theme::gap(ui);
        theme::card(ui, |ui| demo(ui, store, report));
        return;
    }
    let left = (room * 0.5).min(letters::chart(ui, 720.0));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = theme::GAP;
        ui.vertical(|ui| {
            ui.set_width(left);
            theme::card(ui, |ui| held(ui, &mut store.view));
        });
        ui.vertical(|ui| {
            ui.set_width(room - left - theme::GAP);
            theme::card(ui, |ui| answers(ui, &mut store.view));
            theme::gap(ui);
            theme::card(ui, |ui| demo(ui, store, report));
        });
    });
}

/// The plane, and how to do without a pointer.
fn held(ui: &mut egui::Ui, view: &mut View) {
    ui.set_width(ui.available_width());
    ui.heading("Hold the vision cloud");
    prose(
        ui,
        "Drag the blue {ellipse} onto the orange one. A round handle changes its length, a square one \
         its width, the open ring turns it.",
    );
    plane::show(ui, &mut view.ellipse);
    ui.label(
        egui::RichText::new(
            "Keyboard, once the plane has the focus: arrow keys move, + and − resize, [ and ] turn.",
        )
        .color(theme::colors(ui).faint),
    );
    sliders::show(ui, &mut view.ellipse);
}

/// What the distance of the two ellipses is made of.
fn answers(ui: &mut egui::Ui, view: &mut View) {
    ui.set_width(ui.available_width());
    ui.horizontal_wrapped(|ui| {
        ui.strong("Their distance");
        match_buttons(ui, &mut view.ellipse);
    });
    let words = "Vision tokens 30 times longer";
    ui.checkbox(&mut view.longer, words);
    let held = view.ellipse;
    let long = held.scaled(LONGER);
    let mut lines = vec![Line::new("as you hold it", held.parts(&TEXT))];
    if view.longer {
        let text = TEXT.matched();
        lines.push(Line::new("30 times longer", long.parts(&TEXT)));
        lines.push(Line::new(
            "30 times longer, both clouds then scaled to norm 1",
            long.matched().parts(&text),
        ));
    }
    numbers::table(ui, "held", &lines);
    let largest = lines.last().map_or([0.0; 3], |line| line.parts);
    let words = match view.longer {
        true => {
            "Longer tokens: {location} and {spread} tell hardly more than the length, and {shape} is 30 times \
             what it was. Once both clouds have {norm} 1, the factor is gone: place, width and direction \
             remain."
        }
        false => sentence(largest),
    };
    prose(ui, words);
}

/// Buttons that bring one part to 0.
fn match_buttons(ui: &mut egui::Ui, held: &mut Ellipse) {
    let buttons: [(&str, &str); 4] = [
        ("Same place", "Puts the means together: location becomes 0"),
        ("Same size", "Makes both equally wide: spread becomes 0"),
        (
            "Same shape",
            "Stretches and turns one like the other: shape becomes 0",
        ),
        ("Start again", "Puts the vision cloud where it was at first"),
    ];
    for (index, (name, about)) in buttons.into_iter().enumerate() {
        if !ui.button(name).on_hover_text(about).clicked() {
            continue;
        }
        match index {
            0 => (held.x, held.y) = (TEXT.x, TEXT.y),
            1 => {
                let factor = (TEXT.trace() / held.trace()).sqrt();
                held.length *= factor;
                held.width *= factor;
            }
            2 => {
                let factor = (held.trace() / TEXT.trace()).sqrt();
                held.length = factor * TEXT.length;
                held.width = factor * TEXT.width;
                held.turn = TEXT.turn;
            }
            _ => *held = View::HELD,
        }
    }
}

/// The same of a layer of the run that is shown.
fn demo(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    ui.set_width(ui.available_width());
    let name = store.run().map(|run| run.name.clone()).unwrap_or_default();
    ui.horizontal_wrapped(|ui| {
        ui.strong(name);
        if ui.available_width() < 260.0 {
            ui.end_row();
        }
        let label = ui.label("layer");
        let slider = egui::Slider::new(&mut store.view.layer, 1..=report.layers.len().max(1));
        ui.add(slider).labelled_by(label.id);
    });
    let Some(layer) = report.layers.get(store.view.layer.wrapping_sub(1)) else {
        ui.label("This run has no layers.");
        return;
    };
    if report.definition == Definition::OfficialFast {
        ui.label(
            "Measured by official-fast, whose distance has no such parts: measure by the exact definition \
             to see them.",
        );
        return;
    }
    let parts = [layer.location, layer.spread, layer.shape];
    let mut lines = vec![Line::new("as measured", parts)];
    if store.view.longer {
        lines.extend(longer(layer));
    }
    numbers::table(ui, "demo", &lines);
    prose(ui, sentence(parts));
    ui.label(
        egui::RichText::new(format!(
            "The same three parts of {} vision and {} text tokens in {} dimensions. MIR is the logarithm of \
             such a sum over all layers.",
            grouped(layer.n_vision as u64),
            grouped(layer.n_text as u64),
            report.model.hidden_size
        ))
        .color(theme::colors(ui).faint),
    );
}

/// The layer with longer vision tokens, without and with both clouds scaled to mean norm 1.
fn longer(layer: &LayerReport) -> Vec<Line<'static>> {
    let Some(moments) = layer.moments else {
        return Vec::new();
    };
    let (vision, text) = (layer.mean_norm_vision, layer.mean_norm_text);
    if vision <= 0.0 || text <= 0.0 {
        return Vec::new();
    }
    let [text, long] = [text.recip(), LONGER * vision];
    vec![
        Line::new("30 times longer", moments.parts(LONGER * text, text)),
        Line::new(
            "30 times longer, both clouds then scaled to norm 1",
            moments.parts(LONGER / long, text),
        ),
    ]
}

/// What the largest part says.
fn sentence(parts: [f64; 3]) -> &'static str {
    let largest = (0..3).max_by(|&a, &b| parts[a].total_cmp(&parts[b]));
    match largest {
        _ if parts.iter().sum::<f64>() < 1e-9 => {
            "The two clouds agree in place, width and direction: the {distance} is 0."
        }
        Some(0) => "{Location} is the largest part: above all, the two {means} lie apart.",
        Some(1) => "{Spread} is the largest part: above all, one cloud is wider than the other.",
        _ => {
            "{Shape} is the largest part: above all, the two clouds stretch in different directions."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse;

    #[test]
    fn matching_the_norms_takes_the_factor_out() {
        let report = include_str!("../../../../assets/demo/report.json");
        let report = parse(report, "report.json").unwrap();
        for layer in &report.layers {
            let [long, matched] = longer(layer).try_into().unwrap_or_else(|_| panic!());
            let sum: f64 = matched.parts.iter().sum();
            let expected = layer.frechet_norm_matched;
            assert!((sum / expected - 1.0).abs() < 1e-9, "{sum} for {expected}");
            let moments = layer.moments.unwrap();
            let sum: f64 = long.parts.iter().sum();
            let expected = moments.frechet_scaled(LONGER, layer.mean_norm_text);
            assert!((sum / expected - 1.0).abs() < 1e-9, "{sum} for {expected}");
        }
    }

    #[test]
    fn the_largest_part_is_told() {
        assert!(sentence([0.5, 0.2, 0.1]).contains("Location"));
        assert!(sentence([0.1, 0.2, 0.1]).contains("Spread"));
        assert!(sentence([0.1, 0.2, 0.3]).contains("Shape"));
        assert!(sentence([0.0; 3]).contains("agree"));
    }
}
