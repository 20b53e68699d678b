//! Texts as files hold them: all of a `.txt`, the article of a CNN/DailyMail `.story`.

/// Endings of the files that hold a text, in lower case.
pub const TEXT_EXTENSIONS: [&str; 2] = ["txt", "story"];

/// What stands before each summary of an article.
const HIGHLIGHT: &str = "@highlight";

/// The text in a file called `name`: its `content` without white space at the ends; of a `.story` only the
/// article, which is what stands before the first `@highlight`.
///
/// Paragraphs stay apart as the file has them. Line ends become `\n`, as Python reads them for the released
/// script of the paper on the Modality Integration Rate (arXiv 2410.07167).
///
/// # Errors
/// There is none.
pub fn text_in_file(name: &str, content: &str) -> Result<String, String> {
    let (text, expected) = match is_story(name) {
        true => (article(content), "a story before its first `@highlight`"),
        false => (content.trim().to_owned(), "a text"),
    };
    match text.is_empty() {
        true => Err(format!("expected {expected}, found none")),
        false => Ok(text),
    }
}

fn is_story(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("story"))
}

fn article(content: &str) -> String {
    let before = content.split(HIGHLIGHT).next().unwrap_or_default();
    before
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_ends_before_its_first_highlight() {
        let story = "\r\n(CNN) -- One.\r\n\r\nTwo words.\r\n\r\n@highlight\r\n\r\nOne\r\n\r\n@highlight\r\n\r\nTwo\r\n";
        let text = "(CNN) -- One.\n\nTwo words.".to_owned();
        assert_eq!(text_in_file("a/0f.story", story), Ok(text.clone()));
        assert_eq!(text_in_file("A.STORY", &format!("{text}\n")), Ok(text));
        let error = text_in_file("a.story", "\n@highlight\n\nOne\n").unwrap_err();
        assert!(error.contains("before its first `@highlight`"), "{error}");
    }

    #[test]
    fn other_files_are_texts_as_they_are() {
        let text = " a\r\n@highlight b \n";
        assert_eq!(
            text_in_file("a.txt", text),
            Ok("a\r\n@highlight b".to_owned())
        );
        assert_eq!(text_in_file("story", "x"), Ok("x".to_owned()));
        assert!(text_in_file("a.txt", "\n ").is_err());
    }
}
