//! One patch on its way through the model, step by step: out of the picture, through tower and connector, into the
//! prompt, up the layers.

mod ladder;
mod steps;
mod strip;

use eframe::egui::{self, Key, Modifiers, Rect, RichText, Stroke, StrokeKind, pos2, vec2};

use super::{desk::Desk, image, lens, place::place_of};
use crate::{
    app::{
        figure,
        glossary::prose,
        letters, picture,
        player::{Played, Player},
        store::{Run, Store, View},
        theme::{self, GAP},
        views::{
            alignment::clouds::between,
            states::{Missing, missing},
        },
    },
    figures::{Clouds, Limits, clouds, clouds_caveat},
    report::{Axes, ProjectedToken, Projection, TokenPath},
};
use steps::Step;

/// From this width on, picture, way and clouds stand beside each other.
const WIDE: f32 = 900.0;
/// Room that a step's title takes beside the buttons.
const TITLE: f32 = 160.0;
/// Height of the picture where they stand below each other: it and the way are to be seen together.
const NARROW_PICTURE: f32 = 110.0;
/// Height of a step on the way there.
const NARROW_RUNG: f32 = 26.0;
/// Seconds that the token takes from one place to the next.
const GLIDE: f32 = 0.7;
/// Seconds that each step is shown while playing.
const PACE: f64 = 2.2;

/// Whether a patch is followed.
pub fn choice(ui: &mut egui::Ui, view: &mut View) {
    let following = view.follow.is_some();
    for (follow, name) in [(false, "Look at the pair"), (true, "Follow a patch")] {
        if ui.selectable_label(following == follow, name).clicked() && following != follow {
            view.follow = follow.then_some(0);
        }
    }
}

/// What is missing of a token's way; asks for it and for the clouds it passes.
pub fn gap(store: &mut Store, pair: usize, position: usize) -> Option<Missing> {
    let gap = Missing::of(&store.path(pair, position));
    if gap.is_none() {
        // Whatever is missing of the clouds is left out.
        let step = store.view.follow.unwrap_or(0);
        let run = store.run().and_then(|run| run.paths.get(&(pair, position)));
        let state = run.and_then(|path| steps::of(path).get(step)?.state());
        if let Some(state) = state {
            store.projection(state, Axes::Shared);
        }
    }
    gap
}

/// Draws the view.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store, gap: Option<Missing>) {
    let run = store.run();
    let position = desk.view.patch;
    let path = position.and_then(|at| run?.paths.get(&(desk.pair.pair, at)));
    let (Some(run), Some(position), Some(path)) = (run, position, path) else {
        without(ui, desk, store, gap);
        return;
    };
    let steps = steps::of(path);
    let last = steps.len().saturating_sub(1);
    let step = desk.view.follow.unwrap_or(0).min(last);
    let scene = Scene {
        run,
        path,
        steps: &steps,
        step,
        position,
        moment: moment(ui, desk, step),
    };
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        told(ui, desk, &scene);
    });
    theme::gap(ui);
    // Places of the token at each step.
    let mut places = vec![None; steps.len()];
    if ui.available_width() < WIDE {
        theme::card(ui, |ui| places[0] = patch_of(ui, desk, NARROW_PICTURE));
        theme::gap(ui);
        theme::card(ui, |ui| {
            ladder::show(ui, desk, &scene, NARROW_RUNG, &mut places)
        });
        theme::gap(ui);
        theme::card(ui, |ui| arrived(ui, desk, &scene));
    } else {
        let room = ui.available_width() - 2.0 * GAP;
        let tall = letters::height_beside(ui, 345.0, 240.0);
        let rung = (tall / (steps.len() - 1).max(1) as f32).clamp(18.0, 56.0);
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (column, share) in [0.27, 0.41, 0.32].into_iter().enumerate() {
                ui.vertical(|ui| {
                    ui.set_width(room * share);
                    theme::card(ui, |ui| match column {
                        0 => places[0] = patch_of(ui, desk, tall),
                        1 => ladder::show(ui, desk, &scene, rung, &mut places),
                        _ => arrived(ui, desk, &scene),
                    });
                });
            }
        });
    }
    flying(ui, desk, &scene, &places);
}

/// What the parts of the view share.
struct Scene<'a> {
    run: &'a Run,
    path: &'a TokenPath,
    steps: &'a [Step],
    step: usize,
    position: usize,
    /// The step, and shares of one while the token moves.
    moment: f32,
}

impl Scene<'_> {
    fn now(&self) -> Step {
        self.steps.get(self.step).copied().unwrap_or(Step::Picture)
    }
}

/// In place of a way that is not known.
fn without(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store, gap: Option<Missing>) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.strong("Follow a patch");
        let gap = gap.unwrap_or(Missing::NotLive);
        let wish = missing(ui, store, &gap, "the way of this patch through the model");
        desk.wish = wish.or(desk.wish);
        let paths = store.run().map(|run| run.paths.keys());
        let recorded = paths.into_iter().flatten().min().copied();
        if let Some((pair, position)) = recorded
            && ui.button("Follow the recorded patch").clicked()
        {
            (desk.view.pair, desk.view.patch) = (pair, Some(position));
        }
        theme::gap(ui);
        let room = vec2(ui.available_width(), 300.0);
        image::pointed_at(ui, desk, room);
    });
}

