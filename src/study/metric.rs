//! What can be asked of a variant by name.

use super::{Score, StudyResults, Variant};
use crate::report::number::significant;

/// A number of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Modality Integration Rate by the paper's equation.
    Mir,
    /// The same as the released script's accurate mode defines it.
    MirOfficial,
    /// The same with each modality scaled to mean token norm 1.
    NormMatchedMir,
    /// Mean norm of the vision tokens over that of the text tokens after the first layer.
    NormRatio,
    /// Held-out questions answered rightly.
    Choice,
    /// The same with the image blanked.
    ChoiceBlank,
    /// The same with another scene's image.
    ChoiceSwapped,
    /// Held-out questions of one kind.
    ChoiceKind(String),
    /// Loss on captions.
    CaptionLoss,
    /// Perplexity of text without images.
    TextPerplexity,
    /// Held-out questions after so many examples.
    FewShot(String),
    /// The quantity that a report calls so, whatever it is.
    Quantity(String),
}

impl Metric {
    /// The metrics of every table, in its order.
    pub const TABLE: [Self; 7] = [
        Self::Mir,
        Self::NormMatchedMir,
        Self::Choice,
        Self::ChoiceBlank,
        Self::ChoiceSwapped,
        Self::CaptionLoss,
        Self::TextPerplexity,
    ];

    /// The metric of a name in `variants.json`; none for one that this version does not measure.
    ///
    /// `choice_colour` is [`Metric::ChoiceKind`], `few_shot_2` is [`Metric::FewShot`], `quantity_linear-cka` is
    /// [`Metric::Quantity`].
    pub fn parse(name: &str) -> Option<Self> {
        let plain = [
            Self::Mir,
            Self::MirOfficial,
            Self::NormMatchedMir,
            Self::NormRatio,
            Self::Choice,
            Self::ChoiceBlank,
            Self::ChoiceSwapped,
            Self::CaptionLoss,
            Self::TextPerplexity,
        ];
        if let Some(found) = plain.into_iter().find(|metric| metric.name() == name) {
            return Some(found);
        }
        let rest = |prefix| {
            let rest = name.strip_prefix(prefix);
            rest.filter(|rest: &&str| !rest.is_empty())
                .map(str::to_owned)
        };
        (rest("few_shot_").map(Self::FewShot))
            .or(rest("choice_").map(Self::ChoiceKind))
            .or(rest("quantity_").map(Self::Quantity))
    }

    /// The name that [`Metric::parse`] takes.
    pub fn name(&self) -> String {
        match self {
            Self::Mir => "mir".to_owned(),
            Self::MirOfficial => "mir_official".to_owned(),
            Self::NormMatchedMir => "norm_matched_mir".to_owned(),
            Self::NormRatio => "norm_ratio".to_owned(),
            Self::Choice => "choice".to_owned(),
            Self::ChoiceBlank => "choice_blank".to_owned(),
            Self::ChoiceSwapped => "choice_swapped".to_owned(),
            Self::ChoiceKind(kind) => format!("choice_{kind}"),
            Self::CaptionLoss => "caption_loss".to_owned(),
            Self::TextPerplexity => "text_perplexity".to_owned(),
            Self::FewShot(shots) => format!("few_shot_{shots}"),
            Self::Quantity(id) => format!("quantity_{id}"),
        }
    }

    /// What it is called in tables and figures; of a quantity [`StudyResults::title`] knows more.
    pub fn title(&self) -> String {
        match self {
            Self::Mir => "MIR".to_owned(),
            Self::MirOfficial => "MIR, official-accurate".to_owned(),
            Self::NormMatchedMir => "norm-matched MIR".to_owned(),
            Self::NormRatio => "norm ratio".to_owned(),
            Self::Choice => "score".to_owned(),
            Self::ChoiceBlank => "image blanked".to_owned(),
            Self::ChoiceSwapped => "image swapped".to_owned(),
            Self::ChoiceKind(kind) => format!("score, {}", kind_words(kind)),
            Self::CaptionLoss => "caption loss".to_owned(),
            Self::TextPerplexity => "text perplexity".to_owned(),
            Self::FewShot(shots) => format!("score, {shots}-shot"),
            Self::Quantity(id) => id.clone(),
        }
    }

