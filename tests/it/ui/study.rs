//! The tab of the study, over the studies that ship; what no shipped one has is made up.

use std::sync::Arc;

use eframe::egui::{self, Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{
        App,
        export::Plot,
        store::{Known, StudyPart, Tab, View},
    },
    engine::{Command, ModelSource, PairSource},
    figures::{Palette, svg_of},
    study::{Outcome, Protocol, REAL_COMMANDS, StudyResults, Topic, plain},
};

use super::support::{FakeLink, app};
use crate::made_up_study::{NEW_QUANTITY, results};

/// The tab with a part of it, high enough that all of it is drawn.
fn opened(part: StudyPart, size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = app(size);
    harness.state_mut().store.view.tab = Tab::Study;
    harness.state_mut().store.view.study_shows = Some(part);
    harness.run_ok();
    harness.run_ok();
    (harness, link)
}

/// The checkpoints of the study that ships, or of the papers' own protocol.
fn checkpoints(protocol: Protocol) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened(StudyPart::Settings, [1280.0, 2800.0]);
    harness.state_mut().store.view.protocol = protocol;
    harness.run_ok();
    (harness, link)
}

fn shipped(harness: &Harness<'_, App>, protocol: Protocol) -> Arc<StudyResults> {
    let store = &harness.state().store;
    Arc::clone(store.study_of(protocol).results().unwrap())
}

const ALL_CARDS: [f32; 2] = [1280.0, 12_000.0];

#[test]
fn every_claim_has_its_outcome_in_both_protocols() {
    let (harness, _link) = opened(StudyPart::Claims, ALL_CARDS);
    let both = Protocol::ALL.map(|protocol| shipped(&harness, protocol));
    for outcome in Outcome::ALL {
        let verdicts = both.iter().flat_map(|results| &results.verdicts);
        let expected = verdicts.filter(|it| it.outcome == outcome).count();
        let found = harness.query_all_by_label(outcome.words()).count();
        assert_eq!(found, expected, "{outcome:?}");
    }
    for topic in Topic::ALL {
        assert!(
            harness.query_by_label(topic.question).is_some(),
            "{}",
            topic.name
        );
    }
    for results in &both {
        for (claim, verdict) in results.study.claims.iter().zip(&results.verdicts) {
            let words = plain(results, claim, verdict);
            assert!(harness.query_all_by_label(&words).count() > 0, "{words}");
        }
    }
    // The papers' own figures, and pictures.
    let published = "LLaVA-1.5, MIR: plain 3.374, with MoCa 3.162.";
    assert!(harness.query_by_label_contains(published).is_some());
    let picture = "Upper half of the decoder, too";
    let picture = harness.get_by_label_contains(picture);
    assert_eq!(picture.accesskit_node().role(), Role::Image);
}

#[test]
fn the_statistics_and_the_rule_are_folded() {
    let (mut harness, _link) = opened(StudyPart::Claims, ALL_CARDS);
    let numbers = "95 % ";
    let rule = "times the root of 2 and Student's t for its degrees of freedom";
    assert!(harness.query_by_label_contains(rule).is_none());
    harness.get_by_label("How a verdict is reached").click();
    harness.run_ok();
    assert!(harness.query_by_label_contains(rule).is_some());
    let between = "Settings between the ends may thus go the other way: by no more than the noise where a claim held, by \
                   any amount where its outcome is within noise.";
    assert!(harness.query_by_label_contains(between).is_some());
    let of_all =
        "Over settings with equally many image tokens, MIR falls as the score rises: within noise";
    assert!(harness.query_by_label_contains(of_all).is_none());
    for index in 0..Topic::ALL.len() {
        let folded = harness.query_all_by_label("The statistics").nth(index);
        folded.unwrap().click();
        harness.run_ok();
    }
    let found = harness.get_by_label_contains(of_all);
    let label = found.accesskit_node().value().unwrap();
    assert!(
        label.contains(numbers) && label.contains("rho = "),
        "{label}"
    );
}

