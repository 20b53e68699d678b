//! Dictionaries in libFuzzer's form.

/// Every word on a line of its own, in quotes.
pub fn dictionary(words: &str) -> String {
    let line = |word: &str| {
        let escaped = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"\n")
    };
    words.split_whitespace().map(line).collect()
}
