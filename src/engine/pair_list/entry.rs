//! One entry of a list.

use serde::Deserialize;
use serde_json::Value;

use super::{PairLine, Shown, TurnLine, conversations};

/// Most images in a document, and most frames; bounds the memory that one entry may ask for.
const MOST_IMAGES: usize = 256;

const EXPECTED: &str = "expected {\"image\": path, \"text\": string}, {\"images\": [path, ...], \
     \"texts\": [string, ...]} or {\"video\": [path of a frame, ...], \"text\": string}";

/// An entry as it is written; `file_name` and `caption` are the keys of [`super::FOLDER_LIST`].
#[derive(Deserialize)]
struct Written {
    /// A path, or paths in a conversation.
    image: Option<Value>,
    file_name: Option<String>,
    text: Option<String>,
    /// Whatever it is where there is a `text`.
    caption: Option<Value>,
    images: Option<Vec<String>>,
    texts: Option<Vec<String>>,
    /// Frames, in a list.
    video: Option<Value>,
    /// How many frames are taken of each image, which is a folder or an animation.
    frames: Option<Value>,
    conversations: Option<Value>,
}

/// A line; none of a conversation that shows nothing.
pub(super) fn of_line(line: &str) -> Result<Option<PairLine>, String> {
    of_written(serde_json::from_str(line))
}

/// An entry of a JSON list.
pub(super) fn of_value(value: Value) -> Result<Option<PairLine>, String> {
    of_written(serde_json::from_value(value))
}

fn of_written(written: Result<Written, serde_json::Error>) -> Result<Option<PairLine>, String> {
    let written = written.map_err(|error| {
        // The position inside the line is all that is left of serde_json's message's place.
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        match error.column() {
            0 => format!("{EXPECTED}, found {reason}"),
            column => format!("{EXPECTED}, found {reason} (column {column})"),
        }
    })?;
    let frames = written.frames.as_ref().map(frames_of).transpose()?;
    let shown = |path: String| match frames {
        Some(frames) => Shown::Sampled(path, frames),
        None => Shown::Image(path),
    };
    if let Some(conversations) = &written.conversations {
        if written.texts.is_some() || written.text.is_some() {
            return Err("expected `conversations` alone, found other texts beside them".to_owned());
        }
        let own = written.image.or(written.file_name.map(Value::from));
        let own = paths(own, "image")?.into_iter();
        let paths = own.chain(written.images.unwrap_or_default());
        let mut all: Vec<Shown> = paths.map(shown).collect();
        if let Some(video) = written.video.filter(|video| !video.is_null()) {
            if frames.is_some() {
                return Err("expected `frames` beside an image, found it beside `video`".to_owned());
            }
            all.push(Shown::Frames(video_frames(&video)?));
        }
        return match all.len() {
            0 => Ok(None),
            1..=MOST_IMAGES => {
                let turns = conversations::turns(conversations, all)?;
                Ok(Some(PairLine { turns }))
            }
            found => Err(format!(
                "expected at most {MOST_IMAGES} images, found {found}"
            )),
        };
    }
    let image = match written.image {
        None => written.file_name,
        Some(Value::String(image)) => Some(image),
        Some(other) => return Err(format!("{EXPECTED}, found {} as `image`", kind(&other))),
    };
    let text = match (written.text, written.caption) {
        (None, Some(Value::String(caption))) => Some(caption),
        (None, Some(other)) => {
            let found = kind(&other);
            return Err(format!("{EXPECTED}, found {found} as `caption`"));
        }
        (text, _) => text,
    };
    if let Some(video) = written.video {
        return match (image, text, written.images, written.texts, frames) {
            (None, Some(text), None, None, None) => {
                let frames = Shown::Frames(video_frames(&video)?);
                pairs(vec![frames], vec![text]).map(Some)
            }
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
    pairs(images.into_iter().map(shown).collect(), texts).map(Some)
}

/// Each of `shown` with its text.
fn pairs(shown: Vec<Shown>, texts: Vec<String>) -> Result<PairLine, String> {
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err("expected a text, found an empty one".to_owned());
    }
    let turns = shown.into_iter().zip(texts);
    let turns = turns.map(|(shown, text)| TurnLine {
        shown: vec![shown],
        question: String::new(),
        text,
    });
    Ok(PairLine {
        turns: turns.collect(),
    })
}

/// A path, or several.
fn paths(value: Option<Value>, key: &str) -> Result<Vec<String>, String> {
    let path = |value: Value| match value {
        Value::String(path) => Ok(path),
        other => Err(format!(
            "expected a path as `{key}`, found {}",
            kind(&other)
        )),
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.into_iter().map(path).collect(),
        Some(other) => Ok(vec![path(other)?]),
    }
}

/// How many frames are taken.
fn frames_of(value: &Value) -> Result<usize, String> {
    let number = value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| (1..=MOST_IMAGES).contains(number))
        .ok_or_else(|| {
            let found = match value {
                Value::Number(number) => number.to_string(),
                other => kind(other).to_owned(),
            };
            format!("expected `frames` from 1 to {MOST_IMAGES}, found {found}")
        })
}

/// The paths of a video's frames.
fn video_frames(video: &Value) -> Result<Vec<String>, String> {
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
    match paths.len() {
        1..=MOST_IMAGES => Ok(paths),
        found => Err(format!("expected 1 to {MOST_IMAGES} frames, found {found}")),
    }
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