    /// Whether it is a share of right answers.
    pub fn is_share(&self) -> bool {
        matches!(
            self,
            Self::Choice
                | Self::ChoiceBlank
                | Self::ChoiceSwapped
                | Self::ChoiceKind(_)
                | Self::FewShot(_)
        )
    }

    /// Whether mirscope measures it; all else comes from the recipe, with an interval.
    pub fn is_measured(&self) -> bool {
        matches!(
            self,
            Self::Mir
                | Self::MirOfficial
                | Self::NormMatchedMir
                | Self::NormRatio
                | Self::Quantity(_)
        )
    }

    /// A value for reading: shares in percent, quantities with four digits, all else with three decimals.
    pub fn text(&self, value: f64) -> String {
        let text = match self {
            _ if self.is_share() => format!("{:.1} %", 100.0 * value),
            Self::Quantity(_) => significant(value),
            _ => format!("{value:.3}"),
        };
        text.replace('-', "\u{2212}")
    }

    /// A difference for reading: shares in points, with a sign.
    pub fn difference(&self, value: f64) -> String {
        let text = match self {
            _ if self.is_share() => format!("{:+.1} points", 100.0 * value),
            Self::Quantity(_) if value > 0.0 => format!("+{}", significant(value)),
            Self::Quantity(_) => significant(value),
            _ => format!("{value:+.3}"),
        };
        text.replace('-', "\u{2212}")
    }

    /// The interval of a variant's score; none for what mirscope measures.
    pub fn score(&self, variant: &Variant) -> Option<Score> {
        let scores = &variant.scores;
        match self {
            Self::Choice => scores.choice,
            Self::ChoiceBlank => scores.choice_blank,
            Self::ChoiceSwapped => scores.choice_swapped,
            Self::ChoiceKind(kind) => scores.choice_kinds.get(kind).copied(),
            Self::CaptionLoss => scores.caption_loss,
            Self::TextPerplexity => scores.text_perplexity,
            Self::FewShot(shots) => scores.few_shot.get(shots).copied(),
            Self::Mir
            | Self::MirOfficial
            | Self::NormMatchedMir
            | Self::NormRatio
            | Self::Quantity(_) => None,
        }
    }

    /// The variant's value; none where it is missing.
    pub fn value(&self, results: &StudyResults, variant: &Variant) -> Option<f64> {
        let measured = results.measured.get(&variant.name);
        let value = match self {
            Self::Mir => measured?.mir,
            Self::MirOfficial => measured?.mir_official,
            Self::NormMatchedMir => measured?.norm_matched_mir,
            Self::NormRatio => measured?.layers.first()?.norm_ratio,
            Self::Quantity(id) => measured?.quantity(id)?.value,
            _ => self.score(variant).map(|score| score.value),
        };
        value.filter(|value| value.is_finite())
    }
}

/// A kind of question as readers see it: the files spell one of them the British way.
pub(crate) fn kind_words(kind: &str) -> &str {
    match kind {
        "colour" => "color",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_metric() {
        for name in [
            "mir",
            "mir_official",
            "norm_matched_mir",
            "norm_ratio",
            "choice",
            "choice_blank",
            "choice_swapped",
            "choice_colour",
            "caption_loss",
            "text_perplexity",
            "few_shot_2",
            "quantity_linear-cka",
        ] {
            assert_eq!(Metric::parse(name).unwrap().name(), name);
        }
        for name in ["chamfer", "few_shot_", "choice_", "quantity_", ""] {
            assert_eq!(Metric::parse(name), None, "{name}");
        }
        assert_eq!(Metric::Choice.text(0.7123), "71.2 %");
        assert_eq!(Metric::Choice.difference(-0.05), "\u{2212}5.0 points");
        assert_eq!(Metric::Mir.difference(0.25), "+0.250");
    }
}