/// Where between the steps the token is.
fn moment(ui: &egui::Ui, desk: &Desk<'_>, step: usize) -> f32 {
    if ui.style().animation_time == 0.0 {
        return step as f32;
    }
    let id = egui::Id::unique(("followed", desk.number, desk.pair.pair));
    ui.ctx().animate_value_with_time(id, step as f32, GLIDE)
}

/// The step in words, and the controls.
fn told(ui: &mut egui::Ui, desk: &mut Desk<'_>, scene: &Scene<'_>) {
    let last = scene.steps.len().saturating_sub(1);
    let mut step = scene.step;
    let playing = egui::Id::unique("following plays since");
    let now = ui.input(|input| input.time);
    let mut since = ui.data(|data| data.get_temp::<f64>(playing));
    if let Some(began) = since {
        let left = began + PACE - now;
        if step >= last {
            since = None;
        } else if left <= 0.0 {
            step += 1;
            since = Some(now);
        }
        let left = std::time::Duration::from_secs_f64(left.clamp(0.05, PACE));
        ui.ctx().request_repaint_after(left);
    }
    ui.horizontal_wrapped(|ui| {
        let back = ui.add_enabled(scene.step > 0, egui::Button::new("◀ Back"));
        if back.accessible_name("Back: the step before").clicked() {
            (step, since) = (scene.step.saturating_sub(1), None);
        }
        let next = ui.add_enabled(scene.step < last, egui::Button::new("Next ▶"));
        if next.accessible_name("Next step").clicked() {
            (step, since) = (scene.step + 1, None);
        }
        let player = Player {
            labels: ["Play all steps", "Stop following"],
            slider: "Step",
            words: None,
            playing: since.is_some(),
            at: step,
            last,
        };
        match player.show(ui) {
            Some(Played::Toggled) => {
                since = match since {
                    Some(_) => None,
                    None => Some(now),
                };
                if since.is_some() && step == last {
                    step = 0;
                }
            }
            Some(Played::To(chosen)) => (step, since) = (chosen, None),
            None => {}
        }
        let place = place_of(desk.pair, scene.position).unwrap_or_default();
        if ui.available_size_before_wrap().x < letters::grown(ui, TITLE) {
            ui.end_row();
        }
        ui.label(RichText::new(scene.now().title()).strong());
        let words = format!("step {} of {}; patch in {place}", scene.step + 1, last + 1);
        ui.label(RichText::new(words).color(theme::colors(ui).faint));
    });
    if ui.memory(|memory| memory.focused().is_none()) {
        ui.input_mut(|input| {
            if input.consume_key(Modifiers::NONE, Key::ArrowLeft) {
                (step, since) = (step.saturating_sub(1), None);
            }
            if input.consume_key(Modifiers::NONE, Key::ArrowRight) {
                (step, since) = ((step + 1).min(last), None);
            }
        });
    }
    prose(ui, &scene.now().words(scene.path));
    ui.data_mut(|data| match since {
        Some(since) => {
            data.insert_temp(playing, since);
        }
        None => data.remove::<f64>(playing),
    });
    if desk.view.follow != Some(step) {
        desk.view.follow = Some(step);
        if let Some(state) = scene.steps.get(step).and_then(Step::state) {
            desk.view.inputs = state == 0;
            desk.view.layer = state.max(1);
        }
        ui.ctx().request_repaint();
    }
}

/// The picture; where the patch is in it.
fn patch_of(ui: &mut egui::Ui, desk: &mut Desk<'_>, tall: f32) -> Option<Rect> {
    ui.set_min_width(ui.available_width());
    ui.strong("The picture");
    let (overlay, words) = (desk.view.overlay, desk.view.words);
    (desk.view.overlay, desk.view.words) = (false, false);
    let room = vec2(ui.available_width(), tall);
    let frame = image::pointed_at(ui, desk, room);
    (desk.view.overlay, desk.view.words) = (overlay, words);
    if tall > NARROW_PICTURE {
        let line = "Click another patch to follow it.";
        ui.label(RichText::new(line).color(theme::colors(ui).faint));
    }
    let patch = desk.patch_of(desk.view.patch?)?;
    Some(picture::patch_rect(frame, desk.grid(), patch))
}