#[test]
fn cards_of_one_paper_are_chosen() {
    let (mut harness, _link) = opened(StudyPart::Claims, ALL_CARDS);
    let button = |name: &'static str| {
        move |it: &Harness<'_, App>| {
            it.get_by_role_and_label(Role::Button, name).click();
        }
    };
    for (name, shown, hidden) in [
        ("MM1", "Do sub-images help?", "Does MoCa help?"),
        (
            "Our own checks",
            "Does the length at the start matter?",
            "Do sub-images help?",
        ),
        ("All", "Does MoCa help?", "no such card"),
    ] {
        button(name)(&harness);
        harness.run_ok();
        assert!(harness.query_by_label(shown).is_some(), "{name}: {shown}");
        assert!(harness.query_by_label(hidden).is_none(), "{name}: {hidden}");
    }
}

#[test]
fn a_card_leads_to_its_checkpoints() {
    let (mut harness, _link) = opened(StudyPart::Claims, ALL_CARDS);
    let chart = "Should the decoder learn, too? In two stages, as in the MIR paper";
    let rect = harness.get_by_label_contains(chart).rect();
    // The third row of the upper panel.
    let third = rect.min + egui::vec2(0.5 * rect.width(), 0.36 * rect.height());
    harness.hover_at(third);
    harness.run_ok();
    harness.get_by_label_contains(chart);
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos: third,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        harness.run_ok();
    }
    let view = &harness.state().store.view;
    assert_eq!(view.study_part(), StudyPart::Settings);
    assert_eq!(view.protocol, Protocol::TwoStages);
    assert_eq!(view.axis, "unfrozen");
    assert_eq!(view.variant, "unfrozen-all");
    let link = view.to_link();
    assert!(link.contains("protocol=two-stages"), "{link}");
    assert_eq!(View::from_link(&link), *view);
    assert!(
        harness
            .query_by_label_contains("MIR against score: What is unfrozen")
            .is_some()
    );
}

#[test]
fn one_protocol_is_enough_and_a_broken_one_is_told() {
    let (mut harness, _link) = opened(StudyPart::Claims, ALL_CARDS);
    let reason = "assets/papers/results.json: expected results of a study";
    harness.state_mut().store.papers = Known::Wrong(reason.to_owned());
    harness.run_ok();
    assert!(harness.query_by_label(reason).is_some());
    assert!(harness.query_by_label("Does MoCa help?").is_some());
    assert!(harness.query_by_label("We saw, in two stages").is_none());
    // What only the other one asks has no card.
    assert!(
        harness
            .query_by_label("Does holding the length lower MIR?")
            .is_none()
    );
    harness.state_mut().store.papers = Known::Absent;
    harness.state_mut().store.study = Known::Absent;
    harness.run_ok();
    assert!(harness.query_by_label_contains("./dev study").is_some());
}

#[test]
fn an_axis_is_chosen_and_everything_follows() {
    let (mut harness, _link) = checkpoints(Protocol::OneStage);
    assert!(harness.query_by_label_contains("All settings").is_some());
    harness
        .get_by_role_and_label(Role::Button, "What is unfrozen")
        .click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.axis, "unfrozen");
    let link = harness.state().store.view.to_link();
    assert!(
        link.contains("tab=study") && link.contains("axis=unfrozen"),
        "{link}"
    );
    let scatter = harness.get_by_label_contains("MIR against score: What is unfrozen");
    assert!(scatter.rect().width() > 300.0);
    // The table has the axis' settings only, with the second seed.
    assert!(harness.query_by_label("whole decoder (seed 2)").is_some());
    assert!(harness.query_by_label("linear, 64").is_none());
}

#[test]
fn the_other_protocol_has_its_own_settings() {
    let (mut harness, _link) = checkpoints(Protocol::OneStage);
    harness.state_mut().store.view.axis = "moca".to_owned();
    harness.run_ok();
    assert!(harness.query_by_label_contains("51 small").is_some());
    harness
        .get_by_role_and_label(Role::Button, "In two stages, as in the MIR paper")
        .click();
    harness.run_ok();
    let view = &harness.state().store.view;
    assert_eq!(
        (view.protocol, view.axis.as_str()),
        (Protocol::TwoStages, "")
    );
    assert!(harness.query_by_label_contains("31 small").is_some());
    harness
        .get_by_role_and_label(Role::Button, "Length held")
        .click();
    harness.run_ok();
    let scatter = "MIR against score: Length held";
    assert!(harness.query_by_label_contains(scatter).is_some());
    // Its checkpoints are no part of the page: a command says how one is measured.
    harness
        .get_by_role_and_label(Role::Button, "weight decay on the last layer")
        .click();
    harness.run_ok();
    assert!(harness.query_by_label("Open this checkpoint").is_none());
    let command =
        "mirscope measure --model assets/papers/held-decay --pairs assets/papers/pairs.jsonl";
    assert!(harness.query_by_label(command).is_some());
    for path in command
        .split(' ')
        .filter(|part| part.starts_with("assets/"))
    {
        assert!(std::path::Path::new(path).exists(), "{path}");
    }
}

