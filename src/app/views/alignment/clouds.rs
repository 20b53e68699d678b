//! The two clouds: the selected state's tokens in the plane, and playing through the states.

use eframe::egui::{self, RichText};

use super::patches;
use crate::{
    app::{
        figure,
        glossary::{self, Term},
        landmark::{Landmark, mark},
        letters,
        player::{Played, Player},
        store::{Answer, Run, Store},
        theme::{self, card, colors},
    },
    figures::{Clouds, Limits, Target, clouds, clouds_caveat},
    report::{Axes, CloudShape, ProjectedToken, Projection},
};

/// Seconds that the tokens take from one state's place to the next one's.
const GLIDE: f32 = 0.35;

/// Draws the card.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("The two clouds").strong());
            axes_choice(ui, store);
        });
        if ui.available_width() > 520.0 && patches::any(store) {
            let gap = ui.spacing().item_spacing.x;
            let width = ui.available_width() - patches::WIDTH - 2.0 * gap;
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    plane(ui, store);
                });
                patches::show(ui, store);
            });
        } else {
            plane(ui, store);
            if patches::any(store) {
                patches::show(ui, store);
            }
        }
        player(ui, store);
        mark(ui, Landmark::Clouds, ui.min_rect());
    });
}

fn axes_choice(ui: &mut egui::Ui, store: &mut Store) {
    let mut shared = store.view.axes == Axes::Shared;
    ui.checkbox(&mut shared, "same axes for all layers")
        .on_hover_text(
            "Off: the two directions in which this layer's tokens vary most. On: those of all layers \
             together, so that layers can be compared.",
        );
    let axes = RichText::new("PC 1, PC 2").small().color(colors(ui).faint);
    glossary::term_as(ui, Term::PrincipalComponent, axes);
    store.view.axes = if shared { Axes::Shared } else { Axes::Own };
}

/// The figure, or why there is none.
fn plane(ui: &mut egui::Ui, store: &mut Store) {
    let width = ui.available_width();
    // What stands above and below it takes about 340 points.
    let tallest = letters::height_beside(ui, 340.0, 260.0);
    let size = egui::vec2(width, (width * 0.8).min(tallest));
    let (state, axes) = (store.view.state(), store.view.axes);
    match store.projection(state, axes) {
        Answer::Known(_) => {}
        Answer::Waiting => {
            return theme::placeholder(ui, size, |ui| {
                ui.spinner();
                ui.label("Projecting the tokens");
            });
        }
        Answer::Refused(reason) => {
            return theme::placeholder(ui, size, |ui| {
                ui.label(reason);
            });
        }
        Answer::NotLive => {
            return theme::placeholder(ui, size, |ui| {
                ui.label("The tokens of this run are not on this device.");
                if ui.add(theme::primary(ui, "Run on this device")).clicked() {
                    store.run_shown();
                }
            });
        }
    }
    let Some(run) = store.run() else {
        return;
    };
    let Some(shown) = run.projections.get(&(state, axes)) else {
        return;
    };
    let gliding = glide(ui, run, shown);
    let projection = gliding.as_ref().unwrap_or(shown);
    let known = || (run.projections.values()).filter(|projection| projection.axes == axes);
    // Axes that are shared stand still.
    let limits = match axes {
        Axes::Own => None,
        Axes::Shared => Limits::of(known()),
    };
    let chart = Clouds {
        projection,
        limits,
        hovered: store.hover.token,
        pair: None,
    };
    let response = figure::show(ui, &clouds(&chart, &figure::look(ui, size.into())));
    if let Some(caveat) = clouds_caveat(known()) {
        theme::faint(ui, caveat);
    }
    if let Some(Target::Token { pair, position }) = response.hovered {
        store.hover.point_at(pair, position);
    }
    if let Some(Target::Token { pair, position }) = response.clicked {
        store.select_token(pair, position);
    }
}

