//! Reports whose numbers contradict each other are refused, with the field that gives them away.

use mirscope::report::{Definition, Moments, Report, TextMask, of_layers, parse, to_json};

use super::{layer, report, undefined};

type Change = fn(&mut Report);

fn refusal(report: &Report) -> Option<String> {
    let json = to_json(report).unwrap();
    parse(&json, "r.json").err().map(|error| error.to_string())
}

/// A layer of the exact definition with the moments that it was made of.
fn with_moments() -> Report {
    let mut report = report();
    let moments = Moments {
        mean_vision: 9.0,
        mean_text: 4.0,
        mean_product: 5.0,
        trace_vision: 16.0,
        trace_text: 1.0,
        trace_root: 3.0,
    };
    for each in &mut report.layers {
        // Norms 2 and 2: a quarter of 9 + 4 - 10, (4 - 1)^2 and 2 (4 - 3).
        *each = layer(each.layer, [0.75, 2.25, 0.5]);
        (each.mean_norm_vision, each.mean_norm_text) = (2.0, 2.0);
        each.frechet_norm_matched = 3.5;
        each.moments = Some(moments);
    }
    report.mir = Some(10.5_f64.log10());
    report.norm_matched_mir = report.mir;
    report.metrics = of_layers(report.definition, &report.layers);
    report
}

/// Each change of a report is refused with the sentence that begins as expected.
#[track_caller]
fn each_is_refused(sound: fn() -> Report, cases: &[(&str, Change)]) {
    for (expected, change) in cases {
        let mut spoiled = sound();
        change(&mut spoiled);
        let error = refusal(&spoiled).unwrap_or_default();
        assert!(
            error.starts_with(&format!("r.json: {expected}")),
            "{expected}: {error}"
        );
    }
}

#[test]
fn sound_reports_are_read() {
    for sound in [report(), undefined(), with_moments()] {
        assert_eq!(refusal(&sound), None);
    }
    // Another program's rounding of the last digits is no contradiction.
    let mut rounded = report();
    rounded.mir = rounded.mir.map(|mir| mir * (1.0 + f64::EPSILON));
    rounded.layers[0].frechet *= 1.0 + 2.0 * f64::EPSILON;
    assert_eq!(refusal(&rounded), None);
}

#[test]
fn what_cannot_be_true_together_is_refused_by_field() {
    let cases: [(&str, Change); 20] = [
        (
            "`mir` is 3.1, but log10 of the sum of its `layers` is 3.00",
            |r| r.mir = Some(3.1),
        ),
        ("`mir` is 3.0043", |r| {
            r.mir = r.mir.map(|mir| (mir * 1e4).round() / 1e4)
        }),
        ("`mir` is absent", |r| r.mir = None),
        ("`norm_matched_mir` is 0", |r| {
            r.norm_matched_mir = Some(0.0)
        }),
        ("`layers` is empty", |r| r.layers.clear()),
        (
            "`layers` has length 2, but `model.num_hidden_layers` is 3",
            |r| {
                r.layers.pop();
            },
        ),
        ("`layers[1].frechet` is negative: -10", |r| {
            r.layers[1].frechet = -10.0
        }),
        ("`layers[1].shape` is negative", |r| {
            r.layers[1].shape = -1.5
        }),
        (
            "`layers[0].frechet` is 999, but location, spread and shape add up to 1000",
            |r| {
                r.layers[0].frechet = 999.0;
            },
        ),
        ("`layers[2].frechet_norm_matched` is negative", |r| {
            r.layers[2].frechet_norm_matched = -0.25;
        }),
        ("`layers[1].layer` is 1, but it stands at place 2", |r| {
            r.layers[1].layer = 1
        }),
        (
            "`layers[1].n_vision` is 1, but 12800 in the first layer",
            |r| {
                r.layers[1].n_vision = 1;
            },
        ),
        ("`layers[0].n_text` is 0", |r| r.layers[0].n_text = 0),
        ("`layers[0].outliers_text` is 9322", |r| {
            r.layers[0].outliers_text = 9322
        }),
        ("`layers[0].mean_norm_text` is negative", |r| {
            r.layers[0].mean_norm_text = -1.5
        }),
        ("`layers[0].frechet_upper` is there", |r| {
            r.layers[0].frechet_upper = Some(2e3)
        }),
        ("`model.hidden_size` is 0", |r| r.model.hidden_size = 0),
        ("`data.num_pairs` is 0", |r| r.data.num_pairs = 0),
        ("`timings[0].seconds` is negative", |r| {
            r.timings[0].seconds = -1.0
        }),
        (
            "`text_mask` is content, but `definition` official-accurate",
            |r| {
                r.definition = Definition::OfficialAccurate;
                r.text_mask = TextMask::Content;
            },
        ),
    ];
    each_is_refused(report, &cases);
}

#[test]
fn the_fast_mode_has_rules_of_its_own() {
    let cases: [(&str, Change); 3] = [
        ("`mir` is 1, but the sum of its `layers` is -1010", |r| {
            r.mir = Some(1.0)
        }),
        ("`layers[1].frechet_upper` is absent", |r| {
            r.layers[1].frechet_upper = None
        }),
        (
            "`layers[0].frechet_upper` is -2000, but `frechet` is -1000",
            |r| {
                r.layers[0].frechet_upper = Some(-2e3);
            },
        ),
    ];
    each_is_refused(undefined, &cases);
}

#[test]
fn parts_are_those_of_the_moments() {
    let cases: [(&str, Change); 3] = [
        ("`layers[0].location` is 0.7", |r| {
            r.layers[0].location = 0.7;
            r.layers[0].spread = 2.3;
        }),
        ("`layers[2].frechet_norm_matched` is 3", |r| {
            r.layers[2].frechet_norm_matched = 3.0
        }),
        ("`layers[1].moments.trace_text` is negative", |r| {
            if let Some(moments) = &mut r.layers[1].moments {
                moments.trace_text = -1.0;
            }
        }),
    ];
    each_is_refused(with_moments, &cases);
}

#[test]
fn numbers_that_are_none_name_their_field() {
    let json = to_json(&report()).unwrap();
    for (found, place) in [
        ("NaN", "`layers[1].spread`"),
        ("null", "`layers[1].spread`"),
        ("1e999", "`layers[1].spread`"),
        ("\"0.5\"", "`layers[1].spread`"),
    ] {
        let spoiled = json.replacen("\"spread\": 0.5", &format!("\"spread\": {found}"), 1);
        assert_ne!(spoiled, json);
        let error = parse(&spoiled, "r.json").unwrap_err().to_string();
        let expected =
            format!("r.json: expected a report of mirscope, found something else in {place}");
        assert!(error.starts_with(&expected), "{error}");
    }
}
