//! One training step by step: its clouds in one plane, an answer, its rate against its score.

use std::time::Duration;

use eframe::egui::{self, Id, Rect, RichText, Role, Sense, WidgetInfo, vec2};

use super::CLOUDS;
use crate::{
    app::{
        figure,
        glossary::prose,
        landmark::{Landmark, mark},
        letters, picture,
        player::{Played, Player},
        store::Store,
        theme::{self, colors},
        views::alignment::clouds::between,
    },
    figures::{Clouds, Figure, Limits, Steps, Target, clouds, step_lines, step_path},
    report::{Projection, format_count},
};

/// From this width on there are two columns.
const WIDE: f32 = 760.0;
/// Below this width the picture stands above the words about it.
const NARROW: f32 = 260.0;
/// Seconds from one step to the next one.
const GLIDE: f32 = 0.7;

/// Draws the part.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store) {
    if store.riddles.steps().is_empty() {
        ui.label("There is no training in this copy of mirscope.");
        return;
    }
    play(ui, store);
    let at = place(ui, store);
    let corner = ui.cursor().min;
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        prose(
            ui,
            "A {connector} learns from pictures and captions that fit, more and more of them. Drag to see its \
             {clouds}, its answer, and its {MIR} move. These are stops of one long training: one that ends after as \
             many pairs is another training, with another {MIR}.",
        );
        scrubber(ui, store);
    });
    if ui.available_width() >= WIDE {
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            plane(left, store, at);
            answer(left, store);
            lines(right, store, at);
            path(right, store, at);
        });
    } else {
        plane(ui, store, at);
        answer(ui, store);
        lines(ui, store, at);
        path(ui, store, at);
    }
    let shown = Rect::from_min_max(corner, ui.min_rect().max);
    mark(ui, Landmark::Steps, shown);
    if let Some(words) = store.along_training() {
        theme::left_aligned_card(ui, |ui| {
            ui.add(egui::Label::new(words).wrap());
        });
    }
}

/// Plays by itself once, unless motion is reduced or something was touched.
fn play(ui: &egui::Ui, store: &mut Store) {
    let touched = ui.input(|input| {
        input.pointer.any_pressed()
            || input.events.iter().any(|event| {
                matches!(
                    event,
                    egui::Event::Key { pressed: true, .. } | egui::Event::MouseWheel { .. }
                )
            })
    });
    let held = ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
    store.touch_training(touched, held);
    let now = ui.input(|input| input.time);
    let by_itself = ui.style().animation_time > 0.0 && !store.tour.is_on();
    if let Some(wait) = store.play_training(now, by_itself) {
        ui.ctx()
            .request_repaint_after(Duration::from_secs_f64(wait));
    }
}

/// Where between the steps everything is drawn: on its way to the selected one.
fn place(ui: &egui::Ui, store: &Store) -> f64 {
    let step = store.training_step() as f32;
    let time = if ui.style().animation_time > 0.0 {
        GLIDE
    } else {
        0.0
    };
    let at = (ui.ctx()).animate_value_with_time(Id::unique("place in the training"), step, time);
    f64::from(at)
}

/// Play, and the slider over the steps.
fn scrubber(ui: &mut egui::Ui, store: &mut Store) {
    let now = ui.input(|input| input.time);
    let last = store.riddles.steps().len() - 1;
    let step = store.training_step();
    let seen = format_count(store.riddles.steps()[step].samples);
    ui.horizontal_wrapped(|ui| {
        let player = Player {
            labels: [
                "Play through the training",
                "Stop playing through the training",
            ],
            slider: "Step of the training",
            words: Some(160.0),
            playing: store.training.playing.is_some(),
            at: step,
            last,
        };
        match player.show(ui) {
            Some(Played::Toggled) => store.toggle_training(now),
            Some(Played::To(step)) => store.select_step(step),
            None => {}
        }
        ui.label(format!("after {seen} pairs"));
    });
}

