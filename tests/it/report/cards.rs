//! Pictures and charts of the claims' cards: each fits its column and can be read.

use std::collections::BTreeSet;

use mirscope::{
    figures::{
        Figure, Look, Mark, Palette, Point, Points, Row, Rows, Text, points, published_figure,
        real_choice, real_loss, rows, sketch, svg_of, topic_figures,
    },
    study::{Protocol, Sketch, Topic},
};

use super::topics::{real, results};

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

fn texts(figure: &Figure) -> impl Iterator<Item = &Text> {
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
