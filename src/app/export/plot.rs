//! The plots that can be saved.

use std::{borrow::Cow, sync::Arc};

use crate::{
    app::store::Store,
    figures::{
        Clouds, Figure, LayersChart, Look, Named, Palette, Ruler, StudyPlot, answers, axis_curves,
        card_figure, clouds, clouds_caveat, compare, contrast_captioned, difference, layers,
        mir_per_run, mir_score, norms, origin, parts, real_captioned, real_choice, real_loss,
        report_figure, ruler, score_quantities, settings_plot, study_captioned, subtitle,
    },
    study::{Protocol, StudyResults, Topic},
    words::grouped,
};

/// A plot of what is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plot {
    /// The two trainings on one ruler.
    Ruler,
    /// What the two trainings answer.
    Answers,
    /// Distances, parts and norms under each other.
    Report,
    /// The distance of each layer.
    Layers,
    /// What the distances are made of.
    Parts,
    /// The norms of the modalities.
    Norms,
    /// The two clouds at the state that is shown.
    Clouds,
    /// The distances of the compared runs.
    Compare,
    /// The difference of two compared runs.
    Difference,
    /// The Modality Integration Rate of the compared runs.
    Mir,
    /// MIR against score over the study.
    StudyScore,
    /// How the score of the study goes with every quantity.
    StudyQuantities,
    /// The settings of the study's axis side by side.
    StudySettings,
    /// The layers of the study's axis.
    StudyLayers,
    /// MIR of connectors between real parts against their right choices.
    RealChoice,
    /// The same against their loss.
    RealLoss,
    /// The charts of a claim's card, by its place in [`Topic::ALL`].
    Card(usize),
}

impl Plot {
    /// All plots but those of cards.
    pub const ALL: [Self; 16] = [
        Self::Ruler,
        Self::Answers,
        Self::Report,
        Self::Layers,
        Self::Parts,
        Self::Norms,
        Self::Clouds,
        Self::Compare,
        Self::Difference,
        Self::Mir,
        Self::StudyScore,
        Self::StudyQuantities,
        Self::StudySettings,
        Self::StudyLayers,
        Self::RealChoice,
        Self::RealLoss,
    ];

    /// The plots of all cards.
    pub fn cards() -> impl Iterator<Item = Self> {
        (0..Topic::ALL.len()).map(Self::Card)
    }