/// Where the token lies among all tokens, and its words.
fn arrived(ui: &mut egui::Ui, desk: &mut Desk<'_>, scene: &Scene<'_>) {
    ui.set_min_width(ui.available_width());
    let Some(state) = scene.now().state() else {
        ui.strong("Among all tokens");
        ui.label(
            "Nothing to compare it with yet: only inside the language model are patches and words vectors of \
             one kind.",
        );
        return;
    };
    ui.strong("Its likeliest next words");
    let said = desk
        .lens
        .as_ref()
        .ok()
        .and_then(|lens| lens.states.get(state));
    match said {
        Some(said) => lens::line(ui, said),
        None => {
            ui.label("Not known for this patch.");
        }
    }
    ui.strong("Among all tokens");
    let Some(projection) = projection(ui, scene, state) else {
        ui.label("The states of all tokens are not kept, so its place among them is not known.");
        return;
    };
    let known = || (scene.run.projections.values()).filter(|it| it.axes == Axes::Shared);
    let chart = Clouds {
        projection: &projection,
        limits: Limits::of(known()),
        hovered: Some((desk.pair.pair, scene.position)),
        pair: None,
    };
    let width = ui.available_width();
    let tall = letters::height_beside(ui, 420.0, 200.0);
    let look = figure::look(ui, [width, (0.85 * width).min(tall)]);
    figure::show(ui, &clouds(&chart, &look));
    prose(
        ui,
        "The large dot is this patch. All layers share these axes, their common {principal components}.",
    );
    if let Some(caveat) = clouds_caveat(known()) {
        theme::faint(ui, caveat);
    }
}

/// The clouds with the token among them, between two states while it moves.
fn projection(ui: &egui::Ui, scene: &Scene<'_>, state: usize) -> Option<Projection> {
    let known = |state: usize| scene.run.projections.get(&(state, Axes::Shared));
    let own = |state: usize| scene.path.at.get(state).copied();
    let token = |at| ProjectedToken {
        at,
        pair: scene.path.pair as u32,
        position: scene.position as u32,
    };
    let with = |mut projection: Projection, at| {
        // Where it is drawn is where it was asked for, not where the nearest listed one is.
        let other = |it: &ProjectedToken| {
            (it.pair as usize, it.position as usize) != (scene.path.pair, scene.position)
        };
        projection.vision.retain(other);
        projection.vision.push(token(at));
        projection
    };
    if ui.style().animation_time > 0.0 {
        let id = egui::Id::unique(("followed in the clouds", scene.run.number));
        let at = ui.ctx().animate_value_with_time(id, state as f32, GLIDE);
        let (from, share) = (at.floor() as usize, at.fract());
        if share > 0.0
            && let (Some(a), Some(b)) = (known(from), known(from + 1))
            && let (Some(one), Some(two)) = (own(from), own(from + 1))
            && let Some(mixed) = between(a, b, share)
        {
            let at = [0, 1].map(|axis| one[axis] + share * (two[axis] - one[axis]));
            return Some(with(mixed, at));
        }
    }
    Some(with(known(state)?.clone(), own(state)?))
}

/// The token on its way between the places of two steps: the patch at first, then its numbers.
fn flying(ui: &egui::Ui, desk: &Desk<'_>, scene: &Scene<'_>, places: &[Option<Rect>]) {
    let (from, share) = (scene.moment.floor() as usize, scene.moment.fract());
    let at = |step: usize| places.get(step).copied().flatten();
    let Some(here) = at(from) else { return };
    let there = at(from + 1).filter(|_| share > 0.0).unwrap_or(here);
    // Slow at both ends.
    let eased = share * share * (3.0 - 2.0 * share);
    let mix = |a: f32, b: f32| a + eased * (b - a);
    let rect = Rect::from_min_max(
        pos2(mix(here.left(), there.left()), mix(here.top(), there.top())),
        pos2(
            mix(here.right(), there.right()),
            mix(here.bottom(), there.bottom()),
        ),
    );
    let colors = theme::colors(ui);
    let painter = ui.painter();
    painter.rect_filled(rect, 3.0, colors.card);
    let to = if share > 0.0 { from + 1 } else { from };
    let strips = [from, to].map(|step| {
        let step = scene.steps.get(step).copied().unwrap_or(Step::Picture);
        step.strip(scene.path)
    });
    let picture = match from {
        0 => 1.0 - eased,
        _ => 0.0,
    };
    if picture > 0.0 {
        image_of(ui, desk, scene.position, rect, picture);
    }
    for (strip, opacity) in strips.into_iter().zip([1.0 - eased, eased]) {
        if let Some(strip) = strip {
            let ink = colors.vision.gamma_multiply(opacity);
            strip::paint(painter, rect.shrink(2.0), strip, ink);
        }
    }
    painter.rect_stroke(
        rect,
        3.0,
        Stroke::new(2.5, colors.accent),
        StrokeKind::Outside,
    );
}

/// The part of the picture for which the token stands.
fn image_of(ui: &egui::Ui, desk: &Desk<'_>, position: usize, rect: Rect, opacity: f32) {
    let texture = picture::texture(ui.ctx(), desk.number, desk.pair, desk.picture());
    let (Some(texture), Some(patch)) = (texture, desk.patch_of(position)) else {
        return;
    };
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    let part = picture::patch_rect(whole, desk.grid(), patch);
    let tint = egui::Color32::WHITE.gamma_multiply(opacity);
    ui.painter().image(texture.id(), rect, part, tint);
}
