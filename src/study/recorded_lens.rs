//! Logit lenses in a recording: each word once, each token four bytes.

use std::collections::HashMap;

use half::f16;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_bytes::ByteBuf;

use crate::report::{LensState, LensToken, LogitLens};

/// Lenses with the same number of states and of tokens at each.
#[derive(Default, Serialize, Deserialize)]
struct Recorded {
    /// Ids and texts.
    words: Vec<(u32, String)>,
    /// Pair and position of each lens.
    of: Vec<(usize, usize)>,
    /// States of each lens, from 0 on.
    states: usize,
    /// Tokens of each state.
    tokens: usize,
    /// Of each token its number among the words as u16 and its probability as f16.
    told: ByteBuf,
}

/// Serializes the lenses.
pub(super) fn serialize<S: Serializer>(lenses: &[LogitLens], to: S) -> Result<S::Ok, S::Error> {
    let recorded = recorded(lenses).ok_or_else(|| {
        S::Error::custom("expected lenses of equally many states and words, found others")
    })?;
    recorded.serialize(to)
}

fn recorded(lenses: &[LogitLens]) -> Option<Recorded> {
    let Some(first) = lenses.first() else {
        return Some(Recorded::default());
    };
    let states = first.states.len();
    let tokens = first.states.first()?.tokens.len();
    let mut numbers = HashMap::new();
    let mut recorded = Recorded {
        states,
        tokens,
        ..Recorded::default()
    };
    for lens in lenses {
        let in_order = (lens.states.iter().enumerate())
            .all(|(index, state)| state.state == index && state.tokens.len() == tokens);
        if lens.states.len() != states || !in_order {
            return None;
        }
        recorded.of.push((lens.pair, lens.position));
        for token in lens.states.iter().flat_map(|state| &state.tokens) {
            let number = match numbers.get(&token.id) {
                Some(number) => *number,
                None => {
                    let number = u16::try_from(recorded.words.len()).ok()?;
                    recorded.words.push((token.id, token.text.clone()));
                    numbers.insert(token.id, number);
                    number
                }
            };
            recorded.told.extend(number.to_le_bytes());
            (recorded.told).extend(f16::from_f32(token.probability).to_le_bytes());
        }
    }
    Some(recorded)
}

/// Deserializes the lenses.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<LogitLens>, D::Error> {
    let recorded = Recorded::deserialize(from)?;
    let mut told = recorded.told.as_chunks::<4>().0.iter();
    let mut token = || {
        let &[low, high, rest @ ..] = told.next()?;
        let (id, text) = (recorded.words).get(usize::from(u16::from_le_bytes([low, high])))?;
        Some(LensToken {
            id: *id,
            text: text.clone(),
            probability: f16::from_le_bytes(rest).to_f32(),
        })
    };
    let mut lens = |&(pair, position): &(usize, usize)| {
        let mut state = |state| {
            let tokens = (0..recorded.tokens).map(|_| token());
            Some(LensState {
                state,
                tokens: tokens.collect::<Option<_>>()?,
            })
        };
        let states = (0..recorded.states).map(&mut state);
        Some(LogitLens {
            pair,
            position,
            states: states.collect::<Option<_>>()?,
        })
    };
    let lenses: Option<Vec<LogitLens>> = recorded.of.iter().map(&mut lens).collect();
    lenses.ok_or_else(|| D::Error::custom("the words of the recording end too early"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Held(#[serde(with = "super")] Vec<LogitLens>);

    fn lens(position: usize, tokens: usize) -> LogitLens {
        let token = |index: usize| LensToken {
            id: 5 + index as u32,
            text: format!(" word{index}"),
            probability: 0.5 / (1 << index) as f32,
        };
        LogitLens {
            pair: 2,
            position,
            states: (0..3)
                .map(|state| LensState {
                    state,
                    tokens: (state..state + tokens).map(token).collect(),
                })
                .collect(),
        }
    }

    fn bytes(held: &Held) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let written = ciborium::into_writer(held, &mut bytes);
        written.map(|()| bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn lenses_come_back() {
        for held in [Held(vec![lens(4, 2), lens(9, 2)]), Held(Vec::new())] {
            let bytes = bytes(&held).unwrap();
            let back: Held = ciborium::from_reader(&bytes[..]).unwrap();
            assert_eq!(back, held);
        }
    }

    #[test]
    fn lenses_that_do_not_fit_are_refused() {
        let reason = bytes(&Held(vec![lens(4, 2), lens(9, 3)])).unwrap_err();
        assert!(reason.contains("equally many"), "{reason}");
        let mut short = recorded(&[lens(4, 2)]).unwrap();
        short.told.pop();
        let mut bytes = Vec::new();
        ciborium::into_writer(&short, &mut bytes).unwrap();
        let read = ciborium::from_reader::<Held, _>(&bytes[..]);
        assert!(read.unwrap_err().to_string().contains("end too early"));
    }
}
