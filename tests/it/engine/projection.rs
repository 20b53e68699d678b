//! Projections through the engine: the right tokens at the right places.

use mirscope::{
    engine::{Command, Event, Explore, Session},
    report::{Axes, CloudShape, ProjectedToken, Projection},
};

use super::{last, measure, refusal, report};

#[track_caller]
fn projection(session: &mut Session, state: usize, axes: Axes) -> Projection {
    let question = Explore::Projection { state, axes };
    match last(session, Command::Explore(question)) {
        Event::Projection(projection) => *projection,
        other => panic!("expected a projection, found {other:?}"),
    }
}

#[test]
fn every_state_has_one() {
    let mut session = Session::default();
    let report = report(&mut session, measure(4));
    let (vision, text) = report.tokens();
    let last_state = report.layers.len();
    for axes in [Axes::Own, Axes::Shared] {
        for state in 0..=last_state {
            let found = projection(&mut session, state, axes);
            assert_eq!((found.state, found.axes), (state, axes));
            assert_eq!((found.vision.len(), found.text.len()), (vision, text));
            check_origins(&found.vision, vision / 4);
            check_origins(&found.text, 0);
            check_shape(&found.vision, &found.vision_shape);
            check_shape(&found.text, &found.text_shape);
            let [first, second] = found.explained;
            assert!(first > 0.0 && second > 0.0 && first + second <= 1.0);
            if axes == Axes::Own {
                assert!(first >= second, "{:?}", found.explained);
                for axis in 0..2 {
                    let (of_vision, of_text) = (found.vision_shape.mean, found.text_shape.mean);
                    assert!(of_vision[axis] >= of_text[axis], "axis {axis} of {state}");
                }
            }
            // The same question has the same answer.
            assert_eq!(found, projection(&mut session, state, axes));
        }
    }
    let question = Explore::Projection {
        state: last_state + 1,
        axes: Axes::Own,
    };
    let reason = refusal(&mut session, Command::Explore(question));
    assert!(
        reason.contains(&format!("no state {}", last_state + 1)),
        "{reason}"
    );
}

#[test]
fn another_runs_axes_can_be_taken() {
    let mut session = Session::default();
    report(&mut session, measure(4));
    let own = projection(&mut session, 2, Axes::Own);
    let asked = last(&mut session, Command::Explore(Explore::Plane(2)));
    let Event::Plane(mut plane) = asked else {
        panic!("expected a plane, found {asked:?}");
    };
    for axis in &plane.0 {
        let norm: f64 = axis.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((norm - 1.0).abs() < 1e-4, "{norm}");
    }
    // The other way round, coordinates are, too.
    plane.0.swap(0, 1);
    let question = Explore::OnPlane(2, plane.clone());
    let Event::Projection(turned) = last(&mut session, Command::Explore(question)) else {
        panic!("expected a projection");
    };
    assert_eq!((turned.state, turned.axes), (2, Axes::Shared));
    for (own, turned) in own.vision.iter().zip(&turned.vision) {
        assert_eq!((own.pair, own.position), (turned.pair, turned.position));
        assert!(
            (own.at[0] - turned.at[1]).abs() < 1e-4,
            "{own:?} {turned:?}"
        );
        assert!(
            (own.at[1] - turned.at[0]).abs() < 1e-4,
            "{own:?} {turned:?}"
        );
    }
    plane.0[1].pop();
    let reason = refusal(&mut session, Command::Explore(Explore::OnPlane(2, plane)));
    assert!(reason.contains("expected axes of"), "{reason}");
}

/// Pair by pair, ascending positions; `each` tokens a pair unless that is 0.
fn check_origins(tokens: &[ProjectedToken], each: usize) {
    let origin = |token: &ProjectedToken| (token.pair, token.position);
    assert!(
        tokens
            .windows(2)
            .all(|two| origin(&two[0]) < origin(&two[1]))
    );
    assert_eq!(tokens.last().unwrap().pair, 3);
    for (index, token) in tokens.iter().enumerate() {
        if let Some(pair) = index.checked_div(each) {
            assert_eq!(token.pair as usize, pair);
        }
    }
}

/// The cloud's Gaussian is that of its points.
fn check_shape(tokens: &[ProjectedToken], shape: &CloudShape) {
    let count = tokens.len() as f64;
    assert_eq!(shape.tokens, tokens.len());
    let mean = [0, 1].map(|axis| {
        let sum: f64 = tokens.iter().map(|token| f64::from(token.at[axis])).sum();
        sum / count
    });
    let product = |i: usize, j: usize| {
        let parts = tokens
            .iter()
            .map(|token| (f64::from(token.at[i]) - mean[i]) * (f64::from(token.at[j]) - mean[j]));
        parts.sum::<f64>() / (count - 1.0)
    };
    let covariance = [product(0, 0), product(0, 1), product(1, 1)];
    let size = covariance[0] + covariance[2];
    for (found, expected) in shape.covariance.iter().zip(covariance) {
        assert!((found - expected).abs() < 1e-6 * size, "{found} {expected}");
    }
    for (found, expected) in shape.mean.iter().zip(mean) {
        assert!((found - expected).abs() < 1e-6 * size.sqrt());
    }
}
