//! Charts: what is drawn, and where it can be pointed at.

use mirscope::{
    figures::{
        Anchor, Clouds, Figure, LayersChart, Limits, Look, Mark, Overlay, Palette, Quantity, Scale,
        Target, clouds, clouds_caveat, layers, norms, parts, spark, svg_of,
    },
    report::{Axes, CloudShape, MetricReport, ProjectedToken, Projection, Report},
};

use super::{report, undefined};

const SIZES: [[f32; 2]; 4] = [[900.0, 420.0], [560.0, 360.0], [360.0, 300.0], [40.0, 30.0]];

fn look(size: [f32; 2]) -> Look {
    Look::new(Palette::LIGHT, size)
}

fn chart(report: &Report, scale: Scale) -> LayersChart<'_> {
    LayersChart {
        layers: &report.layers,
        scale,
        selected: Some(2),
        overlay: None,
        intervals: report.distances(),
    }
}

/// All marks, those in clipped groups too.
fn marks(figure: &Figure) -> Vec<&Mark> {
    let mut all = Vec::new();
    let mut left: Vec<&Mark> = figure.marks.iter().collect();
    while let Some(mark) = left.pop() {
        if let Mark::Clipped { marks, .. } = mark {
            left.extend(marks);
        }
        all.push(mark);
    }
    all
}

fn words(figure: &Figure) -> Vec<&str> {
    let texts = marks(figure).into_iter().filter_map(|mark| match mark {
        Mark::Text(text) => Some(&*text.words),
        _ => None,
    });
    texts.collect()
}

/// Fails where a word reaches beyond the figure, by a font of middling width.
fn assert_inside(figure: &Figure) {
    for mark in marks(figure) {
        let Mark::Text(text) = mark else { continue };
        let length = 0.5 * text.size * text.words.chars().count() as f32;
        let before = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => 0.5,
            Anchor::End => 1.0,
        };
        let along = if text.upward { 1 } else { 0 };
        let (low, high) = if text.upward {
            (
                text.at[1] - (1.0 - before) * length,
                text.at[1] + before * length,
            )
        } else {
            (
                text.at[0] - before * length,
                text.at[0] + (1.0 - before) * length,
            )
        };
        assert!(
            low >= -1.0 && high <= figure.size[along] + 1.0,
            "{text:?} in {:?}",
            figure.size
        );
        let across = text.at[1 - along];
        assert!(
            across >= 0.0 && across <= figure.size[1 - along],
            "{text:?}"
        );
    }
}

fn projection() -> Projection {
    let tokens = |middle: f32, count: u32| -> Vec<ProjectedToken> {
        (0..count)
            .map(|index| {
                let angle = index as f32 * 2.4;
                let radius = 0.2 * (index as f32 / count as f32).sqrt();
                ProjectedToken {
                    at: [middle + radius * angle.cos(), radius * angle.sin()],
                    pair: index / 10,
                    position: index % 10,
                }
            })
            .collect()
    };
    let shape = |middle: f64, tokens: usize| CloudShape {
        tokens,
        mean: [middle, 0.0],
        covariance: [0.01, 0.0, 0.01],
    };
    Projection {
        state: 2,
        axes: Axes::Own,
        explained: [0.41, 0.1],
        vision: tokens(0.5, 200),
        text: tokens(-0.5, 100),
        vision_shape: shape(0.5, 400),
        text_shape: shape(-0.5, 100),
    }
}

#[test]
fn every_layer_can_be_pointed_at_over_its_whole_column() {
    let report = report();
    for size in SIZES {
        for figure in [
            layers(&chart(&report, Scale::Log), &look(size)),
            parts(&report.layers, Some(2), &look(size)),
            norms(&report.layers, Some(2), &look(size)),
        ] {
            let targets: Vec<Target> = figure.spots.iter().map(|spot| spot.target).collect();
            assert_eq!(targets, [1, 2, 3].map(Target::Layer));
            assert_eq!(figure.selected, Some(Target::Layer(2)));
            for pair in figure.spots.windows(2) {
                assert!((pair[0].area.right() - pair[1].area.left()).abs() < 0.01);
            }
            assert!(!figure.summary.is_empty());
        }
    }
    let figure = layers(&chart(&report, Scale::Log), &look(SIZES[0]));
    assert_eq!(
        figure.spots[0].tip,
        "Layer 1: hidden_states[1]\nFréchet distance 1000\nlocation 800.0, spread 90.00, shape \
         110.0\nnorm of vision over text 20.00"
    );
}

#[test]
fn words_stay_inside_at_every_size() {
    let report = report();
    let projection = projection();
    for size in &SIZES[..3] {
        for scale in [Scale::Log, Scale::Linear] {
            let figure = layers(&chart(&report, scale), &look(*size));
            assert_inside(&figure);
            assert!(words(&figure).contains(&"decoder layer"));
        }
        assert_inside(&parts(&report.layers, None, &look(*size)));
        assert_inside(&norms(&report.layers, None, &look(*size)));
        let figure = clouds(&cloud_chart(&projection), &look(*size));
        assert_inside(&figure);
        assert!(words(&figure).contains(&"PC 1 (41 % of variance)"));
    }
}

