//! A made-up study: noise between seeds, and what becomes of claims.

use mirscope::study::{
    Certainty, Metric, Outcome, StudyResults, StudySettings, Variant, sentences, study_markdown,
};

use crate::made_up_study::{measured, results, study};

#[test]
fn verdicts_follow_the_rule() {
    let results = results();
    for (claim, expected) in [
        ("samples-mir", Outcome::Held),
        ("samples-score", Outcome::Held),
        ("shuffled-mir", Outcome::Held),
        // MIR rises along the rates, the claim says that it falls.
        ("rate-mir", Outcome::DidNotHold),
        ("moca-score", Outcome::WithinNoise),
        ("type-score", Outcome::DidNotHold),
        ("forgetting", Outcome::Held),
        ("chamfer", Outcome::NotMeasured),
    ] {
        let verdict = results.verdict(claim).unwrap();
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
    }
    let verdict = results.verdict("samples-mir").unwrap();
    assert_eq!((verdict.rank.n, verdict.rank.rho), (7, Some(-1.0)));
    assert_eq!(
        verdict.rank.certainty,
        Certainty::ExactP { p: 2.0 / 5040.0 }
    );
    assert!((verdict.change().unwrap() - (0.80 - 1.71)).abs() < 1e-12);
    let reason = results.verdict("chamfer").unwrap().note.clone().unwrap();
    assert!(reason.contains("`chamfer_deep`"), "{reason}");
}

#[test]
fn other_seeds_stand_beside_the_verdict() {
    let results = results();
    let verdict = results.verdict("shuffled-mir").unwrap();
    let [seed] = &verdict.seeds[..] else {
        panic!("{verdict:?}")
    };
    let mir = |name: &str| results.measured[name].mir.unwrap();
    let shuffled = results.study.control().unwrap().name.clone() + "-seed2";
    assert_eq!(seed.ends, [mir("base-seed2"), mir(&shuffled)]);
    assert_eq!((seed.seed, seed.rank.n, seed.rank.rho), (2, 2, Some(1.0)));
    let words = seed.words(&Metric::Mir);
    assert!(
        words.starts_with("seed 2: 0.") && words.ends_with("rho = 1.00 (n = 2)"),
        "{words}"
    );
    assert!(study_markdown(&results, &[]).contains(&words));
    assert!(results.verdict("type-score").unwrap().seeds.is_empty());
}

#[test]
fn seeds_that_cannot_reach_a_metric_do_not_count_as_noise() {
    let mut study = study();
    let first = study.variant("base").unwrap().scores.text_perplexity;
    for variant in &mut study.variants {
        if variant.name.starts_with("base") {
            variant.scores.text_perplexity = first;
        }
    }
    let before = results()
        .noise_of(&Metric::TextPerplexity)
        .unwrap()
        .settings;
    let results = StudyResults::new(study, StudySettings::default(), measured());
    assert_eq!(
        results.noise_of(&Metric::TextPerplexity).unwrap().settings,
        before - 1
    );
}

#[test]
fn noise_is_pooled_over_settings_with_several_seeds() {
    let mut measured = measured();
    for found in measured.values_mut() {
        found.mir = None;
    }
    let mut set = |name: &str, mir: f64| measured.get_mut(name).unwrap().mir = Some(mir);
    // Deviations from the means: (-1, 0, 1) and (-2, 2); 2 + 1 degrees of freedom.
    for (name, mir) in [
        ("base", 1.0),
        ("base-seed2", 2.0),
        ("base-seed3", 3.0),
        ("moca", 10.0),
        ("moca-seed2", 14.0),
    ] {
        set(name, mir);
    }
    let results = StudyResults::new(study(), StudySettings::default(), measured);
    let noise = results.noise_of(&Metric::Mir).unwrap();
    assert_eq!((noise.settings, noise.runs), (2, 5));
    assert!((noise.deviation - (10.0f64 / 3.0).sqrt()).abs() < 1e-12);
    // Student's t of 3 degrees of freedom.
    assert!((noise.threshold() - 3.182 * (20.0f64 / 3.0).sqrt()).abs() < 1e-12);
}

#[test]
fn without_seeds_or_numbers_nothing_is_judged() {
    let mut alone = study();
    alone
        .variants
        .retain(|variant| variant.replicate_of.is_none());
    for axis in &mut alone.axes {
        axis.variants.retain(|name| !name.contains("-seed"));
    }
    let alone = StudyResults::new(alone, StudySettings::default(), measured());
    let verdict = alone.verdict("samples-mir").unwrap();
    assert_eq!(verdict.outcome, Outcome::NotMeasured);
    assert!(
        verdict.note.as_ref().unwrap().contains("two seeds"),
        "{verdict:?}"
    );

    let mut some = measured();
    some.remove("samples-500");
    let some = StudyResults::new(study(), StudySettings::default(), some);
    let verdict = some.verdict("samples-mir").unwrap();
    assert_eq!(verdict.outcome, Outcome::NotMeasured);
    assert!(
        verdict
            .note
            .as_ref()
            .unwrap()
            .contains("`samples-500` has no `mir`")
    );
    assert!(
        sentences(&some)
            .last()
            .unwrap()
            .contains("\u{201c}500 pairs\u{201d}")
    );
}

