//! The recording that the app starts with.

use mirscope::{
    app::store::{Answer, FITTING, Origin, SHUFFLED, Store},
    report::{Axes, Calibration, Definition, TokenKind, WhatIfSettings, parse},
    study::{Contrast, ScaledDistance, StudyResults, Variant},
};

#[test]
fn it_holds_both_trainings_and_every_connector_with_its_clouds() {
    let store = Store::new();
    assert!(store.messages.is_empty(), "{:?}", store.messages);
    let names: Vec<&str> = store.runs.iter().map(|run| run.name.as_str()).collect();
    let expected = [
        FITTING,
        SHUFFLED,
        "Demo, untrained",
        "Demo, halfway",
        "Demo",
    ];
    assert_eq!(names, expected);
    assert_eq!(store.run().map(|run| run.name.as_str()), Some(FITTING));
    for run in &store.runs {
        assert_eq!(run.origin, Origin::Recorded);
        let pairs = if run.step().is_some() { 128 } else { 100 };
        assert_eq!(run.report.data.num_pairs, pairs);
        assert!(run.training_samples.is_some() && run.answered.is_some());
        for id in ["norm-ratio", "chamfer-cosine", "centroid-gap", "linear-cka"] {
            let metric = run.report.metric(id);
            assert!(metric.is_some_and(|it| it.value.is_some()), "{id}");
        }
        for axes in [Axes::Own, Axes::Shared] {
            for state in 0..=run.report.layers.len() {
                let projection = &run.projections[&(state, axes)];
                for tokens in [&projection.vision, &projection.text] {
                    assert!((250..=400).contains(&tokens.len()), "{}", tokens.len());
                    assert!(tokens.iter().flat_map(|token| token.at).all(f32::is_finite));
                }
            }
        }
    }
}

/// Adapters differ in the last digits of f32 sums.
fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-4 * expected.abs()
}

#[test]
fn the_trained_run_is_the_recorded_report() {
    let store = Store::new();
    let text = std::fs::read_to_string("assets/demo/report.json").unwrap();
    let expected = parse(&text, "report.json").unwrap();
    let found = &store.runs.last().unwrap().report;
    assert_eq!(found.definition, expected.definition);
    assert_eq!(found.layers.len(), expected.layers.len());
    assert!(close(found.mir.unwrap(), expected.mir.unwrap()));
    for (found, expected) in found.layers.iter().zip(&expected.layers) {
        assert!(
            close(found.frechet, expected.frechet),
            "layer {}",
            found.layer
        );
        assert_eq!(
            (found.n_vision, found.n_text),
            (expected.n_vision, expected.n_text)
        );
    }
}

/// What is told of the two trainings is what the study's results say, and what their runs measured.
#[test]
fn the_two_trainings_are_those_of_the_study() {
    let store = Store::new();
    let text = std::fs::read_to_string("assets/study/results.json").unwrap();
    let results = StudyResults::parse(&text, "results.json").unwrap();
    let expected = Contrast::new(&results, Definition::Exact).unwrap();
    let found = store.contrast.as_ref().unwrap();
    assert!(
        *found == expected,
        "the recording is stale: run `mirscope record-demo`"
    );
    for (run, side) in store.runs.iter().zip(found.sides()) {
        assert!(close(run.report.mir.unwrap(), side.mir()), "{}", run.name);
        assert_eq!(run.answered, Some(side.answered.value));
        assert_eq!(run.training_samples, Some(found.samples));
        assert_eq!(run.report.tokens().0, found.n_vision);
    }
    // Captions that fit are the best of the trainings that differ in their texts alone.
    let texts = results.study.axis("texts").unwrap();
    let scores = results
        .study
        .settings(texts)
        .filter(|it| it.samples == found.samples);
    let best = scores
        .max_by(|a, b| {
            let score = |it: &Variant| it.scores.choice.unwrap().value;
            score(a).total_cmp(&score(b))
        })
        .unwrap();
    assert_eq!(best.name, found.fitting.variant);
}

