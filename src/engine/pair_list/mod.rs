//! Lists of pairs and documents: one `{"image": path, "text": string}` or one
//! `{"images": [path, ...], "texts": [string, ...]}` or `{"video": [path of a frame, ...], "text": string}` a line,
//! or conversations as LLaVA's training data have them, a line each or all in one JSON list.

mod conversations;
mod entry;

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;

use super::ImageInput;
use crate::input::evenly;
use entry::kind;

/// A line of a list of pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairLine {
    /// One pair, or several of a document. Paths are relative to the list's folder.
    pub turns: Vec<TurnLine>,
}

/// What is shown and asked, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnLine {
    /// What the user shows; later turns of a conversation may show nothing.
    pub shown: Vec<Shown>,
    /// What the user asks; empty in a list of pairs.
    pub question: String,
    /// As the assistant says it; not empty.
    pub text: String,
}

/// What a text is about, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An image.
    Image(String),
    /// A video: its frames, one at least.
    Frames(Vec<String>),
    /// So many images taken evenly from a folder of them, or from an animation.
    Sampled(String, usize),
}

impl Shown {
    /// All paths.
    pub fn paths(&self) -> &[String] {
        match self {
            Self::Image(path) | Self::Sampled(path, _) => std::slice::from_ref(path),
            Self::Frames(paths) => paths,
        }
    }

    /// The same as inputs: `find` gives the images, `folder` those of a folder in their order, where there is one.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn found<E>(
        &self,
        mut find: impl FnMut(&str) -> Result<ImageInput, E>,
        folder: impl FnOnce(&str) -> Option<Vec<ImageInput>>,
    ) -> Result<Vec<ImageInput>, E> {
        Ok(match self {
            Self::Image(path) => vec![find(path)?],
            Self::Frames(paths) => {
                let frames = paths.iter().map(|path| find(path));
                vec![ImageInput::Frames(frames.collect::<Result<_, _>>()?)]
            }
            Self::Sampled(path, frames) => match folder(path) {
                Some(images) => evenly(images.len(), *frames)
                    .filter_map(|index| images.get(index).cloned())
                    .collect(),
                None => vec![ImageInput::Sampled(Box::new(find(path)?), *frames)],
            },
        })
    }
}

/// The name of the list in a folder of images, as Hugging Face's `datasets` reads it.
pub const FOLDER_LIST: &str = "metadata.jsonl";

/// A list of pairs that was read.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// Each line with its number counted from 1, or each entry of a JSON list with its index: a pair, or why it
    /// is none.
    pub lines: Vec<(usize, Result<PairLine, String>)>,
    /// Conversations that show nothing, which are left out.
    pub without_image: usize,
    /// Whether it is one JSON list.
    whole: bool,
}

impl Listed {
    /// The list in `content`: a JSON list, or else JSON lines of which blank ones are left out.
    ///
    /// # Errors
    /// It begins as a JSON list and is none.
    pub fn new(content: &str) -> Result<Self, String> {
        let mut listed = Self::default();
        if content.trim_start().starts_with('[') && !is_of_lines(content) {
            listed.whole = true;
            let mut list = serde_json::Deserializer::from_str(content);
            let read = list.deserialize_seq(Entries(&mut listed));
            read.and_then(|()| list.end()).map_err(|error| {
                format!("expected a JSON list of pairs or conversations, found {error}")
            })?;
            return Ok(listed);
        }
        let lines = content.lines().enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            listed.add(index + 1, entry::of_line(line));
        }
        Ok(listed)
    }

    fn add(&mut self, number: usize, entry: Result<Option<PairLine>, String>) {
        match entry.transpose() {
            Some(line) => self.lines.push((number, line)),
            None => self.without_image += 1,
        }
    }

    /// Where a line or entry of the list called `name` stands.
    pub fn place(&self, name: &str, number: usize) -> String {
        match self.whole {
            true => format!("{name}[{number}]"),
            false => format!("{name}:{number}"),
        }
    }

    /// What a reader should know of the list called `name`.
    pub fn note(&self, name: &str) -> Option<String> {
        let left_out = self.without_image;
        let words = match left_out {
            0 => return None,
            1 => "1 conversation shows no image and was left out".to_owned(),
            _ => format!("{left_out} conversations show no image and were left out"),
        };
        Some(format!("{name}: {words}"))
    }
}

/// Whether the first line is a whole JSON value and another line follows, as in a file of lines.
fn is_of_lines(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    lines.next().is_some() && serde_json::from_str::<Value>(first).is_ok()
}

