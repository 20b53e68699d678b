//! Which runs are compared.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, Store};
use crate::study::{Step, along};

/// The choice of runs in the comparison; runs are named by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparing {
    /// Runs that are left out; all others are compared.
    pub left_out: BTreeSet<u64>,
    /// The run that is subtracted in the difference; the first one if absent.
    pub base: Option<u64>,
    /// The run that it is subtracted from; the last one if absent.
    pub other: Option<u64>,
}

impl Store {
    /// The runs that are compared, oldest first.
    pub fn compared(&self) -> Vec<&Run> {
        let left_out = &self.comparing.left_out;
        let runs = self.runs.iter();
        runs.filter(|run| !left_out.contains(&run.number)).collect()
    }

    /// Compares the steps of the demo's one training, and nothing else.
    pub fn compare_steps(&mut self) {
        let others = self.runs.iter().filter(|run| run.step().is_none());
        self.comparing = Comparing {
            left_out: others.map(|run| run.number).collect(),
            ..Comparing::default()
        };
    }

    /// What happens along the demo's one training, where several steps of it are compared.
    pub fn along_compared(&self) -> Option<String> {
        along(&steps(self.compared()))
    }

    /// The two runs of the difference; none where fewer than two are compared.
    pub fn difference(&self) -> Option<(&Run, &Run)> {
        let runs = self.compared();
        let find = |number: Option<u64>| runs.iter().find(|run| Some(run.number) == number);
        let base = find(self.comparing.base).or(runs.first())?;
        let other = find(self.comparing.other).or(runs.last())?;
        (base.number != other.number).then_some((*base, *other))
    }
}

/// Those of the runs that are steps of the demo's one training, in its order; of a step the last run.
fn steps<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Vec<Step> {
    let mut steps: BTreeMap<u64, Step> = BTreeMap::new();
    for run in runs {
        let report = &run.report;
        if let (Some(label), Some(samples), Some(mir)) = (run.step(), run.samples(), report.mir) {
            let step = Step {
                label: label.to_owned(),
                mir,
                norm_matched: report.norm_matched_mir,
                norm_ratio: report.layers.first().and_then(|layer| layer.norm_ratio()),
            };
            steps.insert(samples, step);
        }
    }
    steps.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::NO_PROGRESS;

    #[test]
    fn steps_of_one_training_are_compared_with_what_goes_along() {
        let mut store = Store::new();
        assert_eq!(store.compared().len(), 2);
        assert_eq!(store.along_compared(), None, "two trainings are no steps");
        store.compare_steps();
        assert_eq!(store.compared().len(), 3);
        let words = store.along_compared().unwrap();
        assert!(words.contains(NO_PROGRESS), "{words}");
        for run in store.compared() {
            let mir = format!("{:.3}", run.report.mir.unwrap());
            assert!(words.contains(&mir), "{mir} in {words}");
        }
    }
}
