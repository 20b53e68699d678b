//! Claims by topic: nothing is left out, every sentence has its numbers, and every picture its room.

use std::{collections::BTreeSet, fs, path::Path};

use mirscope::{
    figures::{
        Figure, Look, Mark, Palette, Point, Points, Row, Rows, points, published_figure,
        real_choice, real_loss, rows, sketch, svg_of, topic_figures,
    },
    study::{
        Claim, Expectation, Metric, Outcome, Paper, Protocol, Published, REAL_COMMANDS, REAL_PARTS,
        RealParts, Sketch, StudyResults, Topic, Verdict, plain,
    },
};

fn asset(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn results(protocol: Protocol) -> StudyResults {
    let file = ["study/results.json", "papers/results.json"][protocol.index()];
    StudyResults::parse(&asset(file), file).unwrap()
}

fn real() -> RealParts {
    RealParts::parse(&asset("real/points.json"), "points.json").unwrap()
}

#[test]
fn every_claim_is_in_one_topic() {
    for protocol in Protocol::ALL {
        let results = results(protocol);
        let mut shown: Vec<&str> = Vec::new();
        for topic in Topic::ALL {
            let judged = topic.judged(protocol, &results);
            let names = topic.claims[protocol.index()];
            assert_eq!(judged.len(), names.len(), "{}: {names:?}", topic.name);
            shown.extend(names);
            let axis = topic.axes[protocol.index()];
            assert!(
                axis.is_empty() || results.study.axis(axis).is_some(),
                "{}: {axis}",
                topic.name
            );
            // Who is named says something about it, and nobody is where it is a check of our own.
            for (claim, _) in judged {
                let of = |paper: &Paper| claim.source.contains(paper.place());
                match claim.source.is_empty() {
                    true => assert!(topic.papers.is_empty(), "{}", topic.name),
                    false => assert!(topic.papers.iter().any(of), "{}", topic.name),
                }
            }
        }
        let all = results.study.claims.iter().map(|claim| claim.id.as_str());
        let all: BTreeSet<&str> = all.collect();
        assert_eq!(shown.len(), all.len());
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), all);
    }
}

