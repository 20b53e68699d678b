//! Where the reader is in the tour.

use super::View;

/// A place in the tour.
#[derive(Clone, Debug, Default)]
pub struct Tour {
    /// The step that is shown; none while the tour is not taken.
    pub(in crate::app) step: Option<usize>,
    /// What was selected when the step was first shown, to tell what the reader did.
    pub(in crate::app) before: Option<View>,
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