    /// What it shows, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Ruler => "Two trainings on one ruler",
            Self::Answers => "Answers of two trainings",
            Self::Report => "The whole report",
            Self::Layers => "Distance by layer",
            Self::Parts => "Location, spread, shape",
            Self::Norms => "Norms of the modalities",
            Self::Clouds => "The two clouds",
            Self::Compare => "Compared runs",
            Self::Difference => "Difference of two runs",
            Self::Mir => "MIR of the compared runs",
            Self::StudyScore => "Study: MIR against score",
            Self::StudyQuantities => "Study: what the score goes with",
            Self::StudySettings => "Study: settings of the axis",
            Self::StudyLayers => "Study: layers of the axis",
            Self::RealChoice => "Real parts: MIR against right choices",
            Self::RealLoss => "Real parts: MIR against loss",
            Self::Card(place) => Topic::ALL.get(place).map_or("", |topic| topic.question),
        }
    }

    /// Its name in a file's name.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Ruler => "ruler",
            Self::Answers => "answers",
            Self::Report => "report",
            Self::Layers => "layers",
            Self::Parts => "parts",
            Self::Norms => "norms",
            Self::Clouds => "clouds",
            Self::Compare => "compare",
            Self::Difference => "difference",
            Self::Mir => "mir",
            Self::StudyScore => "study-score",
            Self::StudyQuantities => "study-quantities",
            Self::StudySettings => "study-settings",
            Self::StudyLayers => "study-layers",
            Self::RealChoice => "real-choice",
            Self::RealLoss => "real-loss",
            Self::Card(place) => {
                let name = Topic::ALL.get(place).map_or("", |topic| topic.name);
                return Cow::Owned(format!("card-{name}"));
            }
        })
    }

    /// Whether there is anything to draw.
    pub fn is_there(self, store: &Store) -> bool {
        match self {
            Self::Ruler | Self::Answers => store.contrast.is_some(),
            Self::Report | Self::Layers | Self::Parts | Self::Norms => store.run().is_some(),
            Self::Clouds => shown_clouds(store).is_some(),
            Self::Compare | Self::Mir => store.compared().len() > 1,
            Self::Difference => store.difference().is_some(),
            Self::StudyScore | Self::StudySettings | Self::StudyLayers => {
                store.shown_study().is_some()
            }
            Self::StudyQuantities => {
                let results = store.shown_study();
                results.is_some_and(|results| !results.quantities().is_empty())
            }
            Self::RealChoice | Self::RealLoss => store.real.results().is_some(),
            Self::Card(place) => {
                let judged = |(protocol, results): (Protocol, Option<&StudyResults>)| {
                    let topic = Topic::ALL.get(place);
                    let both = topic.zip(results);
                    both.is_some_and(|(topic, results)| !topic.judged(protocol, results).is_empty())
                };
                Protocol::ALL
                    .into_iter()
                    .zip(both_studies(store))
                    .any(judged)
            }
        }
    }

    /// The plot of what is shown, with a heading and where its numbers come from.
    pub fn figure(self, store: &Store, palette: Palette) -> Option<Figure> {
        if let Self::Card(place) = self {
            return card_figure(Topic::ALL.get(place)?, both_studies(store), palette);
        }
        let look = Look::new(palette, [900.0, 420.0]);
        if let Some(figure) = self
            .of_contrast(store, &look)
            .or(self.of_study(store, &look))
            .or(self.of_real(store, &look))
        {
            return Some(figure);
        }
        let report = store.report()?;
        let selected = Some(store.view.layer);
        let (plain, mut captions) = match self {
            Self::Report => return Some(report_figure(report, palette)),
            Self::Layers => {
                let chart = LayersChart {
                    layers: &report.layers,
                    scale: store.view.scale,
                    selected: None,
                    overlay: None,
                    intervals: report.distances(),
                };
                let words = "Squared Fréchet distance between vision and text tokens, with a text \
                             token's mean norm scaled to 1.";
                (layers(&chart, &look), vec![words.to_owned()])
            }
            Self::Parts => (parts(&report.layers, None, &look), Vec::new()),
            Self::Norms => (norms(&report.layers, None, &look), Vec::new()),
            Self::Clouds => {
                let look = Look::new(palette, [760.0, 560.0]);
                let projection = shown_clouds(store)?;
                let chart = Clouds {
                    projection,
                    limits: None,
                    hovered: None,
                    pair: None,
                };
                let words = "Principal components of both modalities' tokens; ellipses at 1 and 2 \
                             standard deviations; the arrow leads from the vision mean to the text \
                             mean.";
                let drawn = format!(
                    "The ellipses are of all tokens; {} of the vision and {} of the text tokens are \
                     drawn.",
                    grouped(projection.vision.len() as u64),
                    grouped(projection.text.len() as u64)
                );
                let caveat = clouds_caveat([projection]).map(str::to_owned);
                let words = [words.to_owned(), drawn].into_iter().chain(caveat);
                (clouds(&chart, &look), words.collect())
            }
            Self::Compare | Self::Difference | Self::Mir => {
                return self.comparison(store, selected, &look);
            }
            // Drawn above, where there is something to draw.
            Self::Ruler | Self::Answers | Self::Card(_) | Self::RealChoice | Self::RealLoss => {
                return None;
            }
            Self::StudyScore | Self::StudyQuantities | Self::StudySettings | Self::StudyLayers => {
                return None;
            }
        };
        captions.push(origin(report));
        Some(plain.captioned(&subtitle(report), &captions, &look))
    }

    fn of_contrast(self, store: &Store, look: &Look) -> Option<Figure> {
        let contrast = store.contrast.as_ref()?;
        let chart = Ruler {
            contrast,
            runs: &[],
            best: true,
        };
        let figure = match self {
            Self::Ruler => ruler(&chart, look),
            Self::Answers => answers(contrast, look),
            _ => return None,
        };
        Some(contrast_captioned(contrast, figure, look))
    }

    fn of_study(self, store: &Store, look: &Look) -> Option<Figure> {
        let results = store.shown_study()?;
        let mut plot = StudyPlot {
            results,
            axis: store.study_axis(results),
            selected: None,
        };
        let high = |height: f32| Look {
            size: [look.size[0], height],
            ..*look
        };
        let figure = match self {
            Self::StudyScore => mir_score(&plot, &high(460.0)),
            // Over all settings that can be compared, whatever the axis.
            Self::StudyQuantities => {
                plot.axis = None;
                score_quantities(&plot, look)
            }
            Self::StudySettings | Self::StudyLayers => {
                // As on the screen: without an axis the pre-training is shown.
                plot.axis = plot.axis.or(results.study.pretraining());
                if self == Self::StudySettings {
                    settings_plot(&plot, &high(660.0))
                } else {
                    axis_curves(&plot, store.view.scale, None, look)
                }
            }
            _ => return None,
        };
        Some(study_captioned(&plot, figure, look))
    }

    fn of_real(self, store: &Store, look: &Look) -> Option<Figure> {
        let real = store.real.results()?;
        let figure = match self {
            Self::RealChoice => real_choice(real, look),
            Self::RealLoss => real_loss(real, look),
            _ => return None,
        };
        Some(real_captioned(real, figure, look))
    }

    fn comparison(self, store: &Store, selected: Option<usize>, look: &Look) -> Option<Figure> {
        let runs: Vec<Named<'_>> = match self {
            Self::Difference => {
                let (base, other) = store.difference()?;
                [base, other].map(named).into()
            }
            _ => store.compared().into_iter().map(named).collect(),
        };
        let plain = match self {
            Self::Difference => difference(*runs.first()?, *runs.last()?, selected, look),
            Self::Mir => mir_per_run(&runs, None, look),
            _ => compare(&runs, store.view.scale, None, look),
        };
        let captions: Vec<String> = runs
            .iter()
            .map(|run| {
                let (n_vision, n_text) = run.report.tokens();
                format!(
                    "{}: n = {} vision and {} text tokens, d = {}. {}",
                    run.name,
                    grouped(n_vision as u64),
                    grouped(n_text as u64),
                    run.report.model.hidden_size,
                    origin(run.report)
                )
            })
            .collect();
        Some(plain.captioned("", &captions, look))
    }
}

