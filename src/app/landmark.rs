//! Places in the app that the tour points at. The views say in each frame where they are.

use std::collections::HashMap;

use eframe::egui::{self, Align, Rect};

/// A place in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Landmark {
    /// The riddle.
    Riddle,
    /// What is at stake.
    Stake,
    /// One training step by step.
    Steps,
    /// What the papers claim.
    Claims,
    /// The button that measures on this device.
    Run,
    /// The row of tabs.
    Tabs,
    /// The model's stages.
    Pipeline,
    /// The number.
    Mir,
    /// The distances layer by layer.
    Curve,
    /// The norms of the modalities, layer by layer.
    Norms,
    /// The two clouds.
    Clouds,
    /// The image with its patches.
    Image,
    /// The prompt's tokens.
    Tokens,
    /// The words of a patch.
    Lens,
    /// The conversation with the model.
    Ask,
    /// Where a word looks.
    Attention,
    /// Runs side by side.
    Compare,
    /// The study of checkpoints.
    Study,
    /// What was tried about the amount of pre-training.
    Amount,
    /// Connectors between published models.
    RealParts,
}

/// Where a landmark is.
#[derive(Clone, Copy)]
struct Known {
    /// All of it.
    whole: Rect,
    /// What of it is in sight.
    seen: Rect,
    /// The pass in which it was there.
    pass: u64,
}

#[derive(Clone, Default)]
struct Places {
    known: HashMap<Landmark, Known>,
    /// The landmark that has to come into sight.
    wanted: Option<Landmark>,
}

fn id() -> egui::Id {
    egui::Id::unique("landmarks of the tour")
}

/// Says where a landmark is in this frame. One that the tour just came to is scrolled into sight.
pub fn mark(ui: &egui::Ui, landmark: Landmark, rect: Rect) {
    let place = Known {
        whole: rect,
        seen: rect.intersect(ui.clip_rect()),
        pass: ui.ctx().cumulative_pass_nr(),
    };
    let wanted = ui.data_mut(|data| {
        let places = data.get_temp_mut_or_default::<Places>(id());
        places.known.insert(landmark, place);
        let wanted = places.wanted == Some(landmark);
        if wanted {
            places.wanted = None;
        }
        wanted
    });
    if wanted {
        ui.scroll_to_rect(rect, Some(Align::TOP));
    }
}

/// Asks for a landmark to be scrolled into sight.
pub fn look_for(context: &egui::Context, landmark: Landmark) {
    context.data_mut(|data| {
        data.get_temp_mut_or_default::<Places>(id()).wanted = Some(landmark);
    });
}

/// All of a landmark and what of it is in sight, if it was drawn in this frame or the last one.
pub fn place(context: &egui::Context, landmark: Landmark) -> Option<[Rect; 2]> {
    let now = context.cumulative_pass_nr();
    let Known { whole, seen, pass } = context.data_mut(|data| {
        let places = data.get_temp_mut_or_default::<Places>(id());
        places.known.get(&landmark).copied()
    })?;
    let seen = seen.intersect(context.content_rect());
    (now.saturating_sub(pass) <= 1 && seen.is_positive()).then_some([whole, seen])
}
