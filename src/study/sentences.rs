//! What the results say, in sentences that are made from the numbers alone.

use super::{
    Metric, Outcome, Over, Score, StudyResults, Variant, along,
    along::{path, steps},
    correlation::rank_over,
};
use crate::words::counted;

/// How far above chance and above the blanked image a model that looks has to be, in points.
const LOOKS: f64 = 0.30;
/// A correlation as strong as this is called strong.
const STRONG: f64 = 0.9;

/// What a reader should take from the results, the most important first.
pub fn sentences(results: &StudyResults) -> Vec<String> {
    let parts = [
        base(results),
        one_training(results),
        pretraining(results),
        overall(results),
        control(results),
        quantities(results),
        extremes(results),
        few_shot(results),
        tokens(results),
        claims(results),
        noise(results),
        missing(results),
    ];
    parts.into_iter().flatten().collect()
}

fn base(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let scores = &study.variant(&study.base)?.scores;
    let score = scores.choice?.value;
    let chance = study.chance.best();
    let percent = |share: f64| Metric::Choice.text(share);
    let mut text = format!(
        "The base answers {} of the held-out questions, {} chance ({})",
        percent(score),
        beside(score, chance),
        percent(chance)
    );
    let mut least = score - chance;
    if let Some(blank) = scores.choice_blank {
        text += &format!(
            " and {} the same questions with the image blanked ({})",
            beside(score, blank.value),
            percent(blank.value)
        );
        least = least.min(score - blank.value);
    }
    let met = if least >= LOOKS {
        "it looks at the image"
    } else {
        "the aim of 30 points above both is not met"
    };
    Some(format!("{text}: {met}."))
}

/// How far a share is from another one: `43.0 points above`. Of what is shown of both, so that a reader who subtracts finds
/// the same.
fn beside(share: f64, other: f64) -> String {
    let [shown, from] = [share, other].map(|share| {
        let text = Metric::Choice.text(share);
        text.trim_end_matches([' ', '%'])
            .parse()
            .unwrap_or(100.0 * share)
    });
    let difference: f64 = shown - from;
    let side = if difference < 0.0 { "below" } else { "above" };
    format!("{:.1} points {side}", difference.abs())
}

/// What becomes of MIR along the long run, and what goes along with it.
fn one_training(results: &StudyResults) -> Option<String> {
    let axis = results.study.pretraining()?;
    let settings: Vec<&Variant> = results.study.settings(axis).collect();
    let mut text = along(&steps(results, &settings))?;
    for (seed, variants) in results.study.other_seeds(&settings) {
        if let Some(way) = path(&steps(results, &variants)) {
            text += &format!(" From seed {seed} it {way}.");
        }
    }
    Some(text)
}

fn pretraining(results: &StudyResults) -> Option<String> {
    let axis = results.study.pretraining()?;
    let found = results.correlation(&Over::axis(Some(axis)), &Metric::Mir, &Metric::Choice)?;
    let rho = found.rank.rho?;
    let settings: Vec<&Variant> = results.study.settings(axis).collect();
    let words = match rho {
        rho if rho <= -STRONG => "a lower MIR nearly always comes with a higher score",
        rho if rho >= STRONG => {
            "a lower MIR nearly always comes with a lower score, against the papers"
        }
        _ => "MIR and score do not keep one order",
    };
    let mut text = format!(
        "Along pre-training {words}: Spearman's {}",
        found.rank.words()
    );
    for (seed, variants) in results.study.other_seeds(&settings) {
        let again = rank_over(results, &variants, &Metric::Mir, &Metric::Choice);
        text += &format!("; from seed {seed}: {}", again.words());
    }
    Some(text + ".")
}

fn overall(results: &StudyResults) -> Option<String> {
    let over = |over| results.correlation(over, &Metric::Mir, &Metric::Choice);
    let all = over(&Over::All)?.rank;
    let comparable = over(&Over::Comparable)?.rank;
    let words = match (comparable.rho?, comparable.sure_sign()) {
        (_, None) => "MIR does not order the settings by their score beyond chance",
        (rho, _) if rho < 0.0 => "a lower MIR mostly comes with a higher score",
        _ => "a lower MIR mostly comes with a lower score, against the papers",
    };
    Some(format!(
        "Over the settings that can be compared (as many vision tokens as the base, of pre-training the end \
         alone) {words}: Spearman's {}; over all of them: {}.",
        comparable.words(),
        all.words()
    ))
}

