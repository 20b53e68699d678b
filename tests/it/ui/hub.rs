//! Checkpoints of a model hub in the tab of the reader's data.

use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use mirscope::{
    app::{
        App,
        store::{
            Tab,
            ask::Whom,
            data::{Inspected, OFFERS},
        },
    },
    engine::{
        Command, Event, FetchPlan, FileHash, ModelSource, PlannedFile, RepoFile, RepoId, Stage,
    },
    report::{DeviceGrant, Inspection, ModelSummary},
};

use super::support::{FakeLink, app};

const RUN: &str = "Measure on this device";

fn opened() -> (Harness<'static, App>, FakeLink) {
    let (mut harness, link) = app([1280.0, 1400.0]);
    let store = &mut harness.state_mut().store;
    store.tour_seen = true;
    store.view.tab = Tab::Data;
    harness.run_ok();
    (harness, link)
}

/// What the hub says, `here` bytes of the weights being here.
pub fn plan(id: &str, here: u64) -> Box<FetchPlan> {
    let file = |path: &str, size, here| PlannedFile {
        file: RepoFile {
            path: path.to_owned(),
            size,
            hash: FileHash::Sha256("0".repeat(64)),
        },
        here,
        lender: None,
    };
    let config = file("config.json", 1000, if here > 0 { 1000 } else { 0 });
    Box::new(FetchPlan {
        id: id.parse().unwrap(),
        commit: "0".repeat(40),
        licence: Some("apache-2.0".to_owned()),
        gated: false,
        files: vec![config, file("model.safetensors", 500 << 20, here)],
        notes: vec!["the repository has no tokenizer.json".to_owned()],
    })
}

fn progress(done: u64) -> Event {
    Event::Progress {
        stage: Stage::Fetch,
        done,
        total: 500,
        unit: "MiB".to_owned(),
        detail: "model.safetensors".to_owned(),
    }
}

#[track_caller]
fn planned_for(link: &FakeLink) -> RepoId {
    match link.last() {
        Some(Command::Plan(model)) => model.id,
        other => panic!("expected a question about a repository, found {other:?}"),
    }
}

#[test]
fn nothing_is_fetched_before_the_reader_agrees() {
    let (mut harness, link) = opened();
    for offer in OFFERS {
        harness.get_by_label(offer.name);
        for fact in [offer.size, offer.memory, offer.licence] {
            let found = harness.query_all_by_label_contains(fact).count();
            assert!(found > 0, "{fact}");
        }
    }
    harness.get_by_label("SmolVLM-256M").click();
    harness.run_steps(3);
    assert_eq!(planned_for(&link).to_string(), OFFERS[0].id);
    assert!(harness.get_by_label(RUN).accesskit_node().is_disabled());
    link.tell([Event::Plan(plan(OFFERS[0].id, 0))]);
    harness.run_ok();
    for part in [
        "model.safetensors (500.0 MiB)",
        "licence: apache-2.0",
        "no tokenizer.json",
    ] {
        harness.get_by_label_contains(part);
    }
    assert!(
        matches!(link.last(), Some(Command::Plan(_))),
        "nothing more was ordered"
    );
    assert!(harness.get_by_label(RUN).accesskit_node().is_disabled());
    harness.get_by_label("Fetch 500.0 MiB").click();
    harness.run_steps(3);
    let Some(Command::Inspect(request)) = link.last() else {
        panic!("the reader agreed");
    };
    assert!(matches!(request.model, ModelSource::Hub(_)));
    link.tell([progress(0)]);
    harness.run_steps(2);
    std::thread::sleep(std::time::Duration::from_millis(600));
    link.tell([progress(100)]);
    harness.run_steps(2);
    harness.get_by_label_contains("100 of 500 MiB, model.safetensors");
    harness.get_by_label_contains("MiB/s");
    harness.get_by_label_contains("this stage about");
    let inspection = Inspection {
        model: ModelSummary {
            architecture: "Idefics3ForConditionalGeneration".to_owned(),
            ..Default::default()
        },
        device: Some(DeviceGrant::default()),
        ..Default::default()
    };
    link.tell([Event::Inspection(Box::new(inspection))]);
    harness.run_ok();
    harness.get_by_label_contains("Idefics3ForConditionalGeneration");
    // It can be asked as well.
    let store = &mut harness.state_mut().store;
    let whom = std::mem::replace(&mut store.ask.whom, Whom::Data);
    assert!(store.has_own_model());
    assert!(matches!(store.target().unwrap().model, ModelSource::Hub(_)));
    store.ask.whom = whom;
    harness.get_by_label(RUN).click();
    harness.run_steps(3);
    let Some(Command::Measure(request)) = link.last() else {
        panic!("the run was ordered");
    };
    assert!(matches!(request.model, ModelSource::Hub(_)));
}

#[test]
fn a_repository_can_be_typed() {
    let (mut harness, link) = opened();
    let field = |harness: &mut Harness<'_, App>, text: &str| {
        harness.state_mut().store.data.hub.typed = text.to_owned();
        harness.run_ok();
        harness.get_by_label("Look").click();
        harness.run_steps(3);
    };
    field(&mut harness, "no slash");
    harness.get_by_label_contains("expected a repository as owner/name");
    assert!(link.last().is_none());
    field(&mut harness, " someone/model@v1 ");
    assert_eq!(planned_for(&link).to_string(), "someone/model@v1");
    assert!(
        harness
            .query_by_label_contains("expected a repository")
            .is_none()
    );
    link.tell([Event::Failed(
        "someone/model@v1: the hub has no such repository".to_owned(),
    )]);
    harness.run_ok();
    assert!(
        harness
            .query_all_by_label_contains("no such repository")
            .count()
            > 0
    );
    harness.get_by_label("Try again").click();
    harness.run_steps(3);
    let asked = link.0.borrow().commands.len();
    assert_eq!(asked, 2);
    // All of it is here: there is nothing to agree to.
    link.tell([Event::Plan(plan("someone/model@v1", 500 << 20))]);
    harness.run_steps(3);
    assert!(matches!(link.last(), Some(Command::Inspect(_))));
}

#[test]
fn a_transfer_can_be_stopped_and_goes_on() {
    let (mut harness, link) = opened();
    harness.get_by_label("SmolVLM-256M").click();
    harness.run_steps(3);
    link.tell([Event::Plan(plan(OFFERS[0].id, 0))]);
    harness.run_ok();
    harness.get_by_label("Fetch 500.0 MiB").click();
    harness.run_steps(3);
    link.tell([progress(200)]);
    harness.run_steps(2);
    harness.get_by_label("Stop").click();
    harness.run_steps(3);
    assert_eq!(link.0.borrow().cancels, 1);
    link.tell([Event::Cancelled]);
    harness.run_steps(3);
    planned_for(&link);
    link.tell([Event::Plan(plan(OFFERS[0].id, 200 << 20))]);
    harness.run_ok();
    harness.get_by_label_contains("200.0 MiB of it here");
    harness.get_by_label("Fetch 300.0 MiB").click();
    harness.run_steps(3);
    assert!(matches!(link.last(), Some(Command::Inspect(_))));
    // Whoever takes another checkpoint waits for none of it.
    harness.get_by_label("Demo, trained connector").click();
    harness.run_steps(3);
    assert_eq!(link.0.borrow().cancels, 2);
    link.tell([Event::Cancelled]);
    harness.run_steps(3);
    assert_eq!(harness.state().store.data.inspected, Inspected::Nothing);
    assert!(!harness.get_by_label(RUN).accesskit_node().is_disabled());
}
