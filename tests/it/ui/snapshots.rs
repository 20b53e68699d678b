//! A picture of each view, of those with the most plots in a large window, and a few in the dark and on a phone.
//!
//! `UPDATE_SNAPSHOTS=true cargo test --test it snapshots` draws them anew: look at each before
//! committing it.

use eframe::egui::Theme;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults, kittest::Queryable};
use mirscope::{
    app::{
        App,
        store::{StartPart, StudyPart, Tab},
    },
    study::Topic,
};

use super::{ask::converse, support::drawn};

const LAPTOP: [f32; 2] = [1280.0, 720.0];
const LARGE: [f32; 2] = [1920.0, 1080.0];
const PHONE: [f32; 2] = [390.0, 844.0];

/// Compares a picture, and keeps the result with those of the test.
fn snapshot(harness: &mut Harness<'_, App>, results: &mut SnapshotResults, name: &str) {
    harness.run_ok();
    // Software adapters of different versions differ in the edges of letters.
    let options = SnapshotOptions::new()
        .threshold(1.0)
        .max_failed_pixels(400)
        .output_path("tests/it/ui/snapshots");
    harness.snapshot_options(name, &options);
    results.extend_harness(harness);
}

/// The two trainings, the riddle before and after the guess, and one training step by step.
#[test]
fn start() {
    let mut results = SnapshotResults::new();
    for (size, theme, guessed, part, name) in [
        (
            LARGE,
            Theme::Light,
            true,
            StartPart::Trainings,
            "start-large-light",
        ),
        (
            PHONE,
            Theme::Dark,
            true,
            StartPart::Trainings,
            "start-phone-dark",
        ),
        (
            LAPTOP,
            Theme::Light,
            false,
            StartPart::Riddle,
            "riddle-laptop-light",
        ),
        (
            LAPTOP,
            Theme::Dark,
            true,
            StartPart::Riddle,
            "riddle-solved-laptop-dark",
        ),
        (
            PHONE,
            Theme::Light,
            true,
            StartPart::Riddle,
            "riddle-solved-phone-light",
        ),
        (
            LAPTOP,
            Theme::Light,
            true,
            StartPart::Steps,
            "steps-laptop-light",
        ),
    ] {
        let (mut harness, _link) = drawn(size, theme);
        let store = &mut harness.state_mut().store;
        if guessed {
            store.guess(1);
        }
        store.view.part = Some(part);
        store.select_step(3);
        snapshot(&mut harness, &mut results, name);
    }
}

#[test]
fn tabs() {
    let mut results = SnapshotResults::new();
    for tab in Tab::ALL.into_iter().skip(1) {
        let size = match tab {
            Tab::Alignment | Tab::Eyes | Tab::WhatIf | Tab::Compare => LARGE,
            _ => LAPTOP,
        };
        let (mut harness, link) = drawn(size, Theme::Light);
        harness.state_mut().store.view.tab = tab;
        if tab == Tab::Ask {
            converse(&mut harness, &link);
        }
        let name = tab
            .title()
            .to_lowercase()
            .replace([' ', '\''], "-")
            .replace('?', "");
        snapshot(&mut harness, &mut results, &format!("tab-{name}"));
    }
}

/// The study's tab over the studies that ship: their claims on a phone, every checkpoint, and connectors between real
/// parts.
#[test]
fn study() {
    let mut results = SnapshotResults::new();
    for (size, theme, part, name) in [
        (PHONE, Theme::Light, StudyPart::Claims, "claims-phone-light"),
        (LAPTOP, Theme::Light, StudyPart::Settings, "settings-light"),
        (
            LARGE,
            Theme::Light,
            StudyPart::RealParts,
            "real-large-light",
        ),
        (PHONE, Theme::Dark, StudyPart::RealParts, "real-phone-dark"),
    ] {
        let (mut harness, _link) = drawn(size, theme);
        let store = &mut harness.state_mut().store;
        store.view.tab = Tab::Study;
        store.view.study_shows = Some(part);
        harness.run_ok();
        if part == StudyPart::Claims {
            // The first card, up to the beginning of the second one.
            harness.get_by_label(Topic::ALL[1].question).scroll_to_me();
            harness.run_ok();
        }
        snapshot(&mut harness, &mut results, &format!("study-{name}"));
    }
}
