//! A verdict in plain words, with the one or two numbers that decided it.

use super::{Certainty, Claim, Expectation, Metric, Outcome, StudyResults, Variant, Verdict};

/// What a metric is called where no statistics are at hand.
pub fn plain_name(metric: &Metric) -> String {
    match metric {
        Metric::Mir | Metric::MirOfficial => "MIR".to_owned(),
        Metric::Choice => "right answers".to_owned(),
        Metric::FewShot(shots) => format!("right answers after {shots} examples"),
        other => other.title(),
    }
}

/// The same at the beginning of a sentence.
fn capital(metric: &Metric) -> String {
    let name = plain_name(metric);
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_uppercase());
    first.into_iter().flatten().chain(letters).collect()
}

/// What became of a claim, in a sentence or two.
pub fn plain(results: &StudyResults, claim: &Claim, verdict: &Verdict) -> String {
    let (Some(metric), Some(expected)) = (
        Metric::parse(&claim.metric),
        Expectation::parse(&claim.expect),
    ) else {
        return not_measured(verdict);
    };
    match verdict.outcome {
        Outcome::NotMeasured => not_measured(verdict),
        Outcome::AtChance => {
            "No setting answers more than chance does, so nothing can be told.".to_owned()
        }
        outcome => match expected {
            Expectation::FallsWith(with) => together(&metric, &with, outcome, verdict),
            Expectation::Same => same(results, claim, &metric, outcome, verdict),
            Expectation::Increasing => change(&metric, true, outcome, verdict),
            Expectation::Decreasing => change(&metric, false, outcome, verdict),
        },
    }
}

fn not_measured(verdict: &Verdict) -> String {
    let note = verdict.note.as_deref();
    format!(
        "It cannot be judged: {}.",
        note.unwrap_or("a number is missing")
    )
}

/// Whether several numbers of this name are spoken of.
fn is_plural(metric: &Metric) -> bool {
    matches!(metric, Metric::Choice | Metric::FewShot(_))
}

fn together(metric: &Metric, with: &str, outcome: Outcome, verdict: &Verdict) -> String {
    let name = capital(metric);
    let Some(with) = Metric::parse(with) else {
        return not_measured(verdict);
    };
    let with = plain_name(&with);
    let expected = match (outcome, verdict.rank.rho) {
        (Outcome::WithinNoise, Some(rho)) if rho < 0.0 => ", below 0 as the claim says",
        (Outcome::WithinNoise, _) => ", where the claim expects one below 0",
        _ => "",
    };
    let rho = verdict.rank.rho.map_or_else(String::new, |rho| {
        format!(
            " Rank correlation {rho:.2} over {} settings{expected}{}.",
            verdict.rank.n,
            by_chance(verdict.rank.certainty)
        )
    });
    let rho = rho.replace('-', "\u{2212}");
    let words = match outcome {
        Outcome::Held => format!("The lower the {}, the more {with}.", plain_name(metric)),
        Outcome::DidNotHold => format!(
            "The lower the {}, the fewer {with}: the opposite.",
            plain_name(metric)
        ),
        _ => format!("{name} does not tell the order of {with} beyond chance."),
    };
    words + &rho
}

/// How often chance alone gives a correlation as strong, or between which ends it mostly lies.
fn by_chance(certainty: Certainty) -> String {
    match certainty {
        Certainty::ExactP { p } if p < 0.01 => {
            "; as strong in fewer than 1 of 100 random orders".to_owned()
        }
        Certainty::ExactP { p } => format!("; as strong in {:.0} of 100 random orders", 100.0 * p),
        Certainty::Bootstrap { low, high } => {
            format!("; between {low:.2} and {high:.2} for 19 of 20 new draws of the settings")
        }
        Certainty::Unknown => String::new(),
    }
}

fn same(
    results: &StudyResults,
    claim: &Claim,
    metric: &Metric,
    outcome: Outcome,
    verdict: &Verdict,
) -> String {
    let variants = claim
        .variants
        .iter()
        .filter_map(|name| results.study.variant(name));
    let value = |variant: &Variant| metric.value(results, variant);
    let values: Vec<f64> = variants.filter_map(value).collect();
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    let plain = |size: f64| metric.difference(size).replace('+', "");
    let noise = verdict.noise.map(plain).unwrap_or_default();
    let differ = if is_plural(metric) {
        "differ"
    } else {
        "differs"
    };
    let name = capital(metric);
    match outcome {
        Outcome::Held => format!(
            "{name} {differ} by up to {}, which seeds alone may do ({noise}).",
            plain(high - low)
        ),
        _ => format!(
            "{name} {differ} by up to {}, more than seeds alone would ({noise}).",
            plain(high - low)
        ),
    }
}

fn change(metric: &Metric, up: bool, outcome: Outcome, verdict: &Verdict) -> String {
    let (Some([first, last]), Some(change)) = (verdict.ends, verdict.change()) else {
        return not_measured(verdict);
    };
    let plain = |size: f64| metric.difference(size.abs()).replace('+', "");
    let noise = verdict.noise.map(plain).unwrap_or_default();
    let [first, last] = [first, last].map(|value| metric.text(value));
    let name = capital(metric);
    let plural = is_plural(metric);
    let verb = |rise: bool| match (rise, plural) {
        (true, false) => "rises",
        (true, true) => "rise",
        (false, false) => "falls",
        (false, true) => "fall",
    };
    let rises = change > 0.0;
    match outcome {
        Outcome::Held => format!(
            "{name} {} from {first} to {last}, more than seeds alone would ({noise}).",
            verb(rises)
        ),
        Outcome::WithinNoise => {
            let go = if plural { "go" } else { "goes" };
            let mut text =
                format!("{name} {go} from {first} to {last}: seeds alone may do that ({noise}).");
            if verdict.note.is_some() {
                text += " Two of these settings differ by more than that; the rule takes the ends.";
            }
            text
        }
        _ if rises != up => format!(
            "{name} {} from {first} to {last}, the opposite, and more than seeds alone would ({noise}).",
            verb(rises)
        ),
        _ => format!(
            "{name} {} from {first} to {last}, but not all the way: in between it goes back.",
            verb(rises)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_in_hundredths() {
        for (p, words) in [
            (0.004, "; as strong in fewer than 1 of 100 random orders"),
            (0.012, "; as strong in 1 of 100 random orders"),
            (0.115, "; as strong in 12 of 100 random orders"),
            (1.0, "; as strong in 100 of 100 random orders"),
        ] {
            assert_eq!(by_chance(Certainty::ExactP { p }), words);
        }
        let ends = Certainty::Bootstrap {
            low: -0.7,
            high: 0.21,
        };
        assert!(by_chance(ends).starts_with("; between -0.70 and 0.21 for"));
        assert_eq!(by_chance(Certainty::Unknown), "");
    }
}
