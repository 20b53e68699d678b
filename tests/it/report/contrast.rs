//! Two trainings beside each other: the ruler in letters and as a figure, and the answers.

use std::collections::BTreeMap;

use mirscope::{
    figures::{Figure, Look, Mark, Palette, Ruler, Target, answers, ruler, svg_of},
    report::{Definition, Report, TextStyle},
    study::{Contrast, Score, StudyResults, StudySettings, ruler_text},
};

use super::report;
use crate::made_up_study::{measured, results, study};

const NO_PROGRESS: &str = "MIR is no measure of progress within one training";

fn contrast() -> Contrast {
    Contrast::new(&results(), Definition::Exact).unwrap()
}

fn run(mir: f64) -> Report {
    Report {
        mir: Some(mir),
        ..report()
    }
}

fn style(width: Option<usize>) -> TextStyle {
    TextStyle {
        width,
        color: false,
    }
}

#[test]
fn sides_are_base_and_control_with_all_of_their_seeds() {
    let found = contrast();
    let seeds = |side: usize| -> Vec<u64> {
        let seeds = found.sides()[side].seeds.iter();
        seeds.map(|(seed, _)| *seed).collect()
    };
    assert_eq!((seeds(0), seeds(1)), (vec![1, 2, 3], vec![1, 2]));
    assert_eq!(found.fitting.mir(), 0.82);
    assert_eq!(found.fitting.answered.value, 0.74);
    assert_eq!(found.shuffled.mir(), 0.91);
    // t of the noise's degrees of freedom, times its deviation, times the root of 1 + 1 / seeds.
    let [low, high] = found.band(&found.shuffled);
    let reach = found.noise.threshold() / 2f64.sqrt() * 1.5f64.sqrt();
    assert!((high - low - 2.0 * reach).abs() < 1e-12, "{low} to {high}");
    let official = Contrast::new(&results(), Definition::OfficialAccurate).unwrap();
    assert!((official.fitting.mir() - 0.84).abs() < 1e-12);
    assert!(official.is_measured_as(&Report {
        definition: Definition::OfficialAccurate,
        ..report()
    }));
    assert!(!official.is_measured_as(&report()));
}

#[test]
fn the_best_answers_most_of_those_trained_as_long() {
    let best = |results: &StudyResults| {
        let best = Contrast::new(results, Definition::Exact).unwrap().best?;
        Some((best.variant, best.mir, best.answered.value))
    };
    let mut results = results();
    let whole = ("unfrozen-all".to_owned(), 0.66, 0.83);
    assert_eq!(best(&results), Some(whole));
    // One that was trained longer is none of them.
    for variant in &mut results.study.variants {
        if variant.name.starts_with("unfrozen-all") {
            variant.samples += 1;
        }
    }
    let half = ("unfrozen-half".to_owned(), 0.71, 0.79);
    assert_eq!(best(&results), Some(half));
    // Nor is one of fewer vision tokens.
    results.measured.get_mut("unfrozen-half").unwrap().n_vision -= 1;
    assert_ne!(best(&results).unwrap().0, "unfrozen-half");
    // Where the base answers most there is no other.
    let base = results.study.variant("base").unwrap().samples;
    for variant in &mut results.study.variants {
        if variant.name != "base" && variant.samples == base {
            let score = variant.scores.choice.as_mut().unwrap();
            score.value = score.value.min(0.5);
        }
    }
    assert_eq!(best(&results), None);
}

#[test]
fn what_cannot_be_compared_is_not() {
    assert_eq!(Contrast::new(&results(), Definition::OfficialFast), None);
    let mut alone = study();
    alone.control = None;
    let alone = StudyResults::new(alone, StudySettings::default(), measured());
    assert_eq!(Contrast::new(&alone, Definition::Exact), None);
    let mut longer = study();
    let control = longer.variants.iter_mut();
    let mut controls = control.filter(|it| it.name == "texts-shuffled");
    controls.next().unwrap().samples *= 2;
    let longer = StudyResults::new(longer, StudySettings::default(), measured());
    assert_eq!(Contrast::new(&longer, Definition::Exact), None);
    let nothing = StudyResults::new(study(), StudySettings::default(), BTreeMap::new());
    assert_eq!(Contrast::new(&nothing, Definition::Exact), None);
}

