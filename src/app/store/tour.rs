//! Where the reader is in the tour.

use eframe::egui::Vec2;

use super::View;

/// A place in the tour.
#[derive(Clone, Debug, Default)]
pub struct Tour {
    /// The step that is shown; none while the tour is not taken.
    pub(in crate::app) step: Option<usize>,
    /// What was selected when the step was first shown, to tell what the reader did.
    pub(in crate::app) before: Option<View>,
    /// The step of the last frame: its sheet has been measured.
    pub(in crate::app) measured: Option<usize>,
    /// The size of the window in which the step's sheet found no room beside its landmark.
    pub(in crate::app) no_room_in: Option<Vec2>,
}

impl Tour {
    /// Whether the tour is being taken.
    pub fn is_on(&self) -> bool {
        self.step.is_some()
    }

    /// The step that is shown, counted from 0.
    pub fn step(&self) -> Option<usize> {
        self.step
    }
}