/// Shared axes may show little of a state, and there may be no second component; never is a share rounded away.
#[test]
fn small_shares_of_the_variance_are_told_as_they_are() {
    for (share, words_of_it) in [
        (0.0042, "PC 2 (0.4 % of variance)"),
        (0.0003, "PC 2 (less than 0.1 % of variance)"),
        (0.0, "PC 2 (none of the variance)"),
        (0.0096, "PC 2 (1 % of variance)"),
    ] {
        let mut projection = projection();
        projection.explained[1] = share;
        let figure = clouds(&cloud_chart(&projection), &look(SIZES[0]));
        assert!(
            words(&figure).contains(&words_of_it),
            "{share}: {:?}",
            words(&figure)
        );
        assert!(!figure.summary.contains(" 0 %"), "{}", figure.summary);
    }
}

#[test]
fn a_higher_distance_is_higher_on_both_axes() {
    for scale in [Scale::Log, Scale::Linear] {
        let figure = layers(&chart(&report(), scale), &look(SIZES[0]));
        let curve = figure.marks.iter().find_map(|mark| match mark {
            Mark::Line { points, .. } if points.len() == 3 => Some(points),
            _ => None,
        });
        let curve = curve.unwrap();
        assert!(curve[0][1] < curve[1][1] && curve[1][1] < curve[2][1]);
        assert!(curve[0][0] < curve[1][0] && curve[1][0] < curve[2][0]);
    }
}

#[test]
fn an_overlay_is_dashed_and_named() {
    let report = report();
    let mut chart = chart(&report, Scale::Log);
    chart.overlay = Some(Overlay {
        base: "as measured",
        name: "calibrated",
        distances: &[100.0, 1.0, 1e-6],
    });
    let figure = layers(&chart, &look(SIZES[1]));
    assert!(words(&figure).contains(&"calibrated"));
    let dashed = figure.marks.iter().filter(|mark| match mark {
        Mark::Line { points, stroke } => points.len() == 3 && stroke.dash.is_some(),
        _ => false,
    });
    assert_eq!(dashed.count(), 1);
    assert!(figure.spots[1].tip.contains("calibrated: 1.000"));
}

#[test]
fn a_bracket_shows_where_the_lower_end_cannot() {
    let report = undefined();
    // Lower ends below zero, upper ends above.
    let figure = layers(&chart(&report, Scale::Log), &look(SIZES[0]));
    assert_eq!(figure.spots.len(), 3);
    assert!(
        figure.spots[0].tip.contains("-1000 to 1000"),
        "{}",
        figure.spots[0].tip
    );
    let bands = figure
        .marks
        .iter()
        .filter(|mark| matches!(mark, Mark::Rect { .. }));
    // One of them is behind the selected layer.
    assert_eq!(bands.count(), 4);
}

#[test]
fn hostile_numbers_draw_something_finite() {
    let mut report = report();
    report.layers[0].frechet = f64::MAX;
    report.layers[0].mean_norm_text = f64::MIN_POSITIVE;
    report.layers[1].frechet = -f64::MAX;
    report.layers[1].location = f64::MAX;
    report.layers[1].spread = f64::MAX;
    report.layers[2].frechet = f64::NAN;
    report.layers[2].layer = usize::MAX;
    for size in SIZES {
        for scale in [Scale::Log, Scale::Linear] {
            svg_of(&layers(&chart(&report, scale), &look(size)));
        }
        svg_of(&parts(&report.layers, None, &look(size)));
        svg_of(&norms(&report.layers, None, &look(size)));
        let mut projection = projection();
        projection.vision[0].at = [f32::NAN, f32::INFINITY];
        projection.text_shape.covariance = [f64::NAN; 3];
        projection.vision_shape.mean = [f64::MAX, 0.0];
        svg_of(&clouds(&cloud_chart(&projection), &look(size)));
        projection.vision.clear();
        projection.text.clear();
        svg_of(&clouds(&cloud_chart(&projection), &look(size)));
    }
    report.layers.clear();
    let figure = layers(&chart(&report, Scale::Linear), &look(SIZES[2]));
    assert!(figure.summary.contains("no layer"), "{}", figure.summary);
}

fn cloud_chart(projection: &Projection) -> Clouds<'_> {
    Clouds {
        projection,
        limits: None,
        hovered: Some((1, 3)),
        pair: Some(2),
    }
}