/// The tokens between two states while they move; `None` where they rest.
fn glide(ui: &egui::Ui, run: &Run, shown: &Projection) -> Option<Projection> {
    if shown.axes != Axes::Shared || ui.style().animation_time == 0.0 {
        return None;
    }
    let at = ui.ctx().animate_value_with_time(
        ui.scope_id().with(("glide", run.number)),
        shown.state as f32,
        GLIDE,
    );
    let (from, share) = (at.floor() as usize, at.fract());
    if share == 0.0 && from == shown.state {
        return None;
    }
    let known = |state: usize| run.projections.get(&(state, shown.axes));
    between(known(from)?, known(from + 1)?, share)
}

/// A projection between two others of the same tokens.
pub fn between(from: &Projection, to: &Projection, share: f32) -> Option<Projection> {
    let tokens = |from: &[ProjectedToken], to: &[ProjectedToken]| -> Option<Vec<_>> {
        if from.len() != to.len() {
            return None;
        }
        let mix = |(from, to): (&ProjectedToken, &ProjectedToken)| ProjectedToken {
            at: [0, 1].map(|axis| from.at[axis] + share * (to.at[axis] - from.at[axis])),
            ..*to
        };
        Some(from.iter().zip(to).map(mix).collect())
    };
    let shape = |from: &CloudShape, to: &CloudShape| {
        let mix = |from: f64, to: f64| from + f64::from(share) * (to - from);
        CloudShape {
            tokens: to.tokens,
            mean: [0, 1].map(|axis| mix(from.mean[axis], to.mean[axis])),
            covariance: [0, 1, 2].map(|i| mix(from.covariance[i], to.covariance[i])),
        }
    };
    Some(Projection {
        vision: tokens(&from.vision, &to.vision)?,
        text: tokens(&from.text, &to.text)?,
        vision_shape: shape(&from.vision_shape, &to.vision_shape),
        text_shape: shape(&from.text_shape, &to.text_shape),
        ..to.clone()
    })
}

/// Play, and the slider over the states.
pub fn player(ui: &mut egui::Ui, store: &mut Store) {
    let now = ui.input(|input| input.time);
    if let Some(wait) = store.play(now) {
        ui.ctx()
            .request_repaint_after(std::time::Duration::from_secs_f64(wait));
    }
    let layers = store.report().map_or(0, |report| report.layers.len());
    ui.horizontal_wrapped(|ui| {
        let state = store.view.state();
        let words = if state == 0 {
            "as the tokens enter".to_owned()
        } else {
            format!("after layer {state} of {layers}")
        };
        let player = Player {
            labels: ["Play through the layers", "Stop playing through the layers"],
            slider: "Layer",
            words: Some(150.0),
            playing: store.playing.is_some(),
            at: state,
            last: layers,
        };
        match player.show(ui) {
            Some(Played::Toggled) => store.toggle_play(now),
            Some(Played::To(state)) => {
                store.playing = None;
                store.select_state(state);
            }
            None => {}
        }
        ui.label(RichText::new(words).color(colors(ui).faint));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_projections() {
        let cloud = |x: f32| Projection {
            state: 1,
            axes: Axes::Shared,
            explained: [0.5, 0.2],
            vision: vec![ProjectedToken {
                at: [x, 2.0 * x],
                pair: 3,
                position: 4,
            }],
            text: Vec::new(),
            vision_shape: CloudShape {
                tokens: 1,
                mean: [f64::from(x), 0.0],
                covariance: [f64::from(x), 0.0, 1.0],
            },
            text_shape: CloudShape::default(),
        };
        let middle = between(&cloud(1.0), &cloud(3.0), 0.25).unwrap();
        assert_eq!(middle.vision[0].at, [1.5, 3.0]);
        assert_eq!(middle.vision_shape.mean, [1.5, 0.0]);
        assert_eq!(middle.vision_shape.covariance, [1.5, 0.0, 1.0]);
        let mut other = cloud(3.0);
        other.vision.clear();
        assert_eq!(between(&cloud(1.0), &other, 0.5), None);
    }
}
