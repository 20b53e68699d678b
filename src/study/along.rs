//! What goes along with MIR from the start of one training to its end.

use super::{Metric, StudyResults, Variant};
use crate::words::{grouped, plural};

/// What every text says that shows steps of one training beside each other.
pub const NO_PROGRESS: &str = "MIR is no measure of progress within one training";

/// One step of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What it is called, for example `1,984 pairs`.
    pub label: String,
    /// Modality Integration Rate.
    pub mir: f64,
    /// The same with each modality scaled to mean token norm 1.
    pub norm_matched: Option<f64>,
    /// Mean norm of the vision tokens over that of the text tokens, after the first layer.
    pub norm_ratio: Option<f64>,
}

/// What a step is called after so many pairs.
pub fn pairs_seen(pairs: u64) -> String {
    match pairs {
        0 => "untrained".to_owned(),
        some => format!("{} {}", grouped(some), plural(some as usize, "pair")),
    }
}

/// What happens along one training, in a sentence that ends with [`NO_PROGRESS`]; none of fewer than two
/// steps.
pub fn along(steps: &[Step]) -> Option<String> {
    let [first, lowest, last] = turns(steps)?;
    let number = |value: f64| Metric::Mir.text(value);
    let path = path(steps)?;
    let from = if last.mir > lowest.mir { lowest } else { first };
    let mut with = Vec::new();
    if let (Some(before), Some(after)) = (from.norm_ratio, last.norm_ratio) {
        let verb = if after > before { "grow" } else { "shrink" };
        let [before, after] = [before, after].map(|ratio| format!("{ratio:.2}"));
        with.push(if before == after {
            format!("the vision tokens stay at {after} of the words' length")
        } else {
            format!("the vision tokens {verb} from {before} to {after} of the words' length")
        });
    }
    if let (Some(before), Some(after)) = (from.norm_matched, last.norm_matched) {
        let less = if (after - before).abs() < (last.mir - from.mir).abs() {
            " changes less,"
        } else {
            " goes"
        };
        with.push(format!(
            "the norm-matched MIR{less} from {} to {}",
            number(before),
            number(after)
        ));
    }
    if with.is_empty() {
        return Some(format!("Along one training MIR {path}: {NO_PROGRESS}."));
    }
    let since = if last.mir > lowest.mir && lowest != first {
        " as it rises"
    } else {
        ""
    };
    Some(format!(
        "Along one training MIR {path};{since} {}: {NO_PROGRESS}.",
        with.join(", and ")
    ))
}

/// The first step, the lowest one and the last.
fn turns(steps: &[Step]) -> Option<[&Step; 3]> {
    let [first, .., last] = steps else {
        return None;
    };
    let lowest = (steps.iter()).min_by(|a, b| a.mir.total_cmp(&b.mir))?;
    Some([first, lowest, last])
}

/// What MIR does from the first step over the lowest one to the last: `is lowest on the way: ...`.
pub(super) fn path(steps: &[Step]) -> Option<String> {
    let [first, lowest, last] = turns(steps)?;
    let [from, low, to] = [first, lowest, last].map(|step| Metric::Mir.text(step.mir));
    Some(if lowest.mir < first.mir && lowest.mir < last.mir {
        format!(
            "is lowest on the way: {from} ({}), {low} ({}), {to} ({})",
            first.label, lowest.label, last.label
        )
    } else {
        format!(
            "goes from {from} ({}) to {to} ({})",
            first.label, last.label
        )
    })
}

/// The steps of a run of snapshots, those left out that were not measured.
pub(super) fn steps(results: &StudyResults, snapshots: &[&Variant]) -> Vec<Step> {
    let step = |variant: &&Variant| {
        let value = |metric: Metric| metric.value(results, variant);
        // A further seed's label names its seed, too.
        let first = variant.replicate_of.as_deref();
        let setting = first.and_then(|name| results.study.variant(name));
        Some(Step {
            label: setting.unwrap_or(variant).label.clone(),
            mir: value(Metric::Mir)?,
            norm_matched: value(Metric::NormMatchedMir),
            norm_ratio: value(Metric::NormRatio),
        })
    };
    snapshots.iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(label: &str, mir: f64, norm_matched: f64, ratio: f64) -> Step {
        Step {
            label: label.to_owned(),
            mir,
            norm_matched: Some(norm_matched),
            norm_ratio: Some(ratio),
        }
    }

    #[test]
    fn a_fall_and_a_rise_are_told_with_what_goes_along() {
        let steps = [
            step("untrained", 0.5, 0.6, 0.7),
            step("10 pairs", 0.4, 0.5, 0.6),
            step("20 pairs", 0.7, 0.55, 1.0),
        ];
        assert_eq!(
            along(&steps).unwrap(),
            "Along one training MIR is lowest on the way: 0.500 (untrained), 0.400 (10 pairs), 0.700 (20 pairs); as it rises the vision tokens grow from 0.60 to 1.00 of the words' length, and the \
             norm-matched MIR changes less, from 0.500 to 0.550: MIR is no measure of progress within one training."
        );
    }

    #[test]
    fn one_direction_is_told_as_one() {
        let steps = [
            step("untrained", 0.9, 0.9, 1.2),
            step("20 pairs", 0.7, 0.5, 1.0),
        ];
        assert_eq!(
            along(&steps).unwrap(),
            "Along one training MIR goes from 0.900 (untrained) to 0.700 (20 pairs); the vision tokens \
             shrink from 1.20 to 1.00 of the words' length, and the norm-matched MIR goes from 0.900 to 0.500: \
             MIR is no measure of progress within one training."
        );
        assert_eq!(along(&steps[..1]), None);
    }
}
