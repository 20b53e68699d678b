//! Lists of pairs and documents: one `{"image": path, "text": string}` or one
//! `{"images": [path, ...], "texts": [string, ...]}` or `{"video": [path of a frame, ...], "text": string}` a line.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::ImageInput;

/// Most images in a document; bounds the memory that one line may ask for.
const MOST_IMAGES: usize = 256;

/// A line of a list of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairLine {
    /// What is shown, each with the text that follows it; one pair, or several of a document. Paths are
    /// relative to the list's folder, texts are as the assistant would say them and not empty.
    pub turns: Vec<(Shown, String)>,
}

/// What a text is about, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An image.
    Image(String),
    /// A video: its frames, one at least.
    Frames(Vec<String>),
}

impl Shown {
    /// All paths.
    pub fn paths(&self) -> &[String] {
        match self {
            Self::Image(path) => std::slice::from_ref(path),
            Self::Frames(paths) => paths,
        }
    }

    /// The same as an input, of images that `find` gives.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn found<E>(
        &self,
        mut find: impl FnMut(&str) -> Result<ImageInput, E>,
    ) -> Result<ImageInput, E> {
        match self {
            Self::Image(path) => find(path),
            Self::Frames(paths) => {
                let frames = paths.iter().map(|path| find(path));
                Ok(ImageInput::Frames(frames.collect::<Result<_, _>>()?))
            }
        }
    }
}

/// The name of the list in a folder of images, as Hugging Face's `datasets` reads it.
pub const FOLDER_LIST: &str = "metadata.jsonl";

/// A line as it is written; `file_name` and `caption` are the keys of [`FOLDER_LIST`].
#[derive(Deserialize)]
struct Written {
    image: Option<String>,
    file_name: Option<String>,
    text: Option<String>,
    /// Whatever it is where there is a `text`.
    caption: Option<Value>,
    images: Option<Vec<String>>,
    texts: Option<Vec<String>>,
    /// Frames, in a list.
    video: Option<Value>,
}

/// The lines of a list, with their numbers counted from 1; blank ones are left out.
///
/// # Errors
/// Each line for itself: it is no such object, or its text is empty.
pub fn pair_lines(content: &str) -> impl Iterator<Item = (usize, Result<PairLine, String>)> {
    content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| (index + 1, pair_line(line)))
}

fn pair_line(line: &str) -> Result<PairLine, String> {
    const EXPECTED: &str = "expected {\"image\": path, \"text\": string}, {\"images\": [path, ...], \
         \"texts\": [string, ...]} or {\"video\": [path of a frame, ...], \"text\": string}";
    let written: Written = serde_json::from_str(line).map_err(|error| {
        // The position inside the line is all that is left of serde_json's message's place.
        let column = error.column();
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("{EXPECTED}, found {reason} (column {column})")
    })?;
    let image = written.image.or(written.file_name);
    let text = match (written.text, written.caption) {
        (None, Some(Value::String(caption))) => Some(caption),
        (None, Some(other)) => {
            let found = kind(&other);
            return Err(format!("{EXPECTED}, found {found} as `caption`"));
        }
        (text, _) => text,
    };
    if let Some(video) = written.video {
        return match (image, text, written.images, written.texts) {
            (None, Some(text), None, None) => frames(&video, text),
            _ => Err(format!("{EXPECTED}, found other keys beside `video`")),
        };
    }
    let (images, texts) = match (image, text, written.images, written.texts) {
        (Some(image), Some(text), None, None) => (vec![image], vec![text]),
        (None, None, Some(images), Some(texts)) => (images, texts),
        (Some(_), None, None, None) => return Err(format!("{EXPECTED}, found no `text`")),
        (None, None, Some(_), None) => return Err(format!("{EXPECTED}, found no `texts`")),
        _ => return Err(format!("{EXPECTED}, found other keys")),
    };
    if images.len() != texts.len() || !(1..=MOST_IMAGES).contains(&images.len()) {
        return Err(format!(
            "expected as many texts as images, 1 to {MOST_IMAGES}, found {} and {}",
            texts.len(),
            images.len()
        ));
    }
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err("expected a text, found an empty one".to_owned());
    }
    Ok(PairLine {
        turns: images.into_iter().map(Shown::Image).zip(texts).collect(),
    })
}

