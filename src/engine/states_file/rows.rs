//! Which rows of a file of states belong to which pair.

use std::{collections::BTreeMap, ops::Range};

use super::{PAIR, VISION, mask_name, refused};
use crate::{engine::EngineError, report::TextMask, weights::TensorInfo, words::plural};

/// Rows that are looked at together.
const PART: usize = 1 << 18;

/// The rows of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PairRows {
    /// The pair's number.
    pub(super) number: i64,
    /// All of them.
    pub(super) rows: Range<usize>,
    /// How many are vision and text tokens.
    pub(super) tokens: [usize; 2],
}

/// What says of each token where it belongs.
pub(super) struct Marks {
    file: String,
    pair: TensorInfo,
    masks: [TensorInfo; 2],
    /// All tokens.
    pub(super) tokens: usize,
}

impl Marks {
    /// Those of `file` for a text mask.
    ///
    /// # Errors
    /// One is missing, is of another type, or has another length than the others.
    pub(super) fn of(
        file: &str,
        tensors: &BTreeMap<String, TensorInfo>,
        mask: TextMask,
    ) -> Result<Self, EngineError> {
        let find = |name: &str, what: &str, advice: &str| {
            tensors.get(name).cloned().ok_or_else(|| {
                let reason = format!("expected a tensor `{name}`, {what}, found none; {advice}");
                refused(file, reason)
            })
        };
        let again = "a measurement that exports its states writes it, and tools/export_states.py";
        let pair = find(PAIR, "the number of each token's pair", again)?;
        let tokens = pair.shape.first().copied().unwrap_or_default();
        let vision = find(VISION, "which says which tokens are vision tokens", again)?;
        let advice = match mask {
            TextMask::Official => again,
            TextMask::Content => "use the text mask `official`",
        };
        let what = "which says which tokens are text tokens";
        let text = find(mask_name(mask), what, advice)?;
        for tensor in [&pair, &vision, &text] {
            if tensor.shape != [tokens] {
                let reason = format!(
                    "tensor `{}`: expected one number for each of {tokens} tokens, found shape {:?}; export \
                     the states again",
                    tensor.name, tensor.shape
                );
                return Err(refused(file, reason));
            }
        }
        Ok(Self {
            file: file.to_owned(),
            pair,
            masks: [vision, text],
            tokens,
        })
    }

    /// The rows of all pairs, in the order of the file, read a part at a time.
    ///
    /// # Errors
    /// The numbers of the pairs do not ascend; a token is neither marked nor not, or is both vision and
    /// text; a pair has no vision or no text token.
    pub(super) fn pairs(&self) -> Result<Vec<PairRows>, EngineError> {
        let mut pairs: Vec<PairRows> = Vec::new();
        let mut last = None;
        for begin in (0..self.tokens).step_by(PART) {
            let part = begin..self.tokens.min(begin + PART);
            let owners = self.pair.numbers_in(part.clone())?;
            let [vision, text] = self.marks(part.clone())?;
            for (((row, owner), vision), text) in part.zip(owners).zip(vision).zip(text) {
                if last.is_some_and(|last| owner < last) {
                    let expected = "numbers that ascend, each pair's tokens together";
                    return Err(self.wrong(&self.pair, row, expected, owner));
                }
                if last != Some(owner) {
                    pairs.push(PairRows {
                        number: owner,
                        rows: row..row,
                        tokens: [0; 2],
                    });
                }
                last = Some(owner);
                if let Some(pair) = pairs.last_mut() {
                    pair.rows.end = row + 1;
                    pair.tokens[0] += usize::from(vision);
                    pair.tokens[1] += usize::from(text);
                }
            }
        }
        for (number, pair) in (1..).zip(&pairs) {
            for (count, tensor) in pair.tokens.iter().zip(&self.masks) {
                if *count == 0 {
                    let reason = format!(
                        "tensor `{}`: expected at least one token of pair {number}, which has {} {}, found \
                         none; leave the pair out",
                        tensor.name,
                        pair.rows.len(),
                        plural(pair.rows.len(), "token")
                    );
                    return Err(refused(&self.file, reason));
                }
            }
        }
        Ok(pairs)
    }

    /// Positions of the vision tokens and of the text tokens in a pair, from its first token on.
    ///
    /// # Errors
    /// As [`Marks::pairs`].
    pub(super) fn positions(&self, rows: Range<usize>) -> Result<[Vec<u32>; 2], EngineError> {
        let marks = self.marks(rows)?;
        Ok(marks.map(|marks| {
            let marked = (0..).zip(marks).filter(|(_, marked)| *marked);
            marked.map(|(position, _)| position).collect()
        }))
    }

    /// Which of some tokens are vision and which text.
    fn marks(&self, rows: Range<usize>) -> Result<[Vec<bool>; 2], EngineError> {
        let [vision, text] = &self.masks;
        let read = |tensor: &TensorInfo| -> Result<Vec<bool>, EngineError> {
            let marks = rows.clone().zip(tensor.numbers_in(rows.clone())?);
            let mark = |(row, mark)| match mark {
                0 | 1 => Ok(mark == 1),
                other => Err(self.wrong(tensor, row, "0 or 1", other)),
            };
            marks.map(mark).collect()
        };
        let found = [read(vision)?, read(text)?];
        let both = found[0]
            .iter()
            .zip(&found[1])
            .position(|both| *both.0 && *both.1);
        match both {
            Some(at) => {
                let expected = format!("0 where `{}` is 1", vision.name);
                Err(self.wrong(text, rows.start + at, &expected, 1))
            }
            None => Ok(found),
        }
    }

    fn wrong(&self, tensor: &TensorInfo, row: usize, expected: &str, found: i64) -> EngineError {
        let reason = format!(
            "tensor `{}`: expected {expected}, found {found} at token {row}; export the states again",
            tensor.name
        );
        refused(&self.file, reason)
    }
}