/// Takes a JSON list entry by entry, so that no more than one is held as it is written.
struct Entries<'a>(&'a mut Listed);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = list.next_element::<Value>()? {
            self.0.add(index, entry::of_value(value));
            index += 1;
        }
        Ok(())
    }
}

/// The pairs of a list of lines, with their numbers counted from 1; blank lines and conversations that show nothing
/// are left out.
///
/// # Errors
/// Each line for itself: it is no such object, or its text is empty.
pub fn pair_lines(content: &str) -> impl Iterator<Item = (usize, Result<PairLine, String>)> {
    content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .filter_map(|(index, line)| Some((index + 1, entry::of_line(line).transpose()?)))
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
            assert_eq!(turns, [pair(image("a/1.png"), "A cat.")]);
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

    fn pair(shown: Shown, text: &str) -> TurnLine {
        TurnLine {
            shown: vec![shown],
            question: String::new(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn frames_are_taken_evenly() {
        let taken = |count, most| evenly(count, most).collect::<Vec<_>>();
        assert_eq!(taken(10, 4), [0, 3, 6, 9]);
        assert_eq!(taken(3, 8), [0, 1, 2]);
        assert_eq!((taken(5, 1), taken(0, 4)), (vec![0], vec![]));
        let line = |content: &str| pair_lines(content).next().unwrap().1;
        let turns = line(r#"{"image": "clip", "frames": 8, "text": "A."}"#);
        let clip = Shown::Sampled("clip".to_owned(), 8);
        assert_eq!(turns.unwrap().turns, [pair(clip, "A.")]);
        for wrong in ["0", "257", "-1", "\"8\"", "1.5"] {
            let content = format!(r#"{{"image": "clip", "frames": {wrong}, "text": "A."}}"#);
            let error = line(&content).unwrap_err();
            assert!(error.contains("`frames` from 1 to 256"), "{error}");
        }
    }

    #[test]
    fn a_json_list_is_one_of_conversations_or_pairs() {
        let content = r#" [
            {"id": "1", "image": "a.png", "conversations": [
                {"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A cat."}]},
            {"id": "2", "conversations": [
                {"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hello."}]},
            {"image": "b.png", "text": "B."},
            7, {"image": "c.png", "conversations": 3}
        ]"#;
        let listed = Listed::new(content).unwrap();
        assert_eq!(listed.without_image, 1);
        assert!(
            listed
                .note("l.json")
                .unwrap()
                .starts_with("l.json: 1 conversation shows")
        );
        let numbers: Vec<usize> = listed.lines.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [0, 2, 3, 4]);
        let first = &listed.lines[0].1.as_ref().unwrap().turns[0];
        assert_eq!(
            (first.question.as_str(), first.text.as_str()),
            ("What is it?", "A cat.")
        );
        assert_eq!(
            listed.lines[1].1.as_ref().unwrap().turns,
            [pair(image("b.png"), "B.")]
        );
        for (line, reason) in listed.lines[2..]
            .iter()
            .zip(["an object", "found a number"])
        {
            let error = line.1.as_ref().unwrap_err();
            assert!(
                error.contains(reason) || error.contains("expected {"),
                "{error}"
            );
        }
        assert_eq!(listed.place("l.json", 3), "l.json[3]");
        for broken in ["[", "[{\"image\": \"a\"},", "[] x"] {
            let error = Listed::new(broken).unwrap_err();
            assert!(error.contains("expected a JSON list"), "{error}");
        }
        let lines = Listed::new("[1]\n{\"image\": \"a\", \"text\": \"A.\"}").unwrap();
        assert_eq!(
            (lines.lines.len(), lines.place("l", 2)),
            (2, "l:2".to_owned())
        );
    }

    #[test]
    fn a_video_is_a_list_of_frames() {
        let line = |content: &str| pair_lines(content).next().unwrap().1;
        let turns = line(r#"{"video": ["a.png", "b.png"], "text": "A."}"#);
        let frames = Shown::Frames(vec!["a.png".to_owned(), "b.png".to_owned()]);
        assert_eq!(turns.unwrap().turns, [pair(frames, "A.")]);
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
        assert_eq!(first.turns, [pair(image("a.png"), "A.")]);
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
            .flat_map(|turn| turn.shown[0].paths())
            .map(String::as_str)
            .collect();
        assert_eq!(names, ["a.png", "b.png"]);
        assert_eq!(document.turns[1].text, "B.");
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
