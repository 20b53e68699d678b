//! The reader's own model and data.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{
        App,
        store::{Origin, Tab},
    },
    engine::{Command, Event, ModelSource, PairSource},
    platform::native::files_at,
    report::{DeviceGrant, Inspection, ModelSummary},
};

use super::support::{FakeLink, app};

const RUN: &str = "Measure on this device";

fn brought(paths: &[PathBuf]) -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = app([1280.0, 1400.0]);
    let store = &mut harness.state_mut().store;
    store.tour_seen = true;
    store.view.tab = Tab::Data;
    store.data.add(files_at(paths), &(Arc::new(|| {}) as _));
    settle(&mut harness);
    (harness, link)
}

/// Runs until every file was looked at.
fn settle(harness: &mut Harness<'_, App>) {
    // A minute: the files are small, but the machine may be busy.
    for _ in 0..3000 {
        harness.step();
        let data = &harness.state().store.data;
        let open = data.images.iter().any(|item| item.is_open())
            || data.texts.iter().any(|item| item.is_open())
            || data.is_reading();
        if !open {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    harness.run_ok();
}

fn demo_image(number: usize) -> PathBuf {
    PathBuf::from(format!("assets/demo/images/scene-{number:03}.png"))
}

#[test]
fn files_are_sorted_checked_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let paths = [
        demo_image(0),
        demo_image(1),
        file("broken.png", "hello"),
        file("a.txt", "A cat.\n"),
        file("empty.txt", " \n"),
        file("movie.mp4", "x"),
    ];
    let (mut harness, link) = brought(&paths);
    // Named where they are listed, with the reason.
    for reason in [
        "bytes of no known format",
        "expected a text, found none",
        "movie.mp4: expected",
    ] {
        assert!(
            harness.query_all_by_label_contains(reason).next().is_some(),
            "{reason}"
        );
    }
    harness.get_by_label_contains("2 images and 1 text, joined by the seed: 1 pair");
    let broken = harness.state().store.data.images.len();
    harness.get_by_label_contains("Remove broken.png").click();
    harness.run_ok();
    assert_eq!(harness.state().store.data.images.len(), broken - 1);
    harness.get_by_label(RUN).click();
    harness.run_steps(3);
    let Some(Command::Measure(request)) = link.last() else {
        panic!("the run was ordered");
    };
    let PairSource::Unpaired { images, texts, .. } = &request.pairs else {
        panic!("loose images and texts");
    };
    assert_eq!((images.len(), texts.len(), request.keep), (2, 1, true));
}

#[test]
fn a_list_of_pairs_names_its_wrong_lines() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(demo_image(3), folder.path().join("a.png")).unwrap();
    let list = folder.path().join("pairs.jsonl");
    fs::write(
        &list,
        "{\"image\": \"a.png\", \"text\": \"A scene.\"}\n{\"image\": \"b.png\", \"text\": \"B.\"}\n{\n",
    )
    .unwrap();
    let (mut harness, link) = brought(&[list]);
    harness.get_by_label_contains("pairs.jsonl:2: expected the image b.png");
    harness.get_by_label_contains("pairs.jsonl:3: expected {");
    harness.get_by_label_contains("1 of 3 lines can be run");
    harness.get_by_label(RUN).click();
    harness.run_steps(3);
    let Some(Command::Measure(request)) = link.last() else {
        panic!("the run was ordered");
    };
    let PairSource::Pairs { pairs, .. } = &request.pairs else {
        panic!("a list of pairs");
    };
    assert_eq!(pairs.len(), 1);
    assert_eq!(pairs[0].turns[0].text, "A scene.");
}

#[test]
fn a_checkpoint_is_inspected_and_refused_before_it_runs() {
    let (mut harness, link) = brought(&[PathBuf::from("assets/demo/model")]);
    harness.run_steps(2);
    let Some(Command::Inspect(request)) = link.last() else {
        panic!("a checkpoint is inspected at once");
    };
    assert!(matches!(&request.model, ModelSource::Picked(files) if files.len() > 3));
    link.tell([Event::Failed("config.json: no vision_config".to_owned())]);
    harness.run_ok();
    assert_eq!(
        harness
            .query_all_by_label("config.json: no vision_config")
            .count(),
        2,
        "beside the checkpoint and beside the button"
    );
    assert!(harness.get_by_label(RUN).accesskit_node().is_disabled());

    harness.state_mut().store.data.add(
        files_at(&[PathBuf::from("assets/demo/model")]),
        &(Arc::new(|| {}) as _),
    );
    harness.run_steps(3);
    let inspection = Inspection {
        model: ModelSummary {
            architecture: "LlavaForConditionalGeneration".to_owned(),
            ..Default::default()
        },
        device: Some(DeviceGrant::default()),
        ..Default::default()
    };
    link.tell([Event::Inspection(Box::new(inspection))]);
    harness.run_ok();
    harness.get_by_label_contains("LlavaForConditionalGeneration");
    assert!(!harness.get_by_label(RUN).accesskit_node().is_disabled());
}

#[test]
fn a_dropped_report_opens_as_a_run() {
    let (harness, _link) = brought(&[PathBuf::from("assets/demo/report.json")]);
    let store = &harness.state().store;
    assert_eq!(store.run().unwrap().name, "mirscope demo");
    assert_eq!(store.run().unwrap().origin, Origin::Opened);
    assert_eq!(store.view.tab, Tab::Alignment);
}

#[test]
fn nothing_brought_runs_the_demo() {
    let (mut harness, link) = brought(&[]);
    harness.get_by_label_contains("Nothing is ever uploaded");
    harness.get_by_label("Demo, untrained connector").click();
    harness.run_ok();
    harness.get_by_label(RUN).click();
    harness.run_steps(3);
    let Some(Command::Measure(request)) = link.last() else {
        panic!("the run was ordered");
    };
    assert!(matches!(request.pairs, PairSource::Demo));
    assert!(matches!(
        &request.model,
        ModelSource::Demo { connector: Some(name) } if name == "untrained"
    ));
}
