//! What the papers claim, as cards: all of them, or those of one paper.

use eframe::egui::{self, Id, RichText};

use super::card;
use crate::{
    app::{
        figure, fold, glossary,
        landmark::{Landmark, mark},
        letters,
        store::Store,
        theme,
    },
    figures::sketch,
    study::{Outcome, Paper, Protocol, Sketch, StudyResults, Topic, VERDICT_RULE},
    words::counted,
};

/// From this width on the picture of the two protocols stands beside the words.
const BESIDE: f32 = 900.0;
/// The picture's width there.
const PICTURE: f32 = 330.0;

/// Which cards are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    All,
    Of(Paper),
    Own,
}

impl Filter {
    fn shows(self, topic: &Topic) -> bool {
        match self {
            Self::All => true,
            Self::Of(paper) => topic.papers.contains(&paper),
            Self::Own => topic.papers.is_empty(),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Of(paper) => paper.name(),
            Self::Own => "Our own checks",
        }
    }
}

/// Draws the part; results in the order of [`Protocol::ALL`].
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, results: [Option<&StudyResults>; 2]) {
    // What is on the screen, not what a link leads to.
    let id = Id::unique("cards of which paper");
    let mut filter = ui.data(|data| data.get_temp(id)).unwrap_or(Filter::All);
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        intro(ui, results);
        ui.horizontal_wrapped(|ui| {
            ui.strong("Show claims from:");
            let papers = Paper::ALL.map(Filter::Of);
            for choice in [Filter::All].into_iter().chain(papers).chain([Filter::Own]) {
                if ui
                    .selectable_label(filter == choice, choice.title())
                    .clicked()
                {
                    filter = choice;
                }
            }
        });
        mark(ui, Landmark::Claims, ui.min_rect());
    });
    ui.data_mut(|data| data.insert_temp(id, filter));
    for topic in Topic::ALL.iter().filter(|topic| filter.shows(topic)) {
        theme::gap(ui);
        card::show(ui, store, topic, results);
    }
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        fold::show(
            ui,
            "verdict rule",
            "How a verdict is reached",
            false,
            |ui| {
                let rule = glossary::marked(VERDICT_RULE, glossary::STATISTICS);
                glossary::prose(ui, &rule);
            },
        );
    });
}

fn intro(ui: &mut egui::Ui, results: [Option<&StudyResults>; 2]) {
    ui.heading("What moves MIR?");
    let drawn = Sketch::PROTOCOLS;
    if ui.available_width() >= BESIDE {
        ui.horizontal_top(|ui| {
            let picture = letters::grown(ui, PICTURE);
            let width = ui.available_width() - picture - theme::GAP;
            ui.vertical(|ui| {
                ui.set_width(width);
                words(ui, results);
            });
            ui.vertical(|ui| {
                let look = figure::look(ui, [picture, 0.0]);
                figure::show(ui, &sketch(&drawn, &look));
            });
        });
    } else {
        words(ui, results);
        let look = figure::look(ui, [ui.available_width().min(PICTURE), 0.0]);
        figure::show(ui, &sketch(&drawn, &look));
    }
}

fn words(ui: &mut egui::Ui, results: [Option<&StudyResults>; 2]) {
    glossary::prose(
        ui,
        "What papers about large models say was tried here with small {checkpoints}, by two protocols. What holds in \
         models this small need not hold in large ones, nor the other way round.",
    );
    let shown = Protocol::ALL.into_iter().zip(results);
    for (protocol, _) in shown.filter(|(_, results)| results.is_some()) {
        glossary::prose(ui, &protocol.sentence());
    }
    for paper in Paper::ALL {
        if let Some(tally) = tally(paper, results) {
            super::bullet(ui, &format!("{}: {} {tally}", paper.name(), paper.says()));
        }
    }
    let bands = "In the charts of what we saw: disc, the first seed; rings, other seeds; band, how far seeds alone may \
                 move a number from the first setting's.";
    ui.label(RichText::new(bands).color(theme::colors(ui).faint));
}

/// How many claims of a paper had which outcome, in both protocols together.
fn tally(paper: Paper, results: [Option<&StudyResults>; 2]) -> Option<String> {
    let all = results.into_iter().flatten();
    let all = all.flat_map(|results| results.study.claims.iter().zip(&results.verdicts));
    let own = all.filter(|(claim, _)| claim.source.contains(paper.place()));
    let outcomes: Vec<Outcome> = own.map(|(_, verdict)| verdict.outcome).collect();
    let claims = counted(outcomes.len(), "claim");
    (!outcomes.is_empty()).then(|| format!("Of {claims} {}.", Outcome::counts(&outcomes)))
}
