//! Keeping states changes no number, and is refused with numbers.

use mirscope::{
    engine::{Command, Event, Explore, Extra, Session},
    report::{Axes, Definition, Kept, WhatIfSettings},
};

use super::{events, last, measure, refusal, report};

#[test]
fn keeping_changes_no_number() {
    for definition in Definition::ALL {
        let mut request = measure(5);
        request.settings.definition = definition;
        let mut session = Session::default();
        let events = events(&mut session, Command::Measure(Box::new(request.clone())));
        let [.., Event::Kept(kept), Event::Report(kept_report)] = events.as_slice() else {
            panic!("expected what is kept and then the report");
        };
        assert_eq!(kept.pairs, 5);
        assert_eq!(kept.refused, None);
        assert_eq!(kept.last_state, kept_report.layers.len());
        let (vision, text) = kept_report.tokens();
        let state = 4 * (vision + text) * kept_report.model.hidden_size;
        assert_eq!(kept.bytes, ((kept.last_state + 1) * state) as u64);

        request.keep = false;
        let plain = report(&mut session, request);
        assert_eq!(plain.layers, kept_report.layers, "{definition}");
        assert_eq!(plain.mir, kept_report.mir);
    }
}

#[test]
fn a_budget_for_the_metric_alone_refuses_with_numbers() {
    let mut session = Session::default();
    let mut kept_at = None;
    let mut refused: Option<Kept> = None;
    // From too little for anything to enough for everything.
    for quarter in 4 * 14..4 * 34 {
        let mut request = measure(4);
        request.settings.memory_budget = Some((f64::from(quarter) / 4.0).exp2() as u64);
        let events = events(&mut session, Command::Measure(Box::new(request)));
        match events.as_slice() {
            [.., Event::Kept(kept), Event::Report(report)] => {
                assert!(report.mir.is_some());
                match kept.refused {
                    Some(_) => {
                        assert_eq!(kept.bytes, 0);
                        refused = Some(kept.clone());
                        for question in [
                            Explore::WhatIf(WhatIfSettings::default()),
                            Explore::Projection {
                                state: 1,
                                axes: Axes::Own,
                            },
                        ] {
                            let reason = refusal(&mut session, Command::Explore(question));
                            assert!(
                                reason.contains("are not kept: keeping the states"),
                                "{reason}"
                            );
                        }
                    }
                    None => {
                        kept_at = Some(quarter);
                        break;
                    }
                }
            }
            [.., Event::Failed(reason)] => {
                assert!(refused.is_none(), "more memory is never worse: {reason}");
                assert!(reason.contains("the metric needs"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(kept_at.is_some(), "8 GiB are enough");
    let reason = refused.and_then(|kept| kept.refused);
    let reason = reason.expect("some budget holds the metric, but not the states as well");
    assert!(reason.contains("iB of device memory beside"), "{reason}");
    assert!(reason.contains("the memory budget is"), "{reason}");
}

/// The least budget that is enough for the rate alone is too little with what the logit lens keeps beside it.
#[test]
fn what_other_quantities_keep_counts_against_the_budget() {
    let mut session = Session::default();
    let mut run = |budget: u64, also: &[Extra]| {
        let mut request = measure(4);
        request.keep = false;
        request.settings.memory_budget = Some(budget);
        request.settings.also = also.to_vec();
        match last(&mut session, Command::Measure(Box::new(request))) {
            Event::Report(_) => None,
            Event::Failed(reason) => Some(reason),
            other => panic!("{other:?}"),
        }
    };
    let mut enough = |budget: u64| run(budget, &[]).is_none();
    let [mut little, mut least] = [1 << 14, 64 << 20];
    assert!(!enough(little) && enough(least));
    while least - little > least / 256 {
        let middle = little.midpoint(least);
        *(if enough(middle) {
            &mut least
        } else {
            &mut little
        }) = middle;
    }
    let reason = run(least, &[Extra::LogitLens]).expect("it is not enough for both");
    assert!(reason.contains("the memory budget leaves"), "{reason}");
    assert_eq!(run(64 << 20, &[Extra::LogitLens]), None);
}
