//! SCRATCH
use super::{ask::converse, support::drawn};
use eframe::egui::Theme;
use mirscope::app::store::View;
#[test]
fn shots() {
    let Ok(dir) = std::env::var("SHOTS") else {
        return;
    };
    let links = std::env::var("LINKS").unwrap();
    let sizes = std::env::var("SIZES").unwrap_or("1280x720,1920x1080,390x844".into());
    let themes = std::env::var("THEMES").unwrap_or("light".into());
    let scroll: f32 = std::env::var("SCROLL").map_or(0.0, |s| s.parse().unwrap());
    let click = std::env::var("CLICK").unwrap_or_default();
    for size in sizes.split(',') {
        let (w, h) = size.split_once('x').unwrap();
        let size_f = [w.parse::<f32>().unwrap(), h.parse::<f32>().unwrap()];
        for theme in themes.split(',') {
            for link in links.split(' ') {
                let t = if theme == "dark" {
                    Theme::Dark
                } else {
                    Theme::Light
                };
                let (mut harness, l) = drawn(size_f, t);
                harness.state_mut().store.riddles.met = true;
                harness.state_mut().store.restore(View::from_link(link));
                if link.starts_with("#tab=ask") && std::env::var("TALK").is_ok() {
                    converse(&mut harness, &l);
                }
                harness.run_steps(12);
                std::thread::sleep(std::time::Duration::from_millis(700));
                harness.run_steps(6);
                for c in click.split('|').filter(|c| !c.is_empty()) {
                    use egui_kittest::kittest::Queryable;
                    harness.query_all_by_label(c).next().expect(c).click();
                    harness.run_steps(10);
                }
                if scroll != 0.0 {
                    let center = eframe::egui::pos2(size_f[0] / 2.0, size_f[1] / 2.0);
                    harness.hover_at(center);
                    harness.event(eframe::egui::Event::MouseWheel {
                        unit: eframe::egui::MouseWheelUnit::Point,
                        delta: eframe::egui::vec2(0.0, -scroll),
                        phase: eframe::egui::TouchPhase::Move,
                        modifiers: Default::default(),
                        source: eframe::egui::MouseWheelSource::Wheel,
                    });
                    harness.run_steps(60);
                }
                let image = harness.render().unwrap();
                let name = link.trim_start_matches('#').replace(['=', '&'], "-");
                image
                    .save(format!("{dir}/{size}-{theme}-{name}.png"))
                    .unwrap();
            }
        }
    }
}

#[test]
fn list_wide() {
    let link = std::env::var("LINKS").unwrap();
    let (mut harness, _l) = super::support::opened([195.0, 422.0]);
    harness.state_mut().store.restore(View::from_link(&link));
    harness.run_steps(6);
    for (_, rect, words) in super::scale::widgets(&harness) {
        if rect.right() > 172.5 {
            println!("{rect:?} {words:.60}");
        }
    }
}

#[test]
fn regen() {
    use mirscope::{
        figures::{Palette, study_figures, svg, svg_of},
        report::parse,
        study::StudyResults,
    };
    if std::env::var("REGEN").is_err() {
        return;
    }
    for study in ["study", "papers"] {
        let json = std::fs::read_to_string(format!("assets/{study}/results.json")).unwrap();
        let results = StudyResults::parse(&json, "results.json").unwrap();
        for made in study_figures(&results, Palette::LIGHT) {
            std::fs::write(
                format!("assets/{study}/figures/{}.svg", made.name),
                svg_of(&made.figure),
            )
            .unwrap();
        }
    }
    let report = std::fs::read_to_string("assets/demo/report.json").unwrap();
    std::fs::write(
        "docs/demo.svg",
        svg(&parse(&report, "report.json").unwrap()),
    )
    .unwrap();
}

#[test]
fn pngs() {
    let Ok(files) = std::env::var("SVGS") else {
        return;
    };
    for file in files.split(' ') {
        let svg = std::fs::read_to_string(file).unwrap();
        let name = std::path::Path::new(file)
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        std::fs::write(
            format!("/tmp/vw/{name}.png"),
            mirscope::app::export::png(&svg).unwrap(),
        )
        .unwrap();
    }
}
