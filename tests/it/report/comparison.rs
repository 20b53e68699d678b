//! Reports beside each other.

use mirscope::report::{
    Comparison, Named, Report, TextStyle, comparison_csv, comparison_markdown, comparison_tex,
    comparison_text, difference, incomparable, interval,
};

use super::report;

/// A report whose rate moves with its pairs as `by_pair` says.
fn with(mir_times: f64, by_pair: &dyn Fn(usize) -> f64) -> Report {
    let mut report = report();
    for layer in &mut report.layers {
        layer.frechet *= mir_times;
        layer.location = layer.frechet - layer.spread - layer.shape;
    }
    report.mir = report.mir.map(|mir| mir + mir_times.log10());
    report.metrics = mirscope::report::of_layers(report.definition, &report.layers);
    let metric = report.metrics.iter_mut().find(|it| it.id == "mir").unwrap();
    metric.by_pair = (0..report.data.num_pairs).map(by_pair).collect();
    metric.interval = interval(metric.value.unwrap(), &metric.by_pair);
    report
}

/// What every pair does to both runs, much; and what it does to one alone, little.
fn shared(pair: usize) -> f64 {
    [0.05, -0.03, 0.02, -0.04][pair % 4]
}

fn own(pair: usize) -> f64 {
    [0.001, -0.001][pair % 2]
}

#[test]
fn a_paired_difference_leaves_out_what_pairs_do_to_both() {
    let first = with(1.0, &shared);
    let other = with(1.05, &|pair| shared(pair) + own(pair));
    let found = difference(&first, &other, "mir").unwrap();
    assert!((found.value - 1.05_f64.log10()).abs() < 1e-12);
    let [low, high] = found.interval.unwrap();
    // Deviations of 0.001 of 100 pairs, Student's t with 99 degrees of freedom.
    let error = (100.0_f64 * 1e-6 * 100.0 / 99.0).sqrt();
    assert!(((high - low) / 2.0 / error - 1.984_2).abs() < 1e-3);
    assert_eq!(found.beyond, Some(true));
    // The runs' own intervals overlap all the same.
    let ends = [&first, &other].map(|report| report.interval("mir").unwrap());
    assert!(ends[0][1] > ends[1][0]);
    let near = with(1.001, &|pair| shared(pair) + own(pair));
    assert_eq!(
        difference(&first, &near, "mir").unwrap().beyond,
        Some(false)
    );
}

#[test]
fn other_pairs_have_no_paired_interval() {
    let first = with(1.0, &shared);
    let mut other = with(1.05, &shared);
    other.data.seed += 1;
    let found = difference(&first, &other, "mir").unwrap();
    assert_eq!((found.interval, found.beyond), (None, None));
    let without = report();
    assert_eq!(difference(&first, &without, "mir").unwrap().interval, None);
    assert_eq!(difference(&first, &other, "no-such"), None);
}

#[test]
fn every_form_has_every_quantity_of_every_run() {
    let (first, mut other) = (
        with(1.0, &shared),
        with(1.05, &|pair| shared(pair) + own(pair)),
    );
    other.metrics.retain(|metric| metric.id != "norm-ratio");
    let names = ["before", "after_1|x, y"];
    let runs: Vec<Named<'_>> = (names.into_iter().zip([&first, &other]))
        .map(|(name, report)| Named { name, report })
        .collect();
    let all = Comparison::all(&runs);
    assert_eq!(all.len(), 2 * first.metrics.len());
    assert!(
        all.iter()
            .all(|it| it.difference.is_none() || it.run == names[1])
    );
    let ratio = all.iter().rfind(|it| it.quantity == "norm-ratio").unwrap();
    assert_eq!((ratio.value, ratio.difference), (None, None));

    let text = comparison_text(&runs, TextStyle::default());
    assert!(text.contains("+0.0212") && text.contains("yes"), "{text}");
    assert_eq!(
        text.matches("Modality Integration Rate").count(),
        1,
        "said once for both runs: {text}"
    );
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    let narrow = comparison_text(
        &runs,
        TextStyle {
            width: Some(70),
            color: false,
        },
    );
    assert!(
        narrow.lines().all(|line| line.chars().count() <= 70),
        "{narrow}"
    );
    assert!(narrow.contains("columns left out"), "{narrow}");

    let markdown = comparison_markdown(&runs);
    assert!(markdown.contains("after_1\\|x, y"), "{markdown}");
    let cells = markdown.lines().filter(|line| line.starts_with('|'));
    assert!(
        cells
            .map(|line| line.replace("\\|", "").matches('|').count())
            .all(|count| count == 8)
    );
    let tex = comparison_tex(&runs);
    assert!(
        tex.contains("after\\_1|x, y") && tex.contains("95 \\% over pairs"),
        "{tex}"
    );
    let csv = comparison_csv(&runs);
    assert!(csv.contains("mir,\"after_1|x, y\","), "{csv}");
    let line = csv
        .lines()
        .find(|line| line.starts_with("mir,before"))
        .unwrap();
    let cells: Vec<&str> = line.split(',').collect();
    assert_eq!(cells.len(), 8);
    assert_eq!(cells[2].parse::<f64>().unwrap(), first.mir.unwrap());
    assert!(cells[5..].iter().all(|cell| cell.is_empty()));
}

#[test]
fn what_keeps_runs_from_being_compared_is_said() {
    let (first, mut other) = (report(), report());
    other.layers.pop();
    let runs = [&first, &other].map(|report| Named { name: "a", report });
    assert_eq!(incomparable(&runs).len(), 1);
    for text in [
        comparison_text(&runs, TextStyle::default()),
        comparison_markdown(&runs),
        comparison_tex(&runs),
    ] {
        assert!(text.contains("Numbers of layers differ"), "{text}");
    }
    assert!(Comparison::all(&[]).is_empty());
}

/// Whatever a report holds derivatives of has a paired interval, without being known.
#[test]
fn any_quantity_with_derivatives_has_a_paired_difference() {
    let of = |value: f64, by_pair: &dyn Fn(usize) -> f64| {
        let mut report = report();
        let mut metric = report.metrics[0].clone();
        metric.id = "never-seen".to_owned();
        metric.label = "never seen".to_owned();
        metric.value = Some(value);
        metric.by_pair = (0..report.data.num_pairs).map(by_pair).collect();
        report.metrics.push(metric);
        report
    };
    let (first, other) = (of(0.5, &shared), of(0.53, &|pair| shared(pair) + own(pair)));
    let found = difference(&first, &other, "never-seen").unwrap();
    assert_eq!(found.beyond, Some(true));
    let runs = [("first", &first), ("other", &other)].map(|(name, report)| Named { name, report });
    let all = Comparison::all(&runs);
    let row = all
        .iter()
        .find(|it| it.label == "never seen" && it.run == "other");
    assert_eq!(row.unwrap().difference, Some(found));
}
