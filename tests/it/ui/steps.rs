//! One training step by step, chapters with links, and views alone.

use eframe::egui::{Key, Theme, vec2};
use egui_kittest::{Harness, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{Embed, StartPart, StudyPart, Tab, View},
    },
    study::NO_PROGRESS,
};

use super::support::{FakeLink, opened};

const SLIDER: &str = "Step of the training";

fn at_steps(size: [f32; 2]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = opened(size);
    harness.state_mut().store.view.part = Some(StartPart::Steps);
    harness.run_steps(2);
    (harness, link)
}

/// As a reader has it who did not ask for less motion; the harness does without.
fn with_motion(harness: &Harness<'_, App>) {
    for theme in [Theme::Light, Theme::Dark] {
        (harness.ctx).style_mut_of(theme, |style| style.animation_time = 0.1);
    }
}

#[test]
fn eight_steps_of_one_training_are_recorded_in_one_plane() {
    let (harness, _link) = opened([1280.0, 720.0]);
    let store = &harness.state().store;
    let steps = store.riddles.steps();
    assert_eq!(steps.len(), 8);
    assert!(steps.windows(2).all(|two| two[0].samples < two[1].samples));
    assert_eq!(store.training.clouds.len(), steps.len());
    for clouds in &store.training.clouds {
        let mean = clouds.text_shape.mean;
        assert!(
            mean[0].hypot(mean[1]) < 1e-9,
            "the words' mean is the origin"
        );
        assert_eq!(clouds.vision.len(), store.training.clouds[0].vision.len());
    }
    // The numbers are those of the study.
    let text = std::fs::read_to_string("assets/study/results.json").unwrap();
    let results = mirscope::study::StudyResults::parse(&text, "results.json").unwrap();
    for step in steps {
        let variant = results.study.variant(&step.folder).unwrap();
        assert_eq!(Some(step.mir), results.measured[&variant.name].mir);
        assert_eq!(Some(step.answered), variant.scores.choice);
        assert_eq!(step.answers.len(), store.riddles.all().len());
    }
    // The answers get right on the way: such pictures are chosen.
    let mut riddles = store.riddles.all().iter().enumerate();
    assert!(riddles.all(|(number, riddle)| {
        let right = |step: usize| riddle.is_right(&steps[step].answers[number]);
        !right(0) && right(steps.len() - 1)
    }));
}

#[test]
fn the_slider_moves_everything_by_keys_and_by_clicks_on_the_charts() {
    for size in [[1280.0, 720.0], [390.0, 844.0]] {
        let (mut harness, _link) = at_steps(size);
        let middle = |node: egui_kittest::Node<'_>| node.rect().center().y;
        let (slider, words) = (
            middle(harness.get_by_label(SLIDER)),
            middle(harness.get_by_label("after 0 pairs")),
        );
        assert!((slider - words).abs() < 3.0, "{slider} {words} in {size:?}");
        harness.get_by_label(SLIDER).focus();
        harness.run_steps(2);
        harness.key_press(Key::ArrowRight);
        harness.run_steps(12);
        let store = &harness.state().store;
        let step = store.training_step();
        assert!(step >= 1);
        let (number, _) = store.riddle().unwrap();
        let shown = &store.riddles.steps()[step];
        let answer = format!("It answers: \u{201c}{}\u{201d}", shown.answers[number]);
        assert!(
            harness.query_all_by_label_contains(&answer).count() >= 1,
            "{answer}"
        );
        let told = format!(
            "MIR {:.3}, {:.0} % right",
            shown.mir,
            100.0 * shown.answered.value
        );
        // Both charts are at this step.
        assert_eq!(
            harness.query_all_by_label_contains(&told).count(),
            2,
            "{told}"
        );
        assert!(harness.query_all_by_label_contains(NO_PROGRESS).count() >= 1);
        assert!(harness.get_by_label(SLIDER).rect().right() <= size[0]);
    }
}