#[test]
fn a_hump_is_within_noise_and_says_so() {
    let mut measured = measured();
    let last = measured["samples-32000"].mir;
    measured.get_mut("samples-0").unwrap().mir = last;
    measured.get_mut("samples-500").unwrap().mir = Some(3.0);
    let results = StudyResults::new(study(), StudySettings::default(), measured);
    let verdict = results.verdict("samples-mir").unwrap();
    assert_eq!(verdict.outcome, Outcome::WithinNoise);
    assert!(
        verdict
            .note
            .as_ref()
            .unwrap()
            .contains("between the ends it differs by up to"),
        "{verdict:?}"
    );
}

#[test]
fn a_trend_with_a_setback_beyond_the_noise_did_not_hold() {
    let held = results();
    let noise = held.verdict("samples-mir").unwrap().noise.unwrap();
    for (share, expected) in [(0.9, Outcome::Held), (1.1, Outcome::DidNotHold)] {
        let mut measured = measured();
        let before = measured["samples-1000"].mir.unwrap();
        measured.get_mut("samples-2000").unwrap().mir = Some(before + share * noise);
        let results = StudyResults::new(study(), StudySettings::default(), measured);
        let verdict = results.verdict("samples-mir").unwrap();
        assert!(verdict.rank.rho.unwrap() < -0.9, "{verdict:?}");
        assert_eq!(verdict.outcome, expected, "{verdict:?}");
        assert_eq!(
            verdict
                .note
                .as_ref()
                .is_some_and(|it| it.contains("goes back by")),
            expected == Outcome::DidNotHold,
            "{verdict:?}"
        );
    }
}

#[test]
fn scores_at_chance_tell_nothing() {
    let claim = |results: &StudyResults| {
        results
            .study
            .claims
            .iter()
            .find(|it| it.id == "type-score")
            .cloned()
    };
    let held = results();
    let claim = claim(&held).unwrap();
    let judged = |lowest: f64| {
        let mut study = study();
        let best = study.chance.uniform.max(study.chance.majority);
        for variant in &mut study.variants {
            if let Some(score) = variant
                .scores
                .choice
                .as_mut()
                .filter(|_| claim.variants.contains(&variant.name))
            {
                score.low = best - 0.01;
            }
            if variant.name == claim.variants[0] {
                variant.scores.choice.as_mut().unwrap().low = best + lowest;
            }
        }
        let results = StudyResults::new(study, StudySettings::default(), measured());
        results.verdict("type-score").unwrap().clone()
    };
    let all_at_chance = judged(0.0);
    assert_eq!(all_at_chance.outcome, Outcome::AtChance);
    assert_eq!(judged(0.01).outcome, Outcome::DidNotHold);
}

#[test]
fn the_rank_correlation_decides_where_one_metric_falls_with_another() {
    let judged = |mirs: [f64; 7]| {
        let mut measured = measured();
        let results = results();
        let axis = results.study.pretraining().unwrap();
        for (setting, mir) in results.study.settings(axis).zip(mirs) {
            measured.get_mut(&setting.name).unwrap().mir = Some(mir);
        }
        let results = StudyResults::new(study(), StudySettings::default(), measured);
        results.verdict("samples-score").unwrap().outcome
    };
    assert_eq!(judged([7.0, 6.0, 5.0, 4.0, 3.0, 1.0, 2.0]), Outcome::Held);
    assert_eq!(
        judged([1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 6.0]),
        Outcome::DidNotHold
    );
    // The ends alone would say that it falls.
    assert_eq!(
        judged([7.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0]),
        Outcome::WithinNoise
    );
}

#[test]
fn snapshots_of_one_run_and_scores_at_chance_are_no_noise() {
    let with = |of: &[&str], change: &dyn Fn(&mut Variant)| {
        let (mut study, mut measured) = (study(), measured());
        for name in of {
            let mut again = study.variant(name).unwrap().clone();
            again.name += "-seed9";
            again.replicate_of = Some((*name).to_owned());
            let mut found = measured[*name].clone();
            found.mir = found.mir.map(|mir| mir + 5.0);
            measured.insert(again.name.clone(), found);
            study.variants.push(again);
        }
        study.variants.iter_mut().for_each(change);
        StudyResults::new(study, StudySettings::default(), measured)
    };
    let noise = |results: &StudyResults, metric| results.noise_of(&metric).unwrap().settings;
    let before = noise(&results(), Metric::Mir);
    let snapshots = with(&["samples-500", "samples-8000"], &|_| ());
    assert_eq!(noise(&snapshots, Metric::Mir), before);
    let end = with(&["samples-32000"], &|_| ());
    assert_eq!(noise(&end, Metric::Mir), before + 1);
    let before = noise(&results(), Metric::Choice);
    let at_chance = with(&[], &|variant| {
        if variant.name.starts_with("moca") {
            variant.scores.choice.as_mut().unwrap().low = 0.0;
        }
    });
    assert_eq!(noise(&at_chance, Metric::Choice), before - 1);
}