/// Which of the measured quantities the score goes with most, and where MIR stands among them.
fn quantities(results: &StudyResults) -> Option<String> {
    let rows = results.with_score(&Over::Comparable);
    let known: Vec<_> = rows.iter().filter(|it| it.rank.rho.is_some()).collect();
    let [best, _, ..] = known.as_slice() else {
        return None;
    };
    let mut text = format!(
        "Of {} over these settings the score goes most with {}: Spearman's {}",
        counted(known.len(), "measured quantity"),
        best.label,
        best.rank.words()
    );
    match known.iter().position(|it| it.id == "mir") {
        Some(0) | None => {}
        Some(place) => {
            text += &format!("; MIR comes at place {}", place + 1);
        }
    }
    let sure = known.iter().filter(|it| it.rank.sure_sign().is_some());
    let unsure = known.len() - sure.count();
    if unsure > 0 {
        text += &format!("; with {unsure} of them it keeps no order beyond chance");
    }
    Some(text + ".")
}

/// How many tokens per dimension the estimates stand on.
fn tokens(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let share = |name: &str| Some(results.measured.get(name)?.tokens_per_dimension());
    let shares = study.variants.iter().filter_map(|it| share(&it.name));
    let (low, high) = shares.fold((f64::MAX, 0.0_f64), |(low, high), it| {
        (low.min(it), high.max(it))
    });
    let base = share(&study.base)?;
    (low < high).then(|| {
        format!(
            "MIR is biased upward where there are few tokens: the base has {base:.1} vision tokens per dimension, \
             other settings have {low:.1} to {high:.1}."
        )
    })
}

/// Whether texts that do not belong to their images show in MIR, in the score, or in neither: as worse
/// than the base, beyond the noise.
fn control(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let control = study.control()?;
    let base = study.variant(&study.base)?;
    let worse = |metric: Metric, sign: f64| -> Option<(f64, String)> {
        let (ours, theirs) = (
            metric.value(results, control)?,
            metric.value(results, base)?,
        );
        let noise = results.noise_of(&metric)?.threshold();
        let text = format!(
            "{} {} against the base's {}",
            metric.title(),
            metric.text(ours),
            metric.text(theirs)
        );
        // In units of the noise; a seed's difference of exactly nothing leaves a sign.
        Some((sign * (ours - theirs) / noise.max(f64::MIN_POSITIVE), text))
    };
    let (in_mir, mir) = worse(Metric::Mir, 1.0)?;
    let (in_score, score) = worse(Metric::Choice, -1.0)?;
    let place = match (in_mir >= 1.0, in_score >= 1.0) {
        (true, true) => "in MIR and in the score",
        (true, false) => "in MIR, but not in the score",
        (false, true) => "in the score, but not in MIR",
        (false, false) => "neither in MIR nor in the score",
    };
    let mut text = format!(
        "Training on texts of other images ({}) shows {place}: {mir}, {score}",
        control.label
    );
    for (against, name) in [(in_mir, "MIR"), (in_score, "the score")] {
        if against <= -1.0 {
            text += &format!("; {name} is even better than the base's");
        }
    }
    Some(text + ".")
}

/// The lowest MIR and the highest score, which need not be the same variant's.
fn extremes(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let both = |variant: &Variant| -> Option<(f64, f64)> {
        Some((
            Metric::Mir.value(results, variant)?,
            Metric::Choice.value(results, variant)?,
        ))
    };
    let known: Vec<(&Variant, (f64, f64))> = (study.variants.iter())
        .filter_map(|variant| Some((variant, both(variant)?)))
        .collect();
    let (lowest, low) = known.iter().min_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    let (best, high) = known.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1))?;
    let of = |(mir, score): &(f64, f64)| {
        format!(
            "MIR {}, score {}",
            Metric::Mir.text(*mir),
            Metric::Choice.text(*score)
        )
    };
    Some(if lowest.name == best.name {
        format!(
            "{} has both the lowest MIR and the highest score: {}.",
            best.quoted(),
            of(high)
        )
    } else {
        format!(
            "The lowest MIR is that of {} ({}), the highest score that of {} ({}).",
            lowest.quoted(),
            of(low),
            best.quoted(),
            of(high)
        )
    })
}

