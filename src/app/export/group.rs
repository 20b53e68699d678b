//! What can be taken home, in groups of what belongs together.

use super::{Document, Plot};
use crate::app::store::{StudyPart, Tab, View};

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The run that is shown.
    Run,
    /// The two trainings of the start.
    Trainings,
    /// Several runs.
    Compared,
    /// Every checkpoint of a study.
    Checkpoints,
    /// The cards of the claims.
    Claims,
    /// Connectors between published models.
    RealParts,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 6] = [
        Self::Run,
        Self::Trainings,
        Self::Compared,
        Self::Checkpoints,
        Self::Claims,
        Self::RealParts,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Run => "This run",
            Self::Trainings => "The two trainings",
            Self::Compared => "Compared runs",
            Self::Checkpoints => "Checkpoints of the study",
            Self::Claims => "Cards of the claims",
            Self::RealParts => "With real parts",
        }
    }

    /// Its plots, whether there is anything to draw or not.
    pub fn plots(self) -> Vec<Plot> {
        use Plot as P;
        match self {
            Self::Run => vec![P::Report, P::Layers, P::Parts, P::Norms, P::Clouds],
            Self::Trainings => vec![P::Ruler, P::Answers],
            Self::Compared => vec![P::Compare, P::Difference, P::Mir],
            Self::Checkpoints => vec![
                P::StudyScore,
                P::StudyQuantities,
                P::StudySettings,
                P::StudyLayers,
            ],
            Self::Claims => P::cards().collect(),
            Self::RealParts => vec![P::RealChoice, P::RealLoss],
        }
    }

    /// Its documents, each with its name.
    pub fn documents(self) -> Vec<(Document, &'static str)> {
        match self {
            Self::Run => Document::ALL.map(|it| (it, it.words())).into(),
            Self::Checkpoints => vec![
                (Document::Csv, "Study as CSV"),
                (Document::Json, "Study as JSON"),
            ],
            _ => Vec::new(),
        }
    }

    /// Whether it is about what is on the screen.
    pub fn is_shown(self, view: &View) -> bool {
        let shown = match view.tab {
            Tab::Start => Self::Trainings,
            Tab::Compare => Self::Compared,
            Tab::Study => match view.study_part() {
                StudyPart::Claims => Self::Claims,
                StudyPart::Settings => Self::Checkpoints,
                StudyPart::RealParts => Self::RealParts,
            },
            _ => Self::Run,
        };
        self == shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plot_is_in_one_group() {
        for plot in Plot::ALL.into_iter().chain(Plot::cards()) {
            let groups = Group::ALL.map(|group| usize::from(group.plots().contains(&plot)));
            assert_eq!(groups.iter().sum::<usize>(), 1, "{plot:?}");
        }
    }
}
