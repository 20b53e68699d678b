//! The words of a text that say something.

use super::prepare::Prepared;
use crate::input::Processor;

/// The fewest letters of such a word.
const LETTERS: usize = 4;

/// Words of so many letters that stand in every text.
const FUNCTION_WORDS: [&str; 66] = [
    "about", "above", "after", "again", "also", "although", "among", "another", "around",
    "because", "been", "before", "behind", "being", "below", "beside", "between", "both", "could",
    "does", "down", "during", "each", "even", "every", "from", "have", "having", "here", "into",
    "itself", "just", "more", "most", "much", "near", "only", "onto", "other", "over", "same",
    "should", "some", "such", "than", "that", "their", "them", "then", "there", "these", "they",
    "this", "those", "through", "under", "very", "were", "what", "when", "where", "which", "while",
    "with", "would", "your",
];

/// Those of the text of a pair.
pub(super) fn content_words_of(pair: &Prepared, processor: &Processor) -> Vec<u32> {
    let positions = pair.prompt.text_content.iter();
    let ids = positions.filter_map(|&position| pair.prompt.input_ids.get(position as usize));
    let ids: Vec<u32> = ids.copied().collect();
    content_words(&ids, |id| processor.token_text(id))
}

/// The ids among `ids`, the tokens of a text in order, that begin a word of at least four letters which is no function
/// word. `text` gives a token with its spaces.
///
/// A word begins where a token begins with a space or with a letter behind something that is none, and goes on as long
/// as letters follow.
fn content_words(ids: &[u32], text: impl Fn(u32) -> String) -> Vec<u32> {
    let mut words: Vec<(u32, String)> = Vec::new();
    // Whether what came last may go on.
    let mut open = false;
    for &id in ids {
        let token = text(id);
        let bare = token.trim_start();
        let letters: String = bare.chars().take_while(|c| c.is_alphabetic()).collect();
        let begins = !open || bare.len() < token.len();
        if begins && !letters.is_empty() {
            words.push((id, letters.clone()));
        } else if let (Some((_, word)), false) = (words.last_mut(), begins) {
            *word += &letters;
        }
        open = !letters.is_empty() && letters.len() == bare.len();
    }
    let says = |word: &str| {
        let word = word.to_lowercase();
        word.chars().count() >= LETTERS && !FUNCTION_WORDS.contains(&word.as_str())
    };
    let mut found: Vec<u32> = (words.into_iter())
        .filter(|(_, word)| says(word))
        .map(|(id, _)| id)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_a_long_word_counts() {
        let tokens = [
            "A", " ci", "rcle", " and", " That", " Ox", ",", "square", "s", "!", " tw", "o-",
            "digit", " 1984",
        ];
        let ids: Vec<u32> = (0..tokens.len() as u32).collect();
        let found = content_words(&ids, |id| tokens[id as usize].to_owned());
        let found: Vec<&str> = found.iter().map(|&id| tokens[id as usize]).collect();
        assert_eq!(found, [" ci", "square", "digit"]);
    }

    #[test]
    fn an_id_counts_once() {
        assert_eq!(content_words(&[7, 7], |_| " Hund-".to_owned()), [7]);
        assert_eq!(content_words(&[], |_| String::new()), [0; 0]);
    }
}