/// Whether examples before the question leave any checkpoint above chance.
fn few_shot(results: &StudyResults) -> Option<String> {
    let shots = results.shots().into_iter().filter(|shots| shots != "0");
    let shots: Vec<String> = shots.collect();
    let variants = &results.study.variants;
    let asked: Vec<(&Variant, &String, Score)> = (shots.iter())
        .flat_map(|shots| variants.iter().map(move |variant| (variant, shots)))
        .filter_map(|(variant, shots)| {
            let score = variant.scores.few_shot.get(shots)?;
            Some((variant, shots, *score))
        })
        .collect();
    let best = (asked.iter()).max_by(|(_, _, a), (_, _, b)| a.value.total_cmp(&b.value));
    let (variant, after, score) = best?;
    let is_above = |(variant, shots, _): &&(&Variant, &String, Score)| {
        results.is_above_chance(&Metric::FewShot((*shots).clone()), variant) == Some(true)
    };
    let above = asked.iter().filter(is_above).count();
    let chance = Metric::Choice.text(results.study.chance_after_examples().best());
    let words = if above == 0 {
        format!("no checkpoint is above chance ({chance})")
    } else {
        format!(
            "{above} of {} {} above chance ({chance})",
            counted(asked.len(), "result"),
            if above == 1 { "is" } else { "are" }
        )
    };
    Some(format!(
        "With {} before the question {words}; the best, {} with {after}, answers {} ({:.1} to {:.1}).",
        match shots.as_slice() {
            [one] if one == "1" => "1 example".to_owned(),
            several => format!("{} examples", several.join(" or ")),
        },
        variant.quoted(),
        Metric::Choice.text(score.value),
        100.0 * score.low,
        100.0 * score.high
    ))
}

fn claims(results: &StudyResults) -> Option<String> {
    let judged = || results.study.claims.iter().zip(&results.verdicts);
    let outcomes = |own: bool| {
        let outcomes = judged().filter(|(claim, _)| claim.source.is_empty() == own);
        let outcomes: Vec<Outcome> = outcomes.map(|(_, verdict)| verdict.outcome).collect();
        (outcomes.len(), Outcome::counts(&outcomes))
    };
    let (count, words) = outcomes(false);
    if count == 0 {
        return None;
    }
    let mut text = format!("Of {} of the papers: {words}", counted(count, "claim"));
    let (asked, words) = outcomes(true);
    if asked > 0 {
        text += &format!("; of {} of our own: {words}", counted(asked, "check"));
    }
    Some(text + ".")
}

fn noise(results: &StudyResults) -> Option<String> {
    let mir = results.noise_of(&Metric::Mir)?;
    let mut text = format!(
        "Seeds alone move MIR by a standard deviation of {:.3}",
        mir.deviation
    );
    if let Some(score) = results.noise_of(&Metric::Choice) {
        text += &format!(" and the score by {:.1} points", 100.0 * score.deviation);
    }
    Some(format!(
        "{text} ({} of {}).",
        counted(mir.runs, "training"),
        counted(mir.settings, "setting")
    ))
}

fn missing(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let missing: Vec<String> = (study.variants.iter())
        .filter(|variant| Metric::Mir.value(results, variant).is_none())
        .map(Variant::quoted)
        .collect();
    (!missing.is_empty()).then(|| format!("Without a MIR: {}.", missing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second of these is shown as 24.6: the last digit is even where two are as near.
    #[test]
    fn a_difference_is_that_of_the_numbers_beside_it() {
        for (share, other, said) in [
            (0.6359, 0.2465, "39.0 points above"),
            (0.74, 0.31, "43.0 points above"),
            (0.31, 0.74, "43.0 points below"),
        ] {
            assert_eq!(beside(share, other), said);
        }
        assert_eq!(Metric::Choice.text(0.2465), "24.6 %");
    }
}
