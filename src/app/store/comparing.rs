//! Which runs are compared.

use std::collections::BTreeSet;

use super::{Run, Store};

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

    /// The two runs of the difference; none where fewer than two are compared.
    pub fn difference(&self) -> Option<(&Run, &Run)> {
        let runs = self.compared();
        let find = |number: Option<u64>| runs.iter().find(|run| Some(run.number) == number);
        let base = find(self.comparing.base).or(runs.first())?;
        let other = find(self.comparing.other).or(runs.last())?;
        (base.number != other.number).then_some((*base, *other))
    }
}
