//! What is selected: settings, never data, so that a link can hold them.

use serde::{Deserialize, Serialize};

pub use crate::figures::Scale;
use crate::{
    report::{Axes, Ellipse, WhatIfSettings},
    study::Protocol,
};

/// The views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tab {
    /// Two trainings beside each other: what is at stake.
    #[default]
    Start,
    /// The number, its layers, the two clouds.
    Alignment,
    /// Words and attention of single patches.
    Eyes,
    /// A conversation with a model about a picture.
    Ask,
    /// Two clouds to hold, and the alignment under other assumptions.
    #[serde(alias = "ellipses")]
    WhatIf,
    /// Several runs beside each other.
    Compare,
    /// A study of checkpoints, one thing varied at a time. Older links call it `family`.
    #[serde(alias = "family")]
    Study,
    /// What is measured: checkpoint, images, texts.
    Data,
    /// Formulas and words explained.
    Reference,
}

impl Tab {
    /// All tabs in their order.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Alignment,
        Self::Eyes,
        Self::Ask,
        Self::WhatIf,
        Self::Compare,
        Self::Study,
        Self::Data,
        Self::Reference,
    ];

    /// The tab's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Alignment => "Alignment",
            Self::Eyes => "Model's eyes",
            Self::Ask => "Ask",
            Self::WhatIf => "What if",
            Self::Compare => "Compare",
            Self::Study => "What moves MIR?",
            Self::Data => "Your data",
            Self::Reference => "Reference",
        }
    }
}

/// What the first tab shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartPart {
    /// A picture, a question and two models without names.
    Riddle,
    /// Two trainings beside each other: what is at stake.
    Trainings,
    /// One training step by step.
    Steps,
}

impl StartPart {
    /// All parts in their order.
    pub const ALL: [Self; 3] = [Self::Riddle, Self::Trainings, Self::Steps];

    /// The part's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Riddle => "A riddle",
            Self::Trainings => "Two trainings",
            Self::Steps => "One training, step by step",
        }
    }
}

/// A view that is shown alone, without the bars, for a page around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embed {
    /// The two clouds.
    Clouds,
    /// The two trainings on one ruler.
    Ruler,
    /// The distances layer by layer.
    Layers,
    /// One training step by step.
    Scrubber,
    /// The riddle.
    Riddle,
}

/// The parts of the what-if view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhatIfPart {
    /// Two ellipses, one of which can be moved.
    #[default]
    Ellipses,
    /// The run that is shown under other assumptions.
    Run,
}

/// The parts of the study's tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StudyPart {
    /// What the papers say, a card each.
    Claims,
    /// Every checkpoint, with its numbers.
    Settings,
    /// Connectors between published models.
    RealParts,
}

impl StudyPart {
    /// All parts in their order.
    pub const ALL: [Self; 3] = [Self::Claims, Self::Settings, Self::RealParts];

    /// The part's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Claims => "Claim by claim",
            Self::Settings => "Every checkpoint",
            Self::RealParts => "With real parts",
        }
    }
}

/// Everything that is selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// The tab.
    pub tab: Tab,
    /// The recorded run that is shown, by its name; empty for the first one or one that is not recorded.
    pub run: String,
    /// What the first tab shows; the riddle until one was met if absent.
    pub part: Option<StartPart>,
    /// The riddle.
    pub riddle: usize,
    /// The step of the training that is shown, 0 for the first.
    pub training_step: usize,
    /// The step of a chapter that is shown, by its name; empty for none.
    pub step: String,
    /// The only view that is shown, if it is one.
    pub embed: Option<Embed>,
    /// The selected decoder layer, 1 to L.
    pub layer: usize,
    /// The axis of the layers' distances.
    pub scale: Scale,
    /// The clouds show `inputs_embeds` instead of the selected layer.
    pub inputs: bool,
    /// The axes of the clouds.
    pub axes: Axes,
    /// The selected pair.
    pub pair: usize,
    /// The selected patch: the position of its token in the pair's prompt.
    pub patch: Option<usize>,
    /// The text token whose attention is shown: its position in the pair's prompt.
    pub query: Option<usize>,
    /// The attention head that is shown; the mean of all if absent.
    pub head: Option<usize>,
    /// Attention lies over the image.
    pub overlay: bool,
    /// Each patch's likeliest word lies over the image, in the place of attention.
    pub words: bool,
    /// The step at which a patch is followed through the model; absent while it is not.
    pub follow: Option<usize>,
    /// The part of the what-if view; where absent, the run once something of it is changed.
    pub what_if_shows: Option<WhatIfPart>,
    /// The ellipse that the reader holds.
    pub ellipse: Ellipse,
    /// Vision tokens are thirty times longer beside the ellipses.
    pub longer: bool,
    /// The what-if question.
    pub what_if: WhatIfSettings,
    /// Factor of the vision tokens in the what-if view.
    pub vision_scale: f64,
    /// The part of the study's tab; where absent, the checkpoints once something of them is chosen.
    pub study_shows: Option<StudyPart>,
    /// How the checkpoints were trained whose numbers are shown.
    pub protocol: Protocol,
    /// The axis of the study that is shown; empty for all of it.
    pub axis: String,
    /// The selected variant of the study; empty for none.
    pub variant: String,
}

impl Default for View {
    fn default() -> Self {
        Self {
            tab: Tab::default(),
            run: String::new(),
            part: None,
            riddle: 0,
            training_step: 0,
            step: String::new(),
            embed: None,
            layer: 1,
            scale: Scale::default(),
            inputs: false,
            axes: Axes::default(),
            pair: 0,
            patch: None,
            query: None,
            head: None,
            overlay: true,
            words: false,
            follow: None,
            what_if_shows: None,
            ellipse: Self::HELD,
            longer: false,
            what_if: WhatIfSettings::default(),
            vision_scale: 1.0,
            study_shows: None,
            protocol: Protocol::default(),
            axis: String::new(),
            variant: String::new(),
        }
    }
}

impl View {
    /// The ellipse before the reader moves it: apart from the text's, larger, and turned.
    pub const HELD: Ellipse = Ellipse {
        x: -0.5,
        y: 0.7,
        length: 0.42,
        width: 0.13,
        turn: 115.0,
    };

    /// The part of the what-if view that is shown.
    pub fn what_if_part(&self) -> WhatIfPart {
        let changed = self.what_if != WhatIfSettings::default() || self.vision_scale != 1.0;
        self.what_if_shows.unwrap_or(match changed {
            true => WhatIfPart::Run,
            false => WhatIfPart::Ellipses,
        })
    }

    /// The part of the study's tab that is shown.
    pub fn study_part(&self) -> StudyPart {
        let chosen = !self.axis.is_empty() || !self.variant.is_empty();
        self.study_shows.unwrap_or(match chosen {
            true => StudyPart::Settings,
            false => StudyPart::Claims,
        })
    }

    /// The state that the clouds show: 0 is `inputs_embeds`, k is after layer k.
    pub fn state(&self) -> usize {
        if self.inputs { 0 } else { self.layer }
    }
}
