//! Claims by topic: nothing is left out, and every sentence has its numbers.

use std::{collections::BTreeSet, fs, path::Path};

use mirscope::study::{
    Certainty, Claim, Expectation, Metric, Outcome, Paper, Protocol, Published, REAL_COMMANDS,
    REAL_PARTS, RealParts, StudyResults, Topic, Verdict, plain,
};

pub(super) fn asset(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn results(protocol: Protocol) -> StudyResults {
    let file = ["study/results.json", "papers/results.json"][protocol.index()];
    StudyResults::parse(&asset(file), file).unwrap()
}

pub(super) fn real() -> RealParts {
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
                let opposite = words.contains("the claim expects one below 0");
                let within = verdict.outcome == Outcome::WithinNoise;
                assert_eq!(opposite, within && rho >= 0.0, "{words}");
                let as_claimed = words.contains("below 0 as the claim says");
                assert_eq!(as_claimed, within && rho < 0.0, "{words}");
                let chance = match verdict.rank.certainty {
                    Certainty::ExactP { p } if p < 0.01 => "fewer than 1 of 100".to_owned(),
                    Certainty::ExactP { p } => format!("in {:.0} of 100 random", 100.0 * p),
                    Certainty::Bootstrap { low, high } => format!("{low:.2} and {high:.2} for"),
                    Certainty::Unknown => panic!("{words}: a correlation without its certainty"),
                };
                assert!(words.contains(&chance.replace('-', "\u{2212}")), "{words}");
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
    let story = "MIR does not tell here: connectors that have learned more tend to have the higher MIR (Spearman's rho with \
                 the loss \u{2212}0.71, \u{2212}0.78 to \u{2212}0.13, over 12 trained connectors).";
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