/// The clouds of the place, in the plane that all steps share.
fn plane(ui: &mut egui::Ui, store: &Store, at: f64) {
    theme::left_aligned_card(ui, |ui| {
        ui.label(RichText::new("The two clouds, in one plane for all steps").strong());
        let all = &store.training.clouds;
        let from = at.floor().max(0.0) as usize;
        let moving = |to: &Projection| between(all.get(from)?, to, at.fract() as f32);
        let moved = all.get(from + 1).and_then(moving);
        let Some(projection) = moved.as_ref().or(all.get(from)) else {
            ui.label("Nothing was recorded of this step.");
            return;
        };
        let chart = Clouds {
            projection,
            limits: Limits::of(all),
            hovered: None,
            pair: None,
        };
        let width = ui.available_width();
        let tallest = letters::height_beside(ui, 485.0, 260.0);
        let look = figure::look(ui, [width, (0.8 * width).min(tallest)]);
        figure::show(ui, &clouds(&chart, &look));
        let axes =
            "The axes are the principal ones of the last step; the words' mean stays where it is.";
        super::about_clouds(ui, &format!("{CLOUDS} {axes}"), all);
    });
}

/// A picture, a question, and what the model answers at this step.
fn answer(ui: &mut egui::Ui, store: &mut Store) {
    let mut another = false;
    answered(ui, store, &mut another);
    if another {
        store.next_riddle();
    }
}

fn answered(ui: &mut egui::Ui, store: &Store, another: &mut bool) {
    let Some((number, riddle)) = store.riddle() else {
        return;
    };
    let Some(step) = store.riddles.steps().get(store.training_step()) else {
        return;
    };
    let text = step.answers.get(number).map_or("", String::as_str);
    theme::left_aligned_card(ui, |ui| {
        // The picture above the words where there is no room beside it.
        let layout = match ui.available_width() < NARROW {
            true => egui::Layout::top_down(egui::Align::Min),
            false => egui::Layout::left_to_right(egui::Align::Min),
        };
        let size = vec2(ui.available_width(), 0.0);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            if let Some(shown) = store.riddles.picture(number) {
                let texture = picture::of_riddle(ui.ctx(), number, shown);
                let size = picture::fitted(shown, vec2(96.0, 96.0));
                let (frame, response) = ui.allocate_exact_size(size, Sense::hover());
                let label = format!("The picture. {}", riddle.caption);
                response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
                picture::paint(ui.painter(), &texture, frame);
            }
            ui.vertical(|ui| {
                ui.label(RichText::new(&riddle.question).strong());
                ui.label(format!("It answers: \u{201c}{text}\u{201d}"));
                let colors = colors(ui);
                let (color, word) = match riddle.is_right(text) {
                    true => (colors.accent, "Right"),
                    false => (colors.alarm, "Wrong"),
                };
                ui.colored_label(color, RichText::new(word).strong());
                ui.label(format!(
                    "{:.0} % right answers to all held-out questions",
                    100.0 * step.answered.value
                ));
                *another = ui.button("Another picture").clicked();
            });
        });
    });
}

/// MIR and the length of the vision tokens.
fn lines(ui: &mut egui::Ui, store: &mut Store, at: f64) {
    theme::left_aligned_card(ui, |ui| {
        ui.label(RichText::new("MIR goes along with the length of the vision tokens").strong());
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 250.0)]);
        let steps = store.riddles.steps();
        let figure = step_lines(&Steps { steps, at }, &look);
        choose(ui, store, &figure);
        theme::faint(
            ui,
            "Large discs on the dashed line: the step that is shown. Click another one to go there.",
        );
    });
}

/// MIR against right answers.
fn path(ui: &mut egui::Ui, store: &mut Store, at: f64) {
    theme::left_aligned_card(ui, |ui| {
        ui.label(RichText::new("More right answers, whichever way MIR goes").strong());
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 240.0)]);
        let steps = store.riddles.steps();
        let figure = step_path(&Steps { steps, at }, &look);
        choose(ui, store, &figure);
        theme::faint(
            ui,
            "Discs: the steps, joined in their order. Large: the one that is shown.",
        );
    });
}

/// Shows a figure of the steps; the one that is clicked is selected.
fn choose(ui: &mut egui::Ui, store: &mut Store, figure: &Figure) {
    if let Some(Target::Run(step)) = figure::show(ui, figure).clicked {
        store.select_step(step);
    }
}
