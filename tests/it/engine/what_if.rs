//! What-if answers against runs and against what must hold.

use mirscope::{
    engine::{KernelChoice, Session},
    report::{Calibration, LayerReport, WhatIfSettings},
};

use super::{measure, report, variant, what_if};

/// Largest relative deviation of the layers' distances.
fn deviation(found: &[LayerReport], expected: &[LayerReport]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let layers = found.iter().zip(expected);
    layers
        .map(|(found, expected)| (found.frechet / expected.frechet - 1.0).abs())
        .fold(0.0, f64::max)
}

#[test]
fn unchanged_assumptions_give_the_report() {
    for kernel in [KernelChoice::Direct, KernelChoice::Tiled] {
        let mut session = Session::default();
        let mut request = measure(6);
        request.device = variant(kernel);
        let report = report(&mut session, request);
        for _ in 0..2 {
            let same = what_if(&mut session, WhatIfSettings::default());
            assert_eq!(same.layers, report.layers, "{kernel:?}");
            assert_eq!((same.mir, same.num_pairs), (report.mir, 6));
            assert_eq!(same.norm_matched_mir, report.norm_matched_mir);
        }
    }
}

#[test]
fn the_first_pairs_are_measured_as_if_there_were_no_others() {
    let mut session = Session::default();
    let alone = report(&mut session, measure(3));
    report(&mut session, measure(6));
    for (num_pairs, expected) in [(Some(3), 3), (Some(99), 6)] {
        let settings = WhatIfSettings {
            num_pairs,
            ..WhatIfSettings::default()
        };
        let answer = what_if(&mut session, settings);
        assert_eq!(answer.num_pairs, expected);
        if expected == 3 {
            let error = deviation(&answer.layers, &alone.layers);
            println!("first pairs: {error:.1e} from a run of their own");
            assert!(error < 1e-6, "{error:.1e}");
            let counts = |layer: &LayerReport| (layer.n_vision, layer.n_text);
            assert_eq!(counts(&answer.layers[0]), counts(&alone.layers[0]));
        }
    }
}

#[test]
fn outliers_are_left_alone_on_request() {
    let mut session = Session::default();
    let with = report(&mut session, measure(6));
    let settings = WhatIfSettings {
        outliers: false,
        ..WhatIfSettings::default()
    };
    let without = what_if(&mut session, settings);
    for (without, with) in without.layers.iter().zip(&with.layers) {
        assert_eq!((without.outliers_vision, without.outliers_text), (0, 0));
        let replaced = with.outliers_vision + with.outliers_text;
        assert_eq!(without.frechet == with.frechet, replaced == 0, "{with:?}");
    }
    let replaced: usize = (with.layers.iter())
        .map(|layer| layer.outliers_vision + layer.outliers_text)
        .sum();
    assert!(replaced > 0, "the test needs a token that stands out");
}

#[test]
fn calibration_brings_the_means_together() {
    let mut session = Session::default();
    let plain = report(&mut session, measure(6));
    let settings = WhatIfSettings {
        outliers: false,
        calibration: Calibration::Moca,
        ..WhatIfSettings::default()
    };
    let calibrated = what_if(&mut session, settings);
    for (calibrated, plain) in calibrated.layers.iter().zip(&plain.layers) {
        let layer = plain.layer;
        let (before, after) = (plain.location, calibrated.location);
        println!("layer {layer}: location {before:.2e} -> {after:.2e}");
        assert!(
            after < 1e-10 * calibrated.frechet.max(before),
            "{after:.1e}"
        );
        // The deviations of all dimensions agree, and so do their sums.
        let scale = calibrated.spread + calibrated.shape;
        assert!(calibrated.spread < 1e-9 * scale.max(1.0), "{calibrated:?}");
        assert!(calibrated.frechet < plain.frechet);
        assert_eq!(calibrated.mean_norm_text, plain.mean_norm_text);
    }
    // Kept states are untouched.
    let again = what_if(&mut session, WhatIfSettings::default());
    assert_eq!(again.layers, plain.layers);
}
