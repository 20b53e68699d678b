//! From the scores of SentencePiece's pieces to the merges of byte pairs.
//!
//! SentencePiece joins the two neighbours whose piece has the highest score. Byte pairs join by the order of
//! a list: for each piece, all pairs of pieces that make it, the pieces by falling score.

use super::{super::error::WeightsError, vocabulary::Vocabulary};

const SCORES: &str = "tokenizer.ggml.scores";
/// Longest piece that is taken apart, in bytes; SentencePiece's own limit is 16 letters unless told otherwise.
const LONGEST: usize = 128;
/// Most pairs; a vocabulary of 262,000 pieces has some 600,000.
const MOST: usize = 1 << 23;

/// The merges of a vocabulary, first to last.
///
/// # Errors
/// It has no scores, or too many pairs.
pub(super) fn merges<'a>(vocabulary: &Vocabulary<'a>) -> Result<Vec<[&'a str; 2]>, WeightsError> {
    let metadata = vocabulary.metadata;
    let count = vocabulary.tokens.len();
    let scores = metadata.floats(SCORES)?.unwrap_or_default();
    if scores.len() != count || scores.iter().any(|score| score.is_nan()) {
        let expected = format!("a list of {count} scores");
        return Err(metadata.wrong(SCORES, expected));
    }
    let ids = vocabulary.ids();
    let mut found = Vec::new();
    for (piece, &score) in vocabulary.tokens.iter().zip(scores) {
        if piece.len() > LONGEST {
            continue;
        }
        let mut own = Vec::new();
        for (at, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(at);
            if let (Some(first), Some(second)) = (ids.get(left), ids.get(right)) {
                own.push((*first, *second, [left, right]));
            }
        }
        own.sort_by_key(|(first, second, _)| (*first, *second));
        found.extend(own.into_iter().map(|(_, _, pair)| (score, pair)));
        if found.len() > MOST {
            return Err(metadata.wrong("tokenizer.ggml.tokens", format!("at most {MOST} pairs")));
        }
    }
    // Stable, as transformers' converter: of equal scores, longer parts come first.
    let letters = |pair: &[&str; 2]| pair.map(|part| part.chars().count());
    found.sort_by(|(a, one), (b, other)| {
        b.total_cmp(a)
            .then_with(|| letters(other).cmp(&letters(one)))
    });
    Ok(found.into_iter().map(|(_, pair)| pair).collect())
}
