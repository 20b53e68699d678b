//! Connectors between published models: MIR against what they can do.

use super::{
    Figure, Look, Target,
    rows::{Point, Points, points},
};
use crate::{
    report::format_count,
    study::{REAL_CHANCE, REAL_PARTS, RealParts, RealRun},
};

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

/// A figure of connectors between published models with a heading and where its numbers come from.
pub fn real_captioned(real: &RealParts, figure: Figure, look: &Look) -> Figure {
    let parts = REAL_PARTS.map(|[part, ..]| part).join("; ");
    let subtitle =
        format!("Connectors between two published models, which stayed frozen. {parts}.");
    let verdict = real.sentences().into_iter().next();
    let origin = real.points.first().map(|run| {
        let [vision, text] = run.with_prose.tokens.map(format_count);
        format!(
            "Definition exact, {vision} vision and {text} text tokens of pictures never trained on, the texts are \
             prose; {}; assets/real/points.json.",
            run.adapter
        )
    });
    let captions: Vec<String> = verdict.into_iter().chain(origin).collect();
    figure.captioned(&subtitle, &captions, look)
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
