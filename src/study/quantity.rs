//! The quantities of a report as a study keeps them, and how the score goes with each of them.

use serde::{Deserialize, Serialize};

use super::{Correlation, Kendall, Metric, Over, RankCorrelation, StudyResults, rank::coefficient};
use crate::report::{Contradiction, Definition, Report, shortened};

/// A quantity of one variant: the overall value of a [`crate::report::MetricReport`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredQuantity {
    /// What programs call it, for example `chamfer-cosine`.
    pub id: String,
    /// What a reader sees.
    pub label: String,
    /// The value; absent where it is undefined.
    pub value: Option<f64>,
    /// A 95 % interval over pairs, to six digits; absent where none can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl MeasuredQuantity {
    /// All quantities of a report, but for the rate of its own definition under a second name.
    pub(super) fn all(report: &Report) -> Vec<Self> {
        let again = |definition: Definition| format!("mir-{definition}");
        let metrics = report.metrics.iter();
        metrics
            .filter(|metric| metric.id != again(report.definition))
            .map(|metric| Self {
                id: metric.id.clone(),
                label: metric.label.clone(),
                value: metric.value,
                interval: metric.interval.map(|ends| ends.map(shortened)),
            })
            .collect()
    }

    /// Fails at an interval whose ends stand the wrong way round.
    pub(super) fn check(&self) -> Result<(), Contradiction> {
        match self.interval {
            Some([low, high]) if low > high => Err(Contradiction {
                field: "interval".to_owned(),
                reason: format!("goes from {low} down to {high}"),
            }),
            _ => Ok(()),
        }
    }
}

/// How the score goes with a quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct WithScore<'a> {
    /// What programs call the quantity.
    pub id: &'a str,
    /// What a reader calls the quantity.
    pub label: &'a str,
    /// Spearman's correlation.
    pub rank: RankCorrelation,
    /// Kendall's over the same settings.
    pub kendall: Option<Kendall>,
}

impl WithScore<'_> {
    /// Which way the score goes, where chance is no likely reason.
    pub fn direction(&self) -> &'static str {
        match self.rank.sure_sign() {
            Some(sign) if sign < 0.0 => "score falls as it rises",
            Some(_) => "score rises with it",
            None => "no order beyond chance",
        }
    }

    /// Spearman's rho and Kendall's tau, each with what is known of its certainty.
    pub fn coefficients(&self) -> [String; 2] {
        let tau = self.kendall.map(|it| coefficient(it.tau, &it.certainty));
        [
            coefficient(self.rank.rho, &self.rank.certainty),
            tau.unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl StudyResults {
    /// The quantities that any variant has, in the order in which reports list them.
    pub fn quantities(&self) -> Vec<&MeasuredQuantity> {
        let mut found: Vec<&MeasuredQuantity> = Vec::new();
        for measured in self.measured.values() {
            for quantity in &measured.quantities {
                if !found.iter().any(|it| it.id == quantity.id) {
                    found.push(quantity);
                }
            }
        }
        found
    }

    /// What a metric is called: a quantity as its report calls it.
    pub fn title(&self, metric: &Metric) -> String {
        let Metric::Quantity(id) = metric else {
            return metric.title();
        };
        let mut all = self.measured.values();
        all.find_map(|measured| measured.quantity(id))
            .map_or_else(|| metric.title(), |found| found.label.clone())
    }

    /// How the score goes with each quantity over some settings, the strongest correlation first; those that are
    /// undefined come last.
    pub fn with_score(&self, over: &Over) -> Vec<WithScore<'_>> {
        let score = Metric::Choice.name();
        let is_of = |found: &&Correlation| found.over == *over && found.y == score;
        let quantities = self.quantities();
        let mut rows: Vec<WithScore<'_>> = (self.correlations.iter().filter(is_of))
            .filter_map(|found| {
                let Some(Metric::Quantity(id)) = Metric::parse(&found.x) else {
                    return None;
                };
                let quantity = quantities.iter().find(|it| it.id == id)?;
                Some(WithScore {
                    id: &quantity.id,
                    label: &quantity.label,
                    rank: found.rank,
                    kendall: found.kendall,
                })
            })
            .collect();
        let strength = |row: &WithScore<'_>| row.rank.rho.map_or(-1.0, f64::abs);
        rows.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
        rows
    }
}
