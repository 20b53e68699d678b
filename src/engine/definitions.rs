//! The rate by every definition, and with the embeddings counted as a layer, from one run.

use super::forward::{State, states};
use crate::{
    alignment::{MirResult, StateId},
    report::{Definition, MetricReport, StateValue, basis_of_tokens, shortened},
};

const EMBEDDINGS: [&str; 3] = [
    "mir-with-embeddings",
    "MIR with the embeddings",
    "The rate where the embeddings, hidden_states[0] with the image features in their places, count as one layer \
     more. Neither the paper nor the released script counts them; what the connector gives is farthest from the \
     words there, so that they may outweigh all layers.",
];

/// Id, label and what it says.
fn words(definition: Definition) -> [&'static str; 3] {
    match definition {
        Definition::Exact => [
            "mir-exact",
            "MIR, exact",
            "The paper's equation, the last state before the final norm.",
        ],
        Definition::OfficialAccurate => [
            "mir-official-accurate",
            "MIR, official-accurate",
            "The same with the last state after the final norm, as the released script takes it; the script's own \
             square root in f32 is off by some 0.01 to 1 %.",
        ],
        Definition::OfficialFast => [
            "mir-official-fast",
            "MIR, official-fast",
            "What the released script's default computes in exact arithmetic: it subtracts 2 Tr(S_v S_t) and takes \
             no square root. In f32 its loop drifts from there to subtracting nothing.",
        ],
    }
}

/// What has to be captured beside the states of `definition`: the last one as the other definitions take it,
/// and, where every quantity of this file is wanted, the embeddings.
pub(super) fn further(definition: Definition, layers: usize, all: bool) -> Vec<State> {
    let other = match definition.is_official() {
        true => Definition::Exact,
        false => Definition::OfficialAccurate,
    };
    let end = states(other, layers).pop();
    let first = all.then_some(State::new(StateId::Embeddings, layers));
    end.into_iter().chain(first).collect()
}

/// The places of a definition's states among those of `own`, which are `layers`, and [`further`] behind them.
pub(super) fn places(definition: Definition, own: Definition, layers: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..layers).collect();
    if definition.is_official() != own.is_official()
        && let Some(last) = places.last_mut()
    {
        *last = layers;
    }
    places
}

/// The entries of a report. `result` and `captured` have the states of the definition `own`, which are `layers`,
/// then those of [`further`]. `is_official` says that the text
/// tokens and the outliers are the released script's, without which its definitions have no entry.
pub(super) fn entries(
    result: &MirResult,
    captured: &[State],
    (own, is_official): (Definition, bool),
    layers: usize,
) -> Vec<MetricReport> {
    let mut all = Vec::new();
    for definition in Definition::ALL {
        if definition.is_official() && !is_official {
            continue;
        }
        let places = places(definition, own, layers);
        all.push(entry(
            result,
            captured,
            &places,
            definition,
            words(definition),
        ));
    }
    let with: Vec<usize> = std::iter::once(layers + 1).chain(0..layers).collect();
    all.push(entry(result, captured, &with, own, EMBEDDINGS));
    all
}

fn entry(
    result: &MirResult,
    captured: &[State],
    places: &[usize],
    definition: Definition,
    [id, label, about]: [&str; 3],
) -> MetricReport {
    let result = result.taken(places, definition);
    let mut basis = basis_of_tokens(result.layers.first().map_or([0; 2], |it| it.tokens));
    let uppers: Option<Vec<f64>> = result.layers.iter().map(|it| it.frechet_upper).collect();
    if let Some(upper) = uppers.map(|uppers| uppers.iter().sum::<f64>())
        && upper > 0.0
    {
        basis += &format!("; at most {:.3} in f32", upper.log10());
    }
    // Of the closed form there are no derivatives.
    let found = match definition {
        Definition::OfficialFast => None,
        _ => result.intervals().into_iter().find(|it| it.id == "mir"),
    };
    let (interval, by_pair, intervals) = found.map_or_else(Default::default, |it| {
        (it.overall, it.by_pair, it.per_layer)
    });
    let states = (places.iter().zip(&result.layers)).enumerate();
    MetricReport {
        id: id.to_owned(),
        label: label.to_owned(),
        about: about.to_owned(),
        value: result.mir,
        interval,
        by_pair: by_pair.into_iter().map(shortened).collect(),
        per_state: states
            .map(|(at, (place, distance))| StateValue {
                state: captured.get(*place).map(State::name).unwrap_or_default(),
                value: Some(distance.frechet),
                interval: intervals.get(at).copied().flatten(),
            })
            .collect(),
        basis,
    }
}