#[test]
fn pairs_words_and_attention_can_be_looked_at_without_an_engine() {
    let mut store = Store::new();
    let run = store.run().unwrap();
    assert_eq!(run.pairs.len(), 3);
    let lenses: Vec<(usize, usize)> = run.lenses.keys().copied().collect();
    let rows: Vec<(usize, usize, usize)> = run.attention.keys().copied().collect();
    let layers = run.report.layers.len();
    for pair in run.pairs.values() {
        let of_pair = lenses.iter().filter(|(of, _)| *of == pair.pair).count();
        assert!(of_pair >= 4, "pair {}: {of_pair} lenses", pair.pair);
        assert_eq!(
            pair.pictures[0].picture.rgb.len(),
            pair.pictures[0].picture.width * pair.pictures[0].picture.height * 3
        );
    }
    for &(pair, position) in &lenses {
        let token = &store.run().unwrap().pairs[&pair].tokens[position];
        assert_eq!(token.kind, TokenKind::Vision);
        let Answer::Known(lens) = store.logit_lens(pair, position) else {
            panic!("a recorded lens is known");
        };
        assert_eq!(lens.states.len(), layers + 1);
    }
    assert!(rows.len() >= 3 * layers);
    for &(pair, position, layer) in &rows {
        let Answer::Known(row) = store.attention(pair, position, layer) else {
            panic!("a recorded row is known");
        };
        for head in &row.heads {
            assert_eq!(head.len(), position + 1);
            assert!((head.iter().sum::<f32>() - 1.0).abs() < 0.01);
        }
    }
    assert!(matches!(store.pair(100), Answer::NotLive));
}

/// What the recording answers is what the report says where nothing is changed, and less pairs are fewer tokens.
#[test]
fn it_answers_what_if_questions() {
    let store = Store::new();
    for run in &store.runs {
        let recorded = run.recorded_what_ifs.as_ref().unwrap();
        let all = run.report.data.num_pairs;
        assert_eq!(recorded.pairs, [5, 10, 20, 50, all]);
        let same = recorded.answer(&WhatIfSettings::default()).unwrap();
        assert_eq!(same.tokens, run.report.tokens());
        for (found, layer) in same.layers.iter().zip(&run.report.layers) {
            assert!(close(found.at(1.0), layer.frechet), "{}", run.name);
        }
        let fewer = WhatIfSettings {
            num_pairs: Some(10),
            ..WhatIfSettings::default()
        };
        assert_eq!(recorded.answer(&fewer).unwrap().tokens.0, 640);
        let calibrated = WhatIfSettings {
            outliers: false,
            calibration: Calibration::Moca,
            ..WhatIfSettings::default()
        };
        let calibrated = recorded.answer(&calibrated).unwrap();
        let sum = |layers: &[ScaledDistance]| layers.iter().map(|it| it.at(1.0)).sum::<f64>();
        assert!(sum(&calibrated.layers) < sum(&same.layers), "{}", run.name);
    }
}

/// The way of each followed patch ends in the clouds, at the place that its token has there.
#[test]
fn it_follows_patches_of_every_run() {
    let store = Store::new();
    for run in &store.runs {
        assert_eq!(run.paths.len(), 2, "{}", run.name);
        for path in run.paths.values() {
            let layers = run.report.layers.len();
            assert_eq!((path.states.len(), path.at.len()), (layers + 1, layers + 1));
            assert!(path.tower.is_some());
            assert_eq!(
                run.pairs[&path.pair].tokens[path.position].kind,
                TokenKind::Vision
            );
            for state in 0..=layers {
                let shown = &run.projections[&(state, Axes::Shared)];
                let own = (shown.vision.iter()).find(|it| {
                    (it.pair as usize, it.position as usize) == (path.pair, path.position)
                });
                for (found, expected) in
                    own.iter().flat_map(|own| path.at[state].iter().zip(own.at))
                {
                    assert!((found - expected).abs() < 2e-3, "{found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn it_stays_small() {
    let bytes = std::fs::metadata("assets/demo/recorded.cbor")
        .unwrap()
        .len();
    assert!(bytes < 540_000, "{bytes} bytes");
}