#[test]
fn every_heading_of_the_settings_explains_itself() {
    let (harness, _link) = checkpoints(Protocol::OneStage);
    let headings = "setting|MIR|right answers (%)|image blanked (%)|another image (%)|caption loss|text perplexity";
    for heading in headings.split('|').chain(["norm-matched MIR"]) {
        let terms = harness.query_all_by_role_and_label(Role::Term, heading);
        let explained = terms.filter(|term| {
            let node = term.accesskit_node();
            node.data()
                .description()
                .is_some_and(|words| words.len() > 40)
        });
        assert!(explained.count() > 0, "{heading}");
    }
}

#[test]
fn settings_are_called_by_their_labels() {
    for protocol in Protocol::ALL {
        let (mut harness, _link) = checkpoints(protocol);
        harness.get_by_label("More that the numbers say").click();
        harness.run_ok();
        let said = "The lowest MIR is that of \u{201c}";
        assert!(harness.query_by_label_contains(said).is_some());
        assert!(harness.query_by_label_contains("`").is_none());
    }
}

#[test]
fn a_row_is_selected_and_its_checkpoint_opened() {
    let (mut harness, link) = checkpoints(Protocol::OneStage);
    harness.state_mut().store.view.axis = "unfrozen".to_owned();
    harness.run_ok();
    harness
        .get_by_role_and_label(Role::Button, "upper half of the decoder")
        .click();
    harness.run_ok();
    assert_eq!(harness.state().store.view.variant, "unfrozen-half");
    harness.get_by_label("Open this checkpoint").click();
    harness.run_ok();
    let Some(Command::Measure(request)) = link.last() else {
        panic!("a measurement is asked for");
    };
    assert!(matches!(&request.model, ModelSource::Study(folder) if folder == "unfrozen-half"));
    assert!(matches!(&request.pairs, PairSource::Study(list) if list == "pairs.jsonl"));
    assert_eq!(
        (request.settings.num_pairs, request.keep),
        (Some(100), true)
    );
}

#[test]
fn how_the_score_goes_with_each_quantity_is_drawn_and_told_as_numbers() {
    let (mut harness, _link) = checkpoints(Protocol::OneStage);
    harness.state_mut().store.study = Known::There(Arc::new(results()));
    harness.run_ok();
    let drawn = harness.get_by_label_contains("Over 21 settings that can be compared");
    assert!(drawn.rect().width() > 300.0);
    assert!(harness.query_by_label(NEW_QUANTITY).is_none());
    harness.get_by_label("The correlations as numbers").click();
    harness.run_ok();
    assert!(harness.query_by_label(NEW_QUANTITY).is_some());
    assert!(harness.query_by_label("score rises with it").is_some());
    // Results of older versions have none.
    let mut older = results();
    older
        .measured
        .values_mut()
        .for_each(|it| it.quantities.clear());
    harness.state_mut().store.study = Known::There(Arc::new(older));
    harness.run_ok();
    assert!(harness.query_by_label("What the score goes with").is_none());
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let (mut harness, _link) = checkpoints(Protocol::OneStage);
    harness.state_mut().store.study = Known::Absent;
    harness.run_ok();
    assert!(harness.query_by_label_contains("./dev study").is_some());
    let reason = "results.json: expected results of a study";
    harness.state_mut().store.study = Known::Wrong(reason.to_owned());
    harness.run_ok();
    assert!(harness.query_by_label(reason).is_some());
}