#[test]
fn clouds_have_one_unit_and_know_their_tokens() {
    let projection = projection();
    let figure = clouds(&cloud_chart(&projection), &look(SIZES[1]));
    let spots = figure.dots.as_ref().unwrap();
    assert_eq!(spots.points.len(), 300);
    assert_eq!(spots.vision, 200);
    let nearest = spots.nearest(spots.points[257]).unwrap();
    let expected = Target::Token {
        pair: 5,
        position: 7,
    };
    assert_eq!(spots.target(nearest), Some(expected));
    // Circles stay circles: the two Gaussians have equal variance in all directions.
    let ellipses = marks(&figure).into_iter().filter_map(|mark| match mark {
        Mark::Polygon { points, .. } if points.len() > 10 => Some(points),
        _ => None,
    });
    let mut count = 0;
    for points in ellipses {
        let span = |axis: usize| {
            let values = points.iter().map(|point| point[axis]);
            let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            high - low
        };
        assert!((span(0) / span(1) - 1.0).abs() < 0.01);
        count += 1;
    }
    assert_eq!(count, 4);
    // The tokens of the chosen pair, both modalities.
    let chosen = marks(&figure).into_iter().filter_map(|mark| match mark {
        Mark::Dots { centers, .. } if centers.len() == 10 => Some(()),
        _ => None,
    });
    assert_eq!(chosen.count(), 2);
}

#[test]
fn planes_that_show_little_of_the_variance_say_so() {
    let of = |explained| Projection {
        explained,
        ..projection()
    };
    let (much, little) = (of([0.16, 0.05]), of([0.14, 0.05]));
    assert_eq!(clouds_caveat([&much]), None);
    assert_eq!(clouds_caveat([]), None);
    assert!(clouds_caveat([&much, &little]).is_some_and(|words| words.contains("far apart")));
}

#[test]
fn limits_hold_the_axes_still() {
    let first = projection();
    let mut second = projection();
    for token in second.vision.iter_mut() {
        token.at[0] += 2.0;
    }
    second.vision_shape.mean[0] += 2.0;
    let limits = Limits::of([&first, &second]).unwrap();
    assert_eq!(Limits::of([]), None);
    let at = |projection: &Projection, limits| {
        let chart = Clouds {
            limits,
            ..cloud_chart(projection)
        };
        clouds(&chart, &look(SIZES[0])).dots.unwrap().points[250]
    };
    assert_eq!(at(&first, Some(limits)), at(&second, Some(limits)));
    assert_ne!(at(&first, None), at(&second, None));
    // What the limits leave out is counted.
    let narrow = Clouds {
        limits: Limits::of([&first]),
        ..cloud_chart(&second)
    };
    let figure = clouds(&narrow, &look(SIZES[0]));
    let outside = words(&figure)
        .into_iter()
        .any(|words| words.ends_with("tokens lie outside"));
    assert!(outside, "{:?}", words(&figure));
}

fn drawn<'a>(
    report: &'a Report,
    metric: &'a MetricReport,
    size: [f32; 2],
) -> (Figure, Quantity<'a>) {
    let quantity = Quantity {
        report,
        metric,
        run: None,
    };
    assert_eq!(quantity.at_layer(0), None);
    assert_eq!(quantity.at_layer(4), None);
    (spark(&[quantity], Some(3), &look(size)), quantity)
}

#[test]
fn any_quantity_is_a_small_curve() {
    let mut report = report();
    let place = report.metrics.iter().position(|it| it.id == "norm-ratio");
    let metric = &mut report.metrics[place.unwrap()];
    for (entry, value) in metric.per_state.iter_mut().zip([20.0, -1.5, 3.0]) {
        entry.value = Some(value);
    }
    // Definitions differ in what they call the last state.
    metric.per_state[2].state += " before the final norm";
    let mut metric = metric.clone();
    for size in SIZES.into_iter().chain([[180.0, 36.0], [60.0, 14.0]]) {
        let (figure, quantity) = drawn(&report, &metric, size);
        if size[0] > 50.0 {
            assert_inside(&figure);
        }
        let targets: Vec<Target> = figure.spots.iter().map(|spot| spot.target).collect();
        assert_eq!(targets, [1, 2, 3].map(Target::Layer));
        assert_eq!(figure.selected, Some(Target::Layer(3)));
        assert_eq!(quantity.at_layer(3).and_then(|it| it.value), Some(3.0));
    }
    let (figure, _) = drawn(&report, &metric, [180.0, 36.0]);
    assert_eq!(words(&figure), ["-1.500", "20.00"]);
    assert_eq!(
        figure.spots[2].tip,
        "Layer 3\nhidden_states[3] before the final norm: 3.000"
    );
    // An undefined value leaves a gap, and none at all a reason.
    metric.per_state[1].value = None;
    let (figure, _) = drawn(&report, &metric, [180.0, 36.0]);
    assert_eq!(figure.spots[1].tip, "Layer 2\nhidden_states[2]: undefined");
    assert!(
        !marks(&figure)
            .iter()
            .any(|it| matches!(it, Mark::Line { .. }))
    );
    for entry in &mut metric.per_state {
        entry.value = None;
    }
    let (figure, _) = drawn(&report, &metric, [180.0, 36.0]);
    assert_inside(&figure);
    assert_eq!(words(&figure), ["no value at any layer"]);
    // One entry that is no layer's: it has a curve and no spot.
    metric.per_state.truncate(1);
    metric.per_state[0].state = "vision_tower".to_owned();
    metric.per_state[0].value = Some(2.0);
    let (figure, quantity) = drawn(&report, &metric, [180.0, 36.0]);
    assert_eq!((figure.spots.len(), quantity.at_layer(1)), (0, None));
    assert_eq!(words(&figure), ["2.000"]);
}
