//! Connectors between published models: MIR against what they can do.

use super::{
    Figure, Look, Target,
    rows::{Point, Points, points},
};
use crate::study::{REAL_CHANCE, RealParts, RealRun};

/// MIR of each connector against the share of captions that it chooses rightly: captions that fit, captions of
/// other pictures, and the untrained one apart. Each point is a spot of its run, by [`Target::Run`].
pub fn real_choice(real: &RealParts, look: &Look) -> Figure {
    let chance = 100.0 * REAL_CHANCE;
    chart(
        real,
        "right choices among five captions (%)",
        |run| 100.0 * run.choice(),
        Some((chance, "chance".to_owned())),
        look,
    )
}

/// MIR of each connector against its loss on captions.
pub fn real_loss(real: &RealParts, look: &Look) -> Figure {
    let up = "loss on captions (nats per token)";
    chart(real, up, |run| run.scores.names.loss, None, look)
}

fn chart(
    real: &RealParts,
    up: &str,
    value: impl Fn(&RealRun) -> f64,
    line: Option<(f64, String)>,
    look: &Look,
) -> Figure {
    let all = real.points.iter().enumerate();
    let all = all.map(|(index, run)| Point {
        label: format!(
            "{}\nMIR {:.3}, {:.0} % right choices, loss {:.2}",
            run.label(),
            run.with_prose.mir,
            100.0 * run.choice(),
            run.scores.names.loss
        ),
        at: [run.with_prose.mir, value(run)],
        kind: match (run.samples, run.shuffled) {
            (0, _) => 2,
            (_, true) => 1,
            _ => 0,
        },
        target: Some(Target::Run(index)),
    });
    let chart = Points {
        title: format!("With real parts: {up} against MIR"),
        axes: [
            "MIR: lower is nearer to the words".to_owned(),
            up.to_owned(),
        ],
        points: all.collect(),
        kinds: ["captions that fit", "shuffled captions", "untrained"]
            .map(str::to_owned)
            .into(),
        line,
    };
    points(&chart, look)
}
