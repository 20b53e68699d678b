//! What the papers say, topic by topic: what to show beside what was found here.

mod all;

use super::{
    Claim, Expectation, Metric, Paper, Protocol, Published, Sketch, StudyResults, Verdict,
};

/// One thing that papers say something about, or that the study checks by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Topic {
    /// Its name: small letters and `-`.
    pub name: &'static str,
    /// What it is about, as a question.
    pub question: &'static str,
    /// Who says something about it; nobody where it is a check of the study's own.
    pub papers: &'static [Paper],
    /// What they say, or what is checked, with `{terms}`.
    pub says: &'static str,
    /// What was tried here, with `{terms}`.
    pub tried: &'static str,
    /// What the base is called among the settings, in the order of [`Protocol::ALL`].
    pub base: [&'static str; 2],
    /// Names of the claims about it, in the order of [`Protocol::ALL`].
    pub claims: [&'static [&'static str]; 2],
    /// Figures that papers give.
    pub published: &'static [Published],
    /// A picture of what was varied.
    pub sketch: Option<Sketch>,
    /// The axes along which it was varied, in the order of [`Protocol::ALL`]; empty for none.
    pub axes: [&'static str; 2],
}

impl Topic {
    /// The topic called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|topic| topic.name == name)
    }

    /// Its claims in the results of a protocol, each with its verdict.
    pub fn judged<'a>(
        &self,
        protocol: Protocol,
        results: &'a StudyResults,
    ) -> Vec<(&'a Claim, &'a Verdict)> {
        let claims = self.claims[protocol.index()].iter();
        let found = claims.filter_map(|name| {
            let mut all = results.study.claims.iter();
            let claim = all.find(|claim| claim.id == **name)?;
            Some((claim, results.verdict(name)?))
        });
        found.collect()
    }

    /// What its claims are about, in their order: each metric with the variants that the claims about it are
    /// judged on, by their names; and pairs of metrics that should go together.
    pub fn shown(&self, protocol: Protocol, results: &StudyResults) -> Vec<Shown> {
        let mut all: Vec<Shown> = Vec::new();
        let mut add = |metric: Metric, with: Option<Metric>, variants: &[String]| {
            let same = |it: &&mut Shown| it.metric == metric && it.with == with;
            match all.iter_mut().find(same) {
                Some(shown) => {
                    let new = variants.iter();
                    let new = new.filter(|name| !shown.variants.contains(name));
                    let new: Vec<String> = new.cloned().collect();
                    shown.variants.extend(new);
                }
                None => all.push(Shown {
                    metric,
                    with,
                    variants: variants.to_vec(),
                }),
            }
        };
        for (claim, _) in self.judged(protocol, results) {
            let Some(metric) = Metric::parse(&claim.metric) else {
                continue;
            };
            let with = match Expectation::parse(&claim.expect) {
                Some(Expectation::FallsWith(name)) => Metric::parse(&name),
                _ => None,
            };
            match with {
                // Few settings are followed by their names, many as points.
                Some(with) if claim.variants.len() <= MOST_ROWS => {
                    add(metric, None, &claim.variants);
                    add(with, None, &claim.variants);
                }
                with => add(metric, with, &claim.variants),
            }
        }
        all
    }
}

/// Most settings that are shown by their names.
const MOST_ROWS: usize = 9;

/// What a chart of a topic shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The metric.
    pub metric: Metric,
    /// The metric that it is set against, for a chart of points.
    pub with: Option<Metric>,
    /// Names of the variants, in their order.
    pub variants: Vec<String>,
}