#[test]
fn it_plays_by_itself_once_and_stops_at_the_first_touch() {
    let (mut harness, _link) = opened([1280.0, 720.0]);
    with_motion(&harness);
    harness.state_mut().store.view.part = Some(StartPart::Steps);
    harness.run_steps(2);
    assert!(harness.state().store.training.playing.is_some());
    harness.run_steps(10);
    assert!(harness.state().store.training_step() >= 1);
    // Between the two columns.
    let point = harness.ctx.content_rect().center() + vec2(0.0, 200.0);
    harness.drag_at(point);
    harness.run_steps(2);
    harness.drop_at(point);
    harness.run_steps(2);
    let step = harness.state().store.training_step();
    assert_eq!(harness.state().store.training.playing, None);
    harness.run_steps(20);
    assert_eq!(harness.state().store.training_step(), step);
    // The button starts it again.
    harness.get_by_label("Play through the training").click();
    harness.run_steps(10);
    assert!(harness.state().store.training_step() > step);
}

#[test]
fn where_motion_is_reduced_nothing_moves_by_itself() {
    let (mut harness, _link) = opened([1280.0, 720.0]);
    (harness.ctx).all_styles_mut(|style| style.animation_time = 0.0);
    harness.state_mut().store.view.part = Some(StartPart::Steps);
    harness.run_steps(20);
    let store = &harness.state().store;
    assert_eq!((store.training_step(), store.training.playing), (0, None));
}

#[test]
fn each_step_of_a_chapter_has_a_link() {
    let (mut harness, _link) = opened([1280.0, 720.0]);
    harness.run_ok();
    harness.get_by_label("How far apart?").click();
    harness.run_ok();
    harness.get_by_label("Step 1 of 5");
    harness.key_press(Key::ArrowRight);
    harness.run_ok();
    let link = harness.state().store.view.to_link();
    assert!(
        link.contains("tab=alignment") && link.contains("step=connector"),
        "{link}"
    );
    // Another reader opens it.
    let (mut other, _link) = opened([1280.0, 720.0]);
    other.state_mut().store.restore(View::from_link(&link));
    other.run_ok();
    other.get_by_label("Step 2 of 5");
    other.get_by_label("What the connector does");
    other.key_press(Key::Escape);
    other.run_ok();
    assert!(!other.state().store.view.to_link().contains("step="));
    // A step that does not exist is none.
    other
        .state_mut()
        .store
        .restore(View::from_link("#step=nonsense"));
    other.run_ok();
    assert!(!other.state().store.tour.is_on());
}

#[test]
fn a_view_can_be_shown_alone() {
    for (name, embed, label) in [
        ("clouds", Embed::Clouds, "The two clouds"),
        ("ruler", Embed::Ruler, "From nearer to the words to farther"),
        ("layers", Embed::Layers, "Distance by layer"),
        ("scrubber", Embed::Scrubber, SLIDER),
        ("riddle", Embed::Riddle, "A learned from captions that fit"),
    ] {
        for size in [[600.0, 400.0], [390.0, 600.0]] {
            let (mut harness, _link) = opened(size);
            harness
                .state_mut()
                .store
                .restore(View::from_link(&format!("#embed={name}")));
            harness.run_steps(4);
            assert_eq!(harness.state().store.view.embed, Some(embed));
            assert!(
                harness.query_all_by_label_contains(label).next().is_some(),
                "{name}"
            );
            for bar in ["Run on this device", "Reference", "Chapters"] {
                assert!(harness.query_by_label(bar).is_none(), "{bar} beside {name}");
            }
        }
    }
}

#[test]
fn the_chapters_lead_through_the_papers() {
    let (mut harness, _link) = opened([1280.0, 900.0]);
    harness.run_ok();
    harness.get_by_label("What the papers say").click();
    harness.run_ok();
    harness.get_by_label("Step 1 of 5");
    assert_eq!(harness.state().store.view.tab, Tab::Study);
    for name in ["amount", "claims", "real"] {
        harness.key_press(Key::ArrowRight);
        harness.run_ok();
        assert_eq!(harness.state().store.view.step, name);
    }
    let shows = harness.state().store.view.study_shows;
    assert_eq!(shows, Some(StudyPart::RealParts));
}