/// A video with its text.
fn frames(video: &Value, text: String) -> Result<PairLine, String> {
    let paths = video.as_array().and_then(|list| {
        let paths = list.iter().map(|path| path.as_str().map(str::to_owned));
        paths.collect::<Option<Vec<String>>>()
    });
    let paths = paths.ok_or_else(|| {
        format!(
            "expected the paths of a video's frames as a list, found {}: write frames of it into image \
             files first, for example with ffmpeg",
            kind(video)
        )
    })?;
    if !(1..=MOST_IMAGES).contains(&paths.len()) {
        let found = paths.len();
        return Err(format!("expected 1 to {MOST_IMAGES} frames, found {found}"));
    }
    if text.trim().is_empty() {
        return Err("expected a text, found an empty one".to_owned());
    }
    Ok(PairLine {
        turns: vec![(Shown::Frames(paths), text)],
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A path with `/` between its parts, as a list made on Windows has `\` there.
pub fn portable_path(path: &str) -> Cow<'_, str> {
    match path.contains('\\') {
        true => Cow::Owned(path.replace('\\', "/")),
        false => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_folders_own_list_is_one() {
        let line = |content: &str| pair_lines(content).next().unwrap().1;
        for content in [
            r#"{"file_name": "a/1.png", "text": "A cat.", "caption": ["other"], "id": 3}"#,
            r#"{"file_name": "a/1.png", "caption": "A cat."}"#,
            r#"{"image": "a/1.png", "caption": "A cat."}"#,
        ] {
            let turns = line(content).unwrap().turns;
            assert_eq!(turns, [(image("a/1.png"), "A cat.".to_owned())]);
        }
        for (content, reason) in [
            (r#"{"file_name": "a.png"}"#, "found no `text`"),
            (
                r#"{"file_name": "a.png", "caption": ["A."]}"#,
                "found a list as `caption`",
            ),
        ] {
            let error = line(content).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert_eq!(portable_path(r"images\sub\a.png"), "images/sub/a.png");
    }

    fn image(path: &str) -> Shown {
        Shown::Image(path.to_owned())
    }

    #[test]
    fn a_video_is_a_list_of_frames() {
        let line = |content: &str| pair_lines(content).next().unwrap().1;
        let turns = line(r#"{"video": ["a.png", "b.png"], "text": "A."}"#);
        let frames = Shown::Frames(vec!["a.png".to_owned(), "b.png".to_owned()]);
        assert_eq!(turns.unwrap().turns, [(frames, "A.".to_owned())]);
        for (wrong, reason) in [
            (r#"{"video": "a.mp4", "text": "A."}"#, "found a string"),
            (r#"{"video": [1], "text": "A."}"#, "found a list"),
            (r#"{"video": [], "text": "A."}"#, "found 0"),
            (r#"{"video": ["a"], "text": " "}"#, "an empty one"),
            (r#"{"video": ["a"]}"#, "found other keys"),
            (
                r#"{"video": ["a"], "image": "b", "text": "A."}"#,
                "found other keys",
            ),
        ] {
            let error = line(wrong).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn each_line_is_a_pair_or_says_why_not() {
        let content =
            "{\"image\": \"a.png\", \"text\": \"A.\"}\n\n[1]\n{\"image\": \"b\", \"text\": \" \"}";
        let lines: Vec<_> = pair_lines(content).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].0, 1);
        let first = lines[0].1.as_ref().unwrap();
        assert_eq!(first.turns, [(image("a.png"), "A.".to_owned())]);
        let (number, Err(reason)) = &lines[1] else {
            panic!("a list is no pair");
        };
        assert_eq!(*number, 3);
        assert!(reason.starts_with("expected {\"image\": path"), "{reason}");
        assert!(
            lines[2]
                .1
                .as_ref()
                .is_err_and(|reason| reason.contains("empty"))
        );
    }

    #[test]
    fn a_document_has_as_many_texts_as_images() {
        let line = |content: &str| pair_lines(content).next().unwrap().1;
        let document = line(r#"{"images": ["a.png", "b.png"], "texts": ["A.", "B."]}"#).unwrap();
        let names: Vec<&str> = document
            .turns
            .iter()
            .flat_map(|(image, _)| image.paths())
            .map(String::as_str)
            .collect();
        assert_eq!(names, ["a.png", "b.png"]);
        assert_eq!(document.turns[1].1, "B.");
        for (wrong, reason) in [
            (
                r#"{"images": ["a.png", "b.png"], "texts": ["A."]}"#,
                "found 1 and 2",
            ),
            (r#"{"images": [], "texts": []}"#, "found 0 and 0"),
            (
                r#"{"images": ["a.png"], "texts": [" "]}"#,
                "found an empty one",
            ),
            (r#"{"images": ["a.png"], "text": "A."}"#, "found other keys"),
            (r#"{"image": "a.png"}"#, "found no `text`"),
        ] {
            let error = line(wrong).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
