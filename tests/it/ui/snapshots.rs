//! A picture of each view at three sizes, in the light and in the dark.
//!
//! `UPDATE_SNAPSHOTS=force cargo test --test it snapshots` draws them anew (`true` those that differ alone), and as they
//! are on a screen in `target/snapshots/`: look at each before committing it. What is kept is a half or a third as large,
//! its colors rounded to 16 shades: enough to tell that a view changed, and small enough to keep all of them.

use std::{env, fs};

use eframe::egui::Theme;
use egui_kittest::{
    Harness, SnapshotOptions, SnapshotResults, kittest::Queryable, try_image_snapshot_options,
};
use image::{RgbaImage, imageops};
use mirscope::{
    app::{
        App,
        store::{StartPart, StudyPart, Tab, View, WhatIfPart},
    },
    study::Topic,
};

use super::{
    ask::converse,
    support::{FakeLink, drawn},
};

/// Name, size, and how many times as small it is kept.
const SIZES: [(&str, [f32; 2], u32); 3] = [
    ("laptop", [1280.0, 720.0], 2),
    ("large", [1920.0, 1080.0], 3),
    ("phone", [390.0, 844.0], 2),
];
const THEMES: [(&str, Theme); 2] = [("light", Theme::Light), ("dark", Theme::Dark)];
/// Where the pictures lie as they are on a screen.
const WHOLE: &str = "target/snapshots";
/// Those that the README shows are kept so.
const SHOWN: [&str; 2] = ["riddle-laptop-light", "eyes-laptop-light"];

/// Most that a value differs from a rounded one, in shades of 255: half a step, and half as much for adapters of different
/// versions. As dify counts it, by YIQ: 0.5053 of the square of what all three colors differ by.
const SHADES: f32 = 0.5053 * 12.75 * 12.75;
/// Points of a screen that may differ by more: software adapters of different versions differ in the edges of letters.
const FAILED: u32 = 400;

fn smaller(picture: &RgbaImage, by: u32) -> RgbaImage {
    imageops::thumbnail(picture, picture.width() / by, picture.height() / by)
}

/// Each color as one of 16 shades.
fn rounded(mut picture: RgbaImage) -> RgbaImage {
    for value in picture.iter_mut() {
        *value = u8::try_from((u32::from(*value) + 8) / 17 * 17).unwrap();
    }
    picture
}

/// Compares a view's pictures with those that are kept.
fn compare(name: &str, open: impl Fn(&mut Harness<'_, App>, &FakeLink)) {
    let is_new = env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut results = SnapshotResults::new();
    for (size_name, size, by) in SIZES {
        let failed = |points: u32| SnapshotOptions::new().max_failed_pixels(points as usize);
        let shown = failed(FAILED).threshold(1.0).output_path("docs/pictures");
        let kept = failed(FAILED / (by * by)).threshold(SHADES);
        let kept = kept.output_path("tests/it/ui/snapshots");
        for (theme_name, theme) in THEMES {
            let (mut harness, link) = drawn(size, theme);
            open(&mut harness, &link);
            harness.run_ok();
            let picture = harness.render().unwrap();
            let name = format!("{name}-{size_name}-{theme_name}");
            if is_new {
                fs::create_dir_all(WHOLE).unwrap();
                picture.save(format!("{WHOLE}/{name}.png")).unwrap();
            }
            if SHOWN.contains(&&*name) {
                results.add(try_image_snapshot_options(&picture, &*name, &shown));
            }
            let small = smaller(&picture, by);
            let small = if is_new { rounded(small) } else { small };
            results.add(try_image_snapshot_options(&small, name, &kept));
        }
    }
}

/// The same of a view that a change of the first one opens.
fn compare_view(name: &str, change: impl Fn(&mut View)) {
    compare(name, |harness, _| {
        change(&mut harness.state_mut().store.view)
    });
}

#[test]
fn riddle() {
    compare_view("riddle", |view| view.part = Some(StartPart::Riddle));
}

#[test]
fn riddle_solved() {
    compare("riddle-solved", |harness, _| {
        let store = &mut harness.state_mut().store;
        store.guess(1);
        store.view.part = Some(StartPart::Riddle);
    });
}

#[test]
fn trainings() {
    compare("trainings", |harness, _| {
        let store = &mut harness.state_mut().store;
        store.guess(1);
        store.view.part = Some(StartPart::Trainings);
    });
}

#[test]
fn training_steps() {
    compare("training-steps", |harness, _| {
        let store = &mut harness.state_mut().store;
        store.view.part = Some(StartPart::Steps);
        store.select_step(3);
    });
}

#[test]
fn alignment() {
    compare_view("alignment", |view| view.tab = Tab::Alignment);
}

#[test]
fn eyes() {
    compare_view("eyes", |view| view.tab = Tab::Eyes);
}

#[test]
fn eyes_words() {
    compare_view("eyes-words", |view| {
        view.tab = Tab::Eyes;
        view.words = true;
    });
}

#[test]
fn a_followed_patch() {
    compare_view("eyes-follow", |view| {
        view.tab = Tab::Eyes;
        view.follow = Some(3);
    });
}

#[test]
fn ask() {
    compare("ask", |harness, link| {
        harness.state_mut().store.view.tab = Tab::Ask;
        converse(harness, link);
    });
}

#[test]
fn ellipses() {
    compare_view("what-if-ellipses", |view| {
        view.tab = Tab::WhatIf;
        view.what_if_shows = Some(WhatIfPart::Ellipses);
    });
}

#[test]
fn what_if() {
    compare_view("what-if-run", |view| {
        view.tab = Tab::WhatIf;
        view.what_if_shows = Some(WhatIfPart::Run);
    });
}

#[test]
fn runs_compared() {
    compare_view("compare", |view| view.tab = Tab::Compare);
}

#[test]
fn claims() {
    compare_view("study-claims", |view| {
        view.tab = Tab::Study;
        view.study_shows = Some(StudyPart::Claims);
    });
}

/// The first card, up to the beginning of the second one.
#[test]
fn claim() {
    compare("study-claim", |harness, _| {
        let view = &mut harness.state_mut().store.view;
        view.tab = Tab::Study;
        view.study_shows = Some(StudyPart::Claims);
        harness.run_ok();
        harness.get_by_label(Topic::ALL[1].question).scroll_to_me();
    });
}

#[test]
fn settings() {
    compare_view("study-settings", |view| {
        view.tab = Tab::Study;
        view.study_shows = Some(StudyPart::Settings);
    });
}

#[test]
fn real_parts() {
    compare_view("study-real", |view| {
        view.tab = Tab::Study;
        view.study_shows = Some(StudyPart::RealParts);
    });
}

#[test]
fn data() {
    compare_view("data", |view| view.tab = Tab::Data);
}

#[test]
fn reference() {
    compare_view("reference", |view| view.tab = Tab::Reference);
}
