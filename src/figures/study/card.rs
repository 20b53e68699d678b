//! All charts of a topic's card in one figure.

use super::{published_figure, study_origin, topic_figures};
use crate::{
    figures::{Figure, Look, Palette},
    study::{Protocol, StudyResults, Topic, plain},
};

/// Width of the charts, in points.
const WIDTH: f32 = 560.0;

/// The charts of a topic under each other: the papers' own figures, and what was seen by each protocol, with the
/// outcomes and where the numbers come from. Results in the order of [`Protocol::ALL`]; none where nothing was judged.
pub fn card_figure(
    topic: &Topic,
    results: [Option<&StudyResults>; 2],
    palette: Palette,
) -> Option<Figure> {
    let look = Look::new(palette, [WIDTH, 0.0]);
    let (mut parts, mut captions) = (Vec::new(), Vec::new());
    if !topic.published.is_empty() {
        let mut figure = published_figure(topic.published, &look);
        "Published figures, of large models".clone_into(&mut figure.title);
        parts.push(figure.captioned("", &[], &look));
        let places: Vec<&str> = topic.papers.iter().map(|paper| paper.place()).collect();
        captions.push(format!("Published in {}.", places.join(", ")));
    }
    let mut judged = false;
    for (protocol, results) in Protocol::ALL.into_iter().zip(results) {
        let Some(results) = results else { continue };
        let claims = topic.judged(protocol, results);
        if claims.is_empty() {
            continue;
        }
        judged = true;
        let title = protocol.title();
        let charts = topic_figures(topic, protocol, results, &look);
        let stacked = Figure::stacked(title.to_owned(), charts);
        parts.extend(stacked.map(|figure| figure.captioned("", &[], &look)));
        captions.extend(claims.into_iter().map(|(claim, verdict)| {
            let outcome = verdict.outcome.words();
            let words = plain(results, claim, verdict);
            format!("{title}. {}: {outcome}. {words}", claim.statement)
        }));
        captions.push(format!("{title}: {}", study_origin(results)));
    }
    if !judged {
        return None;
    }
    let bands =
        "Disc: the first seed; rings: other seeds; band: how far seeds alone may move a number.";
    captions.insert(0, bands.to_owned());
    let mut figure = Figure::stacked(topic.question.to_owned(), parts)?;
    // A little room at the sides of what reaches from edge to edge.
    let margin = look.font();
    figure.shift([margin, 0.0]);
    figure.size[0] += 2.0 * margin;
    Some(figure.captioned("", &captions, &look))
}
