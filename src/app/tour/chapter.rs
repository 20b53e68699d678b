//! The chapters: what there is to learn, two minutes each.

use super::steps::STEPS;

/// A chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chapter {
    /// How a model reads a picture.
    Picture,
    /// How far pictures lie from words.
    Distance,
    /// What the papers say, and what became of it here.
    Papers,
}

impl Chapter {
    /// All chapters in their order.
    pub const ALL: [Self; 3] = [Self::Picture, Self::Distance, Self::Papers];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Picture => "Reading a picture",
            Self::Distance => "How far apart?",
            Self::Papers => "What the papers say",
        }
    }

    /// What it is about.
    pub fn about(self) -> &'static str {
        match self {
            Self::Picture => "What becomes of a picture in a model that reads words",
            Self::Distance => "What the Modality Integration Rate adds up, and what moves it",
            Self::Papers => "Which claims of the papers held in small models, and which did not",
        }
    }

    /// The chapter after it.
    pub(super) fn next(self) -> Option<Self> {
        let place = Self::ALL.iter().position(|chapter| *chapter == self)?;
        Self::ALL.get(place + 1).copied()
    }

    /// Its steps among all of them.
    pub(super) fn steps(self) -> std::ops::Range<usize> {
        let is_of = |step: &super::steps::Step| step.chapter == self;
        let first = STEPS.iter().position(is_of).unwrap_or(0);
        first..first + STEPS.iter().filter(|step| is_of(step)).count()
    }
}