#[test]
fn real_parts_have_their_story_and_a_way_in() {
    let (mut harness, _link) = opened(StudyPart::RealParts, [1280.0, 2000.0]);
    let real = Arc::clone(harness.state().store.real.results().unwrap());
    for sentence in real.sentences() {
        assert!(harness.query_by_label(&sentence).is_some(), "{sentence}");
    }
    for chart in ["right choices among five captions", "loss on captions"] {
        let drawn = harness.get_by_label_contains(chart);
        assert!(drawn.rect().width() > 500.0, "{chart}");
    }
    let shuffled = "32,768 pairs, shuffled";
    assert!(harness.query_by_label(shuffled).is_none());
    harness.get_by_label("Every connector").click();
    harness.run_ok();
    assert!(harness.query_by_label(shuffled).is_some());
    for command in REAL_COMMANDS {
        assert!(harness.query_by_label(command).is_some(), "{command}");
    }
    harness.get_by_label("Copy the commands").click();
    harness.step();
    let copied = harness.output().platform_output.commands.iter().any(
        |it| matches!(it, egui::OutputCommand::CopyText(text) if *text == REAL_COMMANDS.join("\n")),
    );
    assert!(copied);
}

#[test]
fn the_parts_are_reached_by_their_names_and_links_keep_them() {
    let (mut harness, _link) = app([1280.0, 900.0]);
    harness.state_mut().store.view = View::from_link("#tab=study");
    harness.run_ok();
    assert_eq!(harness.state().store.view.study_part(), StudyPart::Claims);
    harness.get_by_label("With real parts").click();
    harness.run_ok();
    let link = harness.state().store.view.to_link();
    assert_eq!(link, "#tab=study&study_shows=real-parts");
    // Links of older versions that hold an axis lead to the checkpoints.
    let older = View::from_link("#tab=study&axis=connector");
    assert_eq!(older.study_part(), StudyPart::Settings);
}

#[test]
fn nothing_is_cut_off_in_a_narrow_window() {
    for part in StudyPart::ALL {
        let (harness, _link) = opened(part, [390.0, 14_000.0]);
        for image in harness.query_all_by_role(Role::Image) {
            let rect = image.rect();
            let label = image.accesskit_node().label().unwrap_or_default();
            assert!(rect.right() <= 390.0, "{part:?}: {label} {rect:?}");
        }
    }
}

#[test]
fn the_charts_of_every_card_can_be_taken_home() {
    let (mut harness, _link) = opened(StudyPart::Claims, [1280.0, 900.0]);
    let store = &harness.state().store;
    let mut charts = 0;
    for (plot, topic) in Plot::cards().zip(Topic::ALL) {
        assert!(plot.is_there(store), "{}", topic.name);
        let svg = svg_of(&plot.figure(store, Palette::LIGHT).unwrap());
        for protocol in Protocol::ALL {
            let results = store.study_of(protocol).results().unwrap();
            let judged = !topic.judged(protocol, results).is_empty();
            let origin = format!("{}: Definition exact", protocol.title());
            assert_eq!(svg.contains(&origin), judged, "{}", topic.name);
            charts += usize::from(judged);
        }
        let published = topic.published.first().map(|series| series.varied);
        assert!(
            published.is_none_or(|varied| svg.contains(varied)),
            "{}",
            topic.name
        );
    }
    assert!(charts > Topic::ALL.len(), "{charts}");
    // Without results there is nothing to take.
    let store = &mut harness.state_mut().store;
    (store.study, store.papers) = (Known::Absent, Known::Absent);
    assert!(Plot::cards().all(|plot| !plot.is_there(store)));
    assert!(Plot::cards().all(|plot| plot.figure(store, Palette::DARK).is_none()));
}

#[test]
fn every_plot_of_the_study_can_be_taken_home() {
    let (mut harness, _link) = checkpoints(Protocol::OneStage);
    let store = &mut harness.state_mut().store;
    for (protocol, axes) in [
        (Protocol::OneStage, ["", "connector"]),
        (Protocol::TwoStages, ["", "held"]),
    ] {
        store.view.protocol = protocol;
        let name = ["learning_rate", "start"][protocol.index()];
        assert!(store.shown_study().unwrap().study.axis(name).is_some());
        for axis in axes {
            axis.clone_into(&mut store.view.axis);
            for plot in [
                Plot::StudyScore,
                Plot::StudyQuantities,
                Plot::StudySettings,
                Plot::StudyLayers,
            ] {
                assert!(plot.is_there(store));
                let svg = svg_of(&plot.figure(store, Palette::DARK).unwrap());
                // The line may be broken at any word.
                for word in store.shown_study().unwrap().devices()[0].split(' ') {
                    assert!(svg.contains(word), "{plot:?} without {word}");
                }
            }
        }
    }
    store.papers = Known::Absent;
    assert!(!Plot::StudyScore.is_there(store));
    assert!(Plot::StudyScore.figure(store, Palette::DARK).is_none());
}