#[test]
fn the_ruler_is_one_line_of_ascii_in_every_terminal() {
    let found = contrast();
    for width in [
        Some(40),
        Some(58),
        Some(60),
        Some(66),
        Some(80),
        Some(200),
        None,
    ] {
        let text = ruler_text(&found, &run(0.93), 32_000, style(width)).unwrap();
        assert!(text.is_ascii(), "{text}");
        let longest = text.lines().map(str::len).max().unwrap();
        assert!(
            width.is_none_or(|width| longest <= width),
            "{width:?}\n{text}"
        );
        let whole = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in ["0.930", "0.820", "0.910", "32,000", NO_PROGRESS] {
            assert!(whole.contains(words), "{words} in\n{text}");
        }
        let lines: Vec<&str> = text.lines().filter(|line| line.contains('|')).collect();
        // A label, both ends in words, and twelve cells at least.
        match width {
            Some(..58) => assert!(lines.is_empty(), "{text}"),
            _ => {
                let [line] = lines[..] else {
                    panic!("one line: {text}");
                };
                assert!(
                    line.starts_with("ruler         nearer to the words |"),
                    "{line}"
                );
                assert!(line.ends_with("| farther"), "{line}");
                assert_eq!(line.matches('*').count(), 1, "{line}");
            }
        }
    }
}

#[test]
fn a_run_stands_where_its_number_is() {
    let found = contrast();
    let place = |mir: f64| {
        let text = ruler_text(&found, &run(mir), 0, style(None)).unwrap();
        let line = text.lines().next().unwrap().to_owned();
        let (_, cells) = line.split_once('|').unwrap();
        let cells = cells.rsplit_once('|').unwrap().0.to_owned();
        (cells.find('*').unwrap(), cells.len())
    };
    let (first, cells) = place(0.1);
    assert_eq!((first, place(9.0)), (0, (cells - 1, cells)));
    assert!(place(0.82).0 < place(0.91).0);
    // What was measured otherwise has no place.
    let undefined = Report {
        mir: None,
        ..report()
    };
    assert_eq!(ruler_text(&found, &undefined, 0, style(None)), None);
    let other = Report {
        definition: Definition::OfficialAccurate,
        ..report()
    };
    assert_eq!(ruler_text(&found, &other, 0, style(None)), None);
}

#[test]
fn few_tokens_are_pointed_out() {
    let found = contrast();
    let mut few = run(0.9);
    few.layers[0].n_vision = 640;
    let text = |report: &Report| ruler_text(&found, report, 0, style(None)).unwrap();
    assert!(text(&few).contains("biased upward"));
    assert!(!text(&run(0.9)).contains("biased upward"));
}

fn words(figure: &Figure) -> Vec<&str> {
    let texts = figure.marks.iter().filter_map(|mark| match mark {
        Mark::Text(text) => Some(&*text.words),
        _ => None,
    });
    texts.collect()
}

#[test]
fn the_drawn_ruler_names_its_ends_its_sides_and_the_run() {
    let found = contrast();
    for width in [1200.0, 360.0, 300.0] {
        let look = Look::new(Palette::LIGHT, [width, 0.0]);
        let chart = Ruler {
            contrast: &found,
            runs: &[("this run", 0.93)],
            best: true,
        };
        let figure = ruler(&chart, &look);
        let said = words(&figure);
        for expected in [
            "nearer to the words",
            "farther",
            "captions that fit",
            "shuffled captions",
            "0.820",
            "0.910",
            "this run 0.930",
        ] {
            assert!(said.contains(&expected), "{expected} in {said:?}");
        }
        let targets: Vec<Target> = figure.spots.iter().map(|spot| spot.target).collect();
        assert_eq!(targets, [Target::Run(0), Target::Run(1)]);
        assert!(figure.spots[0].tip.contains("seed 3: "));
        let svg = svg_of(&figure);
        assert!(!svg.contains("NaN"));
    }
}

#[test]
fn answers_are_given_over_all_questions_and_by_kind() {
    let mut found = contrast();
    let score = Score {
        value: 0.5,
        low: 0.4,
        high: 0.6,
    };
    found.fitting.kinds = vec![("colour".to_owned(), score), ("count".to_owned(), score)];
    found.shuffled.kinds.truncate(0);
    let figure = answers(&found, &Look::new(Palette::DARK, [360.0, 0.0]));
    let said = words(&figure);
    for expected in [
        "all questions",
        "color",
        "count",
        "74 %",
        "30 %",
        "50 %",
        "chance, without looking",
    ] {
        assert!(said.contains(&expected), "{expected} in {said:?}");
    }
    assert!(figure.summary.contains("74 % with captions that fit"));
}