/// A run as the figures name it.
pub(in crate::app) fn named(run: &crate::app::store::Run) -> Named<'_> {
    Named {
        name: &run.name,
        report: &run.report,
    }
}

/// The results of both studies that are there, in the order of [`Protocol::ALL`].
fn both_studies(store: &Store) -> [Option<&StudyResults>; 2] {
    Protocol::ALL.map(|protocol| store.study_of(protocol).results().map(Arc::as_ref))
}

fn shown_clouds(store: &Store) -> Option<&crate::report::Projection> {
    let key = (store.view.state(), store.view.axes);
    store.run()?.projections.get(&key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::store::Origin, figures::svg_of};

    #[test]
    fn every_plot_says_where_its_numbers_come_from() {
        let mut store = Store::new();
        let report = store.report().unwrap().clone();
        store.add("again".to_owned(), Origin::Opened, report);
        // Nobody has looked at the study yet.
        let absent = [
            Plot::Clouds,
            Plot::StudyScore,
            Plot::StudyQuantities,
            Plot::StudySettings,
            Plot::StudyLayers,
            Plot::RealChoice,
            Plot::RealLoss,
        ];
        for plot in Plot::ALL {
            assert_eq!(plot.is_there(&store), !absent.contains(&plot));
            let Some(drawn) = plot.figure(&store, Palette::DARK) else {
                continue;
            };
            let svg = svg_of(&drawn);
            // Of the two trainings the samples, of all else the width of the states.
            let size = match plot {
                Plot::Ruler | Plot::Answers => "4,000",
                _ => "128",
            };
            for words in ["exact", "mirscope 0.", size] {
                assert!(svg.contains(words), "{plot:?} without {words}");
            }
        }
    }
}