/// What the claims expect of MIR is what the paper's figures do.
#[test]
fn published_figures_go_where_the_claims_say() {
    let results = results(Protocol::OneStage);
    let expected = |claim: &str| {
        let claim = results.study.claims.iter().find(|it| it.id == claim);
        Expectation::parse(&claim.unwrap().expect).unwrap()
    };
    let value = |series: &Published, setting: &str| {
        let found = series.figures.iter().find(|(name, _)| *name == setting);
        found.unwrap().1
    };
    let mut checked = 0;
    for (claim, series) in [
        ("texts-mir", Published::CAPTIONS),
        ("rate-mir", Published::RATE),
        ("unfrozen-mir", Published::UNLOCKED),
        ("unfrozen-score", Published::UNLOCKED_SCORE),
        ("moca-mir", Published::MOCA),
        ("moca-mir", Published::MOCA_GEMINI),
        ("moca-score", Published::MOCA_SCORE),
        ("size-score", Published::MM1_SIZE),
        ("captions-score", Published::MM1_CAPTIONS),
        ("captions-few-shot", Published::MM1_INTERLEAVED),
    ] {
        let values: Vec<f64> = series.figures.iter().map(|(_, value)| *value).collect();
        let rising = values.windows(2).all(|pair| pair[0] <= pair[1]);
        let falling = values.windows(2).all(|pair| pair[0] >= pair[1]);
        match expected(claim) {
            Expectation::Increasing => assert!(rising && !falling, "{claim}: {values:?}"),
            Expectation::Decreasing => assert!(falling && !rising, "{claim}: {values:?}"),
            other => panic!("{claim}: {other:?}"),
        }
        checked += 1;
    }
    assert_eq!(checked, 10);
    let of = |setting| value(&Published::CONNECTOR, setting);
    assert!(of("2 layers") < of("1 layer") && of("2 layers") < of("4 layers"));
    assert!(of("Q-Former") > of("2 layers"));
    let vila = |setting| value(&Published::VILA_DATA, setting);
    assert!(vila("MMC4, interleaved") > vila("MMC4 cut into pairs"));
    let mut names: Vec<(&str, &str)> = Vec::new();
    for series in Topic::ALL.iter().flat_map(|topic| topic.published) {
        assert!(series.figures.len() > 1, "{}", series.varied);
        names.push((series.varied, series.measure));
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a series stands in one topic");
}

fn all_judged(results: &StudyResults) -> impl Iterator<Item = (&Claim, &Verdict)> {
    results.study.claims.iter().zip(&results.verdicts)
}

#[test]
fn plain_verdicts_have_the_numbers_that_decided_them() {
    let mut seen = BTreeSet::new();
    for protocol in Protocol::ALL {
        let results = results(protocol);
        for (claim, verdict) in all_judged(&results) {
            let words = plain(&results, claim, verdict);
            let metric = Metric::parse(&claim.metric).unwrap();
            seen.insert(format!("{:?}", verdict.outcome));
            assert!(words.ends_with('.') && !words.contains("NaN"), "{words}");
            assert!(!words.contains("  ") && !words.contains('`'), "{words}");
            if verdict.outcome == Outcome::AtChance {
                assert!(words.contains("nothing can be told"), "{words}");
                continue;
            }
            if let Some(ends) = verdict.ends {
                for end in ends {
                    assert!(words.contains(&metric.text(end)), "{words}");
                }
                let rises = words.contains("rise");
                let falls = words.contains("fall");
                let moved = verdict.outcome != Outcome::WithinNoise;
                assert_eq!(rises, moved && ends[1] > ends[0], "{words}");
                assert_eq!(falls, moved && ends[1] < ends[0], "{words}");
            } else if let Some(rho) = verdict.rank.rho.filter(|_| verdict.noise.is_none()) {
                let number = format!("{rho:.2}").replace('-', "\u{2212}");
                assert!(words.contains(&number), "{words}");
            } else {
                let differ = format!("{:?}", verdict.note);
                let number = differ.split(' ').find(|part| part.contains('.')).unwrap();
                assert!(words.contains(number), "{words} {differ}");
            }
            assert_eq!(
                words.contains("seeds alone may do"),
                match (&verdict.ends, verdict.noise) {
                    (Some(_), _) => verdict.outcome == Outcome::WithinNoise,
                    (None, Some(_)) => verdict.outcome == Outcome::Held,
                    _ => false,
                },
                "{words}"
            );
        }
    }
    // Every outcome of the shipped studies was met.
    assert_eq!(seen.len(), 4, "{seen:?}");
}

/// A claim that goes back on its way, and one whose numbers are missing.
#[test]
fn rare_verdicts_are_told_too() {
    let mut results = results(Protocol::OneStage);
    let mut names = ["lr-2e-4", "lr-6e-4", "lr-6e-3"].into_iter();
    for mir in [0.5, 1.4, 0.9] {
        let name = names.next().unwrap();
        results.measured.get_mut(name).unwrap().mir = Some(mir);
    }
    results.measured.get_mut("moca").unwrap().mir = None;
    let again = StudyResults::new(
        results.study.clone(),
        results.settings,
        results.measured.clone(),
    );
    let told = |id: &str| {
        let (claim, verdict) = all_judged(&again)
            .find(|(claim, _)| claim.id == id)
            .unwrap();
        (verdict.outcome, plain(&again, claim, verdict))
    };
    let (outcome, words) = told("rate-mir");
    assert_eq!(outcome, Outcome::DidNotHold);
    assert!(words.contains("in between it goes back"), "{words}");
    let (outcome, words) = told("moca-mir");
    assert_eq!(outcome, Outcome::NotMeasured);
    assert!(
        words.starts_with("It cannot be judged: `moca` has no"),
        "{words}"
    );
}

/// The texts and everything else of a figure, each with its left and its right end.
fn extents(marks: &[Mark]) -> Vec<(f32, f32, f32, f32)> {
    let mut all = Vec::new();
    let mut add = |points: &[[f32; 2]], more: f32| {
        for [x, y] in points {
            all.push((x - more, x + more, y - more, y + more));
        }
    };
    for mark in marks {
        match mark {
            Mark::Line { points, .. } | Mark::Polygon { points, .. } => add(points, 0.0),
            Mark::Rect { area, .. } => {
                add(&[area.min, [area.right(), area.bottom()]], 0.0);
            }
            Mark::Circle { center, radius, .. } => add(&[*center], *radius),
            Mark::Dots {
                centers, radius, ..
            } => add(centers, *radius),
            Mark::Text(text) => add(&[text.at], 0.0),
            Mark::Clipped { .. } => {}
        }
    }
    all
}

fn texts(figure: &Figure) -> impl Iterator<Item = &mirscope::figures::Text> {
    figure.marks.iter().filter_map(|mark| match mark {
        Mark::Text(text) => Some(text),
        _ => None,
    })
}

/// All figures of the cards in one look.
fn all_figures(look: &Look) -> Vec<Figure> {
    let mut all = vec![
        sketch(&Sketch::PROTOCOLS, look),
        real_choice(
            &real(),
            &Look {
                size: [look.size[0], 300.0],
                ..*look
            },
        ),
        real_loss(
            &real(),
            &Look {
                size: [look.size[0], 300.0],
                ..*look
            },
        ),
    ];
    let results = Protocol::ALL.map(results);
    for topic in Topic::ALL {
        all.extend(topic.sketch.iter().map(|it| sketch(it, look)));
        if !topic.published.is_empty() {
            all.push(published_figure(topic.published, look));
        }
        for protocol in Protocol::ALL {
            let found = topic_figures(topic, protocol, &results[protocol.index()], look);
            let asked = !topic.claims[protocol.index()].is_empty();
            assert_eq!(!found.is_empty(), asked, "{}", topic.name);
            all.extend(found);
        }
    }
    all
}

#[test]
fn pictures_and_charts_fit_their_columns_and_can_be_read() {
    let names: BTreeSet<String> = Protocol::ALL
        .into_iter()
        .flat_map(|protocol| results(protocol).study.variants)
        .map(|variant| variant.name)
        .filter(|name| name.contains('-'))
        .collect();
    let mut count = 0;
    for (width, palette) in [
        (252.0, Palette::LIGHT),
        (334.0, Palette::DARK),
        (430.0, Palette::LIGHT),
    ] {
        // As the app draws them: small text of 13 points.
        let look = Look {
            text: 13.0 / 12.0,
            ..Look::new(palette, [width, 0.0])
        };
        for figure in all_figures(&look) {
            let title = &figure.title;
            let [wide, high] = figure.size;
            assert!(wide <= width && high > 20.0, "{title}: {wide} x {high}");
            for (left, right, top, bottom) in extents(&figure.marks) {
                assert!(
                    left >= -1.0 && right <= width + 1.0 && top >= -1.0 && bottom <= high + 1.0,
                    "{title}: {left} to {right} of {width}, {top} to {bottom} of {high}"
                );
            }
            for text in texts(&figure) {
                assert!(
                    text.size >= 13.0,
                    "{title}: {} at {}",
                    text.words,
                    text.size
                );
                assert!(!names.contains(&text.words), "{title}: {}", text.words);
            }
            for spot in &figure.spots {
                let named = names.iter().find(|name| spot.tip.contains(*name));
                // `20 times` and the like are labels; names of files are not.
                assert_eq!(named, None, "{title}: {}", spot.tip);
            }
            assert!(!figure.summary.is_empty(), "{title}");
            assert!(svg_of(&figure).contains("<title>"), "{title}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_sketch_names_its_rows() {
    let sketches = Topic::ALL.iter().filter_map(|topic| topic.sketch);
    let mut titles = Vec::new();
    for it in sketches {
        assert!(
            !it.rows.is_empty() && !it.rows[0].label.is_empty(),
            "{}",
            it.title
        );
        let drawn = sketch(&it, &Look::new(Palette::LIGHT, [300.0, 0.0]));
        for row in it.rows.iter().filter(|row| !row.label.is_empty()) {
            assert!(
                texts(&drawn).any(|text| text.words == row.label),
                "{}",
                row.label
            );
            assert!(drawn.summary.contains(row.label));
        }
        titles.push(it.title);
    }
    // A picture for each type of connector, for freezing, interleaving and sub-images.
    for sketch in [
        Sketch::LAYERS,
        Sketch::TYPES,
        Sketch::FREEZING,
        Sketch::INTERLEAVING,
        Sketch::SUB_IMAGES,
    ] {
        assert!(titles.contains(&sketch.title), "{}", sketch.title);
    }
}

#[test]
fn rows_have_their_numbers_seeds_and_noise() {
    let row = |label: &str, value: f64, seeds: &[f64]| Row {
        label: label.to_owned(),
        value,
        text: format!("{value:.1}"),
        seeds: seeds.to_vec(),
        target: None,
    };
    let mut panel = Rows {
        title: "number".to_owned(),
        rows: vec![row("one", 1.0, &[1.2, 0.9]), row("two", 3.0, &[])],
        ordered: true,
        noise: Some(0.5),
        line: Some((2.0, "chance".to_owned())),
        ours: true,
    };
    let look = Look::new(Palette::LIGHT, [300.0, 0.0]);
    let drawn = rows("title", std::slice::from_ref(&panel), &look);
    assert_eq!(drawn.summary, "number: one 1.0, two 3.0.");
    let circles = |drawn: &Figure| {
        let all = drawn.marks.iter();
        all.filter(|mark| matches!(mark, Mark::Circle { .. }))
            .count()
    };
    assert_eq!(circles(&drawn), 4);
    // The band reaches as far from the first setting on either side, and not to the second one.
    let band = drawn.marks.iter().find_map(|mark| match mark {
        Mark::Rect { area, .. } => Some(*area),
        _ => None,
    });
    let band = band.unwrap();
    let centers: Vec<[f32; 2]> = (drawn.marks.iter())
        .filter_map(|mark| match mark {
            Mark::Circle {
                center,
                stroke: None,
                ..
            } => Some(*center),
            _ => None,
        })
        .collect();
    let middle = (band.left() + band.right()) / 2.0;
    assert!((middle - centers[0][0]).abs() < 0.1, "{band:?} {centers:?}");
    assert!(centers[1][0] > band.right() + 20.0);
    panel.rows.clear();
    let empty = rows("title", &[panel], &look);
    assert!(texts(&empty).any(|text| text.words == "nothing was measured"));
    assert!(
        rows("title", &[], &look)
            .summary
            .contains("nothing was measured")
    );
    let none = Points {
        title: "points".to_owned(),
        axes: ["x".to_owned(), "y".to_owned()],
        points: Vec::<Point>::new(),
        kinds: Vec::new(),
        line: None,
    };
    let drawn = points(&none, &Look::new(Palette::LIGHT, [300.0, 200.0]));
    assert!(drawn.summary.contains("nothing was measured"));
}

#[test]
fn real_parts_say_what_their_numbers_say() {
    let mut real = real();
    let words = real.sentences();
    let readme = asset("real/README.md");
    for command in REAL_COMMANDS {
        assert!(readme.contains(command), "{command}");
    }
    for [_, from, licence] in REAL_PARTS {
        let package = from.split_once(", the file ").unwrap();
        let name = package.0.replace("PyPI ", "");
        let name = name.split(' ').next().unwrap();
        for part in [name, package.1, licence] {
            assert!(readme.contains(part), "{part}");
        }
    }
    let story = "MIR does not tell here: runs that have learned more tend to have the higher MIR (Spearman's rho with \
                 the loss \u{2212}0.71, \u{2212}0.78 to \u{2212}0.13, over 12 trained runs).";
    assert_eq!(words[0], story);
    assert!(
        words[1].contains("39 to 40 %") && words[1].contains("21 %"),
        "{}",
        words[1]
    );
    assert!(words[2].contains("does not show"), "{}", words[2]);
    assert!(words[4].contains("1.09 to 1.11"), "{}", words[4]);
    // Other numbers, other words.
    let found = real
        .correlations
        .get_mut("mir_prose and loss_names")
        .unwrap();
    (found.spearman, found.spearman_95) = (0.8, [0.5, 0.9]);
    assert!(real.sentences()[0].starts_with("MIR tells here"));
    let found = real
        .correlations
        .get_mut("mir_prose and loss_names")
        .unwrap();
    (found.spearman, found.spearman_95) = (-0.1, [-0.5, 0.4]);
    assert!(real.sentences()[0].contains("keeps no order"));
    let shuffled = real.points.iter_mut().find(|run| run.shuffled).unwrap();
    shuffled.with_prose.mir = 9.0;
    assert!(!real.sentences()[2].contains("does not show"));
    let labels: BTreeSet<String> = real.points.iter().map(|run| run.label()).collect();
    assert_eq!(labels.len(), real.points.len(), "{labels:?}");
    let error = RealParts::parse("{\"points\": []}", "points.json").unwrap_err();
    assert!(error.to_string().contains("points.json"), "{error}");
}
