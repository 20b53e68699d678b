//! Which pair is looked at.

use eframe::egui::{self, DragValue, Key, Modifiers, Sense, Stroke, StrokeKind, WidgetInfo};

use crate::app::{picture, store::Store, theme};

/// Most thumbnails beside the number.
const MOST_THUMBNAILS: usize = 12;

/// The pairs that can be looked at: of a live run all, else those that are known.
#[derive(Debug, PartialEq, Eq)]
pub enum Pairs {
    /// This many, from the first.
    All(usize),
    /// These, in order.
    Some(Vec<usize>),
}

impl Pairs {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::All(number) => *number == 0,
            Self::Some(pairs) => pairs.is_empty(),
        }
    }

    fn contains(&self, pair: usize) -> bool {
        match self {
            Self::All(number) => pair < *number,
            Self::Some(pairs) => pairs.contains(&pair),
        }
    }

    fn first(&self) -> usize {
        match self {
            Self::All(_) => 0,
            Self::Some(pairs) => pairs.first().copied().unwrap_or(0),
        }
    }

    fn before(&self, pair: usize) -> Option<usize> {
        match self {
            Self::All(_) => pair.checked_sub(1),
            Self::Some(pairs) => pairs.iter().rev().copied().find(|&other| other < pair),
        }
    }

    fn after(&self, pair: usize) -> Option<usize> {
        match self {
            Self::All(number) => Some(pair + 1).filter(|next| next < number),
            Self::Some(pairs) => pairs.iter().copied().find(|&other| other > pair),
        }
    }
}

/// The pairs of the run that is shown.
pub fn pairs(store: &Store) -> Pairs {
    let Some(run) = store.run() else {
        return Pairs::Some(Vec::new());
    };
    if let Some(kept) = run.kept.as_ref().filter(|_| store.is_live()) {
        return Pairs::All(kept.pairs);
    }
    let mut known: Vec<usize> = run.pairs.keys().copied().collect();
    known.sort_unstable();
    Pairs::Some(known)
}

/// Draws the chooser and takes the arrow keys while nothing else has them.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let pairs = pairs(store);
    if !pairs.contains(store.view.pair) {
        store.view.pair = pairs.first();
    }
    let pair = store.view.pair;
    let (before, after) = (pairs.before(pair), pairs.after(pair));
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        let back = ui.add_enabled(before.is_some(), egui::Button::new("◀"));
        if back.accessible_name("Previous pair").clicked() {
            chosen = before;
        }
        let on = ui.add_enabled(after.is_some(), egui::Button::new("▶"));
        if on.accessible_name("Next pair").clicked() {
            chosen = after;
        }
        match &pairs {
            Pairs::All(number) => {
                ui.label("Pair");
                let mut shown = pair + 1;
                let field = DragValue::new(&mut shown).range(1..=*number).speed(0.1);
                if ui.add(field).accessible_name("Pair number").changed() {
                    chosen = Some(shown.saturating_sub(1));
                }
                ui.label(format!("of {number}"));
            }
            Pairs::Some(known) => {
                let all = store.report().map_or(0, |report| report.data.num_pairs);
                ui.label(format!(
                    "Pair {} of {all}; {} recorded",
                    pair + 1,
                    known.len()
                ));
            }
        }
        ui.add_space(8.0);
        if let Some(clicked) = thumbnails(ui, store) {
            chosen = Some(clicked);
        }
    });
    // While a patch is followed the keys go through its steps.
    if store.view.follow.is_none() && ui.memory(|memory| memory.focused().is_none()) {
        ui.input_mut(|input| {
            if input.consume_key(Modifiers::NONE, Key::ArrowLeft) {
                chosen = before;
            }
            if input.consume_key(Modifiers::NONE, Key::ArrowRight) {
                chosen = after;
            }
        });
    }
    if let Some(chosen) = chosen.filter(|&chosen| pairs.contains(chosen)) {
        store.view.pair = chosen;
    }
}

/// Small images of the pairs that are known, those nearest to the selected one.
fn thumbnails(ui: &mut egui::Ui, store: &Store) -> Option<usize> {
    let run = store.run()?;
    let selected = store.view.pair;
    let mut known: Vec<usize> = run.pairs.keys().copied().collect();
    known.sort_by_key(|pair| (pair.abs_diff(selected), *pair));
    known.truncate(MOST_THUMBNAILS);
    known.sort_unstable();
    if known.len() < 2 {
        return None;
    }
    let side = ui.spacing().interact_size.y + 8.0;
    let colors = theme::colors(ui);
    let mut clicked = None;
    for index in known {
        let Some(pair) = run.pairs.get(&index) else {
            continue;
        };
        let Some(texture) = picture::texture(ui.ctx(), run.number, pair, 0) else {
            continue;
        };
        let size = picture::fitted_of(pair, 0, egui::vec2(side * 1.5, side));
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = format!("Pair {}", index + 1);
        response.widget_info(|| {
            WidgetInfo::selected(egui::Role::Button, true, index == selected, &name)
        });
        picture::paint(ui.painter(), &texture, rect);
        let stroke = if index == selected {
            Stroke::new(2.5, colors.accent)
        } else if response.hovered() || response.has_focus() {
            Stroke::new(2.0, colors.faint)
        } else {
            Stroke::new(1.0, colors.line)
        };
        ui.painter()
            .rect_stroke(rect, 2.0, stroke, StrokeKind::Outside);
        theme::focus_ring(ui, &response);
        if response.on_hover_text(&pair.name).clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn neighbors_of_a_pair() {
        let all = Pairs::All(3);
        assert_eq!((all.before(0), all.after(0)), (None, Some(1)));
        assert_eq!((all.before(2), all.after(2)), (Some(1), None));
        let some = Pairs::Some(vec![2, 7, 9]);
        assert_eq!((some.before(7), some.after(7)), (Some(2), Some(9)));
        assert_eq!((some.before(2), some.after(9)), (None, None));
        assert_eq!(some.first(), 2);
        assert!(!some.contains(3) && Pairs::Some(Vec::new()).is_empty());
    }
}
