//! Source files, and Rust code without what is not code.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file of the project.
pub(super) struct Source {
    /// Path below the project's folder, with `/`.
    pub(super) path: String,
    /// Content.
    pub(super) text: String,
}

impl Source {
    /// Rust code with comments and the contents of strings blanked, and without the items under
    /// `#[cfg(test)]`. Lines keep their numbers.
    pub(super) fn code(&self) -> String {
        without_tests(&without_comments_and_strings(&self.text))
    }
}

/// The project's folder.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` with this extension, sorted by path; none if there is no such folder.
pub(super) fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    paths
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")),
            path: below_root(&path),
        })
        .collect()
}

fn below_root(path: &Path) -> String {
    let parts = path.strip_prefix(root()).unwrap().iter();
    parts
        .map(|part| part.to_str().unwrap())
        .collect::<Vec<_>>()
        .join("/")
}

pub(super) fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// Blanks comments and the insides of strings and characters; keeps line ends.
pub(super) fn without_comments_and_strings(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = token_end(&letters, at);
        if let Some(end) = end {
            code.extend(letters[at..end].iter().map(
                |&letter| {
                    if letter == '\n' { '\n' } else { ' ' }
                },
            ));
            at = end;
        } else {
            // A name is taken whole, so that the `r` or `b` at its end starts no string.
            let start = at;
            while at < letters.len() && (letters[at].is_alphanumeric() || letters[at] == '_') {
                at += 1;
            }
            at = at.max(start + 1);
            code.extend(&letters[start..at]);
        }
    }
    code
}

/// Where the comment, string or character that starts at `at` ends; `None` if none starts there.
fn token_end(letters: &[char], at: usize) -> Option<usize> {
    let is = |offset: usize, letter: char| letters.get(at + offset) == Some(&letter);
    if is(0, '/') && is(1, '/') {
        return Some(find(letters, at, "\n").unwrap_or(letters.len()));
    }
    if is(0, '/') && is(1, '*') {
        return Some(block_comment_end(letters, at));
    }
    // b"..", r"..", br#".."#, c"..", cr"..": a prefix, then hashes, then a quote.
    let mut quote = at;
    while quote < at + 2
        && letters
            .get(quote)
            .is_some_and(|letter| "bcr".contains(*letter))
    {
        quote += 1;
    }
    let raw = quote > at && letters[quote - 1] == 'r';
    let mut hashes = 0;
    while raw && letters.get(quote + hashes) == Some(&'#') {
        hashes += 1;
    }
    if letters.get(quote + hashes) == Some(&'"') {
        let inside = quote + hashes + 1;
        if raw {
            let close = format!("\"{}", "#".repeat(hashes));
            return Some(
                find(letters, inside, &close).map_or(letters.len(), |end| end + close.len()),
            );
        }
        return Some(quoted_end(letters, inside, '"'));
    }
    let byte = usize::from(is(0, 'b') && is(1, '\''));
    if letters.get(at + byte) == Some(&'\'') {
        let inside = at + byte + 1;
        // 'a' and '\n' are characters, 'a alone is a lifetime.
        if letters.get(inside) == Some(&'\\') || letters.get(inside + 1) == Some(&'\'') {
            return Some(quoted_end(letters, inside, '\''));
        }
    }
    None
}

fn block_comment_end(letters: &[char], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while at < letters.len() {
        match (letters[at], letters.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn quoted_end(letters: &[char], inside: usize, quote: char) -> usize {
    let mut at = inside;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(letters.len())
}

fn find(letters: &[char], from: usize, what: &str) -> Option<usize> {
    let what: Vec<char> = what.chars().collect();
    (from..letters.len()).find(|&at| letters[at..].starts_with(&what))
}

/// Blanks every item under `#[cfg(test)]`, up to its closing brace or semicolon.
pub(super) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = code.to_owned();
    while let Some(start) = kept.find(MARK) {
        let rest = &kept[start + MARK.len()..];
        let mut depth = 0usize;
        let mut length = rest.len();
        for (position, letter) in rest.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(letter, '}' | ';') {
                length = position + 1;
                break;
            }
        }
        let end = start + MARK.len() + length;
        let blank: String = kept[start..end]
            .chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' })
            .collect();
        kept.replace_range(start..end, &blank);
    }
    kept
}

#[test]
fn comments_and_strings_are_no_code() {
    let text = "a // wgpu::\n/* wgpu:: /* in */ wgpu:: */ b \"wgpu:: \\\" wgpu::\" c\n\
                r#\"wgpu:: \" wgpu::\"# d b\"wgpu::\" 'w' '\\'' e<'a> br##\"\"# wgpu::\"## f\n\
                var\"wgpu::\" x.wgpu::y";
    let code = without_comments_and_strings(text);
    assert_eq!(code.matches("wgpu::").count(), 1, "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
    for kept in ["a ", " b ", " c", " d ", "e<'a>", " f", "x.wgpu::y"] {
        assert!(code.contains(kept), "{kept} is not in {code}");
    }
}

#[test]
fn test_items_are_left_out() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { x.unwrap() }\n}\nfn c() {}\n\
                #[cfg(test)]\nuse x;\nfn d() {}";
    let kept = without_tests(code);
    assert!(
        !kept.contains("unwrap") && !kept.contains("use x"),
        "{kept}"
    );
    assert!(kept.contains("fn a()") && kept.contains("fn c()") && kept.contains("fn d()"));
    assert_eq!(kept.lines().count(), code.lines().count());
}
