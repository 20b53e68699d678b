//! Chat templates in Jinja, rendered as transformers renders them.
//!
//! They come from strangers: [`bounds`] says what is refused before it is compiled, [`meter`] what a
//! rendering may do.

mod bounds;
mod environment;
mod json;
mod lexer;
mod marks;
mod meter;
mod parts;
mod strftime;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use minijinja::{Environment, Error, ErrorKind, Value};
use serde_json::{Map, Value as Json};
use web_time::{SystemTime, UNIX_EPOCH};

use super::{
    error::{InputError, shown},
    passage::Passage,
    special_tokens::read_object,
};
use crate::weights::{ByteSource, read_text};
use bounds::Bounded;
pub(in crate::input) use parts::PRINTED;

/// Longest file of a template, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Most characters of a message that a template or its compiler wrote.
const MAX_MESSAGE: usize = 300;
/// The longest value of a rendering, in bytes: this, and for each byte of the texts four more.
const VALUE_BYTES: usize = 1 << 20;
/// The longest rendering, counted likewise.
const RENDERED_BYTES: usize = 4 << 20;

/// How the user's turn says that there is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserForm {
    /// A list of parts, one of type `image`.
    Parts,
    /// The placeholder and a line break as a string.
    Text,
    /// The placeholder alone as a string.
    Bare,
    /// A list of parts, one of type `video`.
    Video,
}

/// How the assistant's turn holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssistantForm {
    /// A list of parts, one of type `text`.
    Parts,
    /// A string.
    Text,
}

/// A checkpoint's chat template.
pub struct ChatTemplate {
    environment: Environment<'static>,
    dated: Arc<AtomicBool>,
    /// The file that it comes from.
    pub file: String,
}

const NAME: &str = "chat_template";

impl ChatTemplate {
    /// The template of a checkpoint: in `processor_config.json`, `chat_template.json`,
    /// `chat_template.jinja` or `tokenizer_config.json`, the first that has one.
    ///
    /// # Errors
    /// A file does not parse, or the template does not compile.
    pub(super) fn open(
        source: &dyn ByteSource,
        tokenizer_config: &Map<String, Json>,
    ) -> Result<Option<Self>, InputError> {
        for file in ["processor_config.json", "chat_template.json"] {
            if let Some(text) = default_template(file, &read_object(source, file)?)? {
                return Self::new(file, &text).map(Some);
            }
        }
        let file = "chat_template.jinja";
        if let Some(text) = read_text(source, file, MAX_FILE)? {
            return Self::new(file, &text).map(Some);
        }
        let file = "tokenizer_config.json";
        default_template(file, tokenizer_config)?
            .map(|text| Self::new(file, &text))
            .transpose()
    }

    /// Compiles a template that comes from `file`. Where it asks for the date, it gets today's in UTC.
    ///
    /// # Errors
    /// [`InputError::Template`] where it does not compile, or nests or joins too much to be tried.
    pub fn new(file: &str, text: &str) -> Result<Self, InputError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::at(file, text, now.map_or(0, |now| now.as_secs() as i64))
    }

    /// The same at a moment: the second `now` after the beginning of 1970, in UTC.
    ///
    /// # Errors
    /// As [`ChatTemplate::new`].
    pub fn at(file: &str, text: &str, now: i64) -> Result<Self, InputError> {
        let failed = |reason| InputError::Template {
            file: file.into(),
            reason,
        };
        let wrong = |error: Error| {
            failed(format!(
                "it does not compile ({})",
                shown(&error.to_string(), MAX_MESSAGE)
            ))
        };
        let Bounded { source, texts, .. } = Bounded::new(text).map_err(failed)?;
        let dated = Arc::new(AtomicBool::new(false));
        let mut environment = environment::environment(texts, now, dated.clone()).map_err(wrong)?;
        environment
            .add_template_owned(NAME, source)
            .map_err(wrong)?;
        Ok(Self {
            environment,
            dated,
            file: file.into(),
        })
    }

    /// Whether a rendering asked for the date.
    pub fn is_dated(&self) -> bool {
        self.dated.load(Ordering::Relaxed)
    }

    /// Renders for each of `texts` a user turn with an image and an assistant turn with the text.
    ///
    /// # Errors
    /// [`InputError::Template`] where rendering fails.
    pub fn render(
        &self,
        (user, assistant): (UserForm, AssistantForm),
        image_token: &str,
        texts: &[&str],
        special: &BTreeMap<String, String>,
    ) -> Result<String, InputError> {
        let passages: Vec<Passage<'_>> = texts.iter().map(|text| Passage::pair(text)).collect();
        self.tried((user, assistant), image_token, &passages, special)
            .map_err(|failure| failure.error)
    }

    /// Renders a user turn and an assistant turn for each passage.
    pub(super) fn tried(
        &self,
        (user, assistant): (UserForm, AssistantForm),
        image_token: &str,
        passages: &[Passage<'_>],
        special: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let turns = |passage: &Passage<'_>| {
            let question = content(user, image_token, passage.images, passage.question);
            [
                message("user", question),
                message("assistant", said(assistant, passage.text)),
            ]
        };
        let length = |passage: &Passage<'_>| passage.question.len() + passage.text.len();
        let given = passages.iter().map(length).sum();
        let messages = passages.iter().flat_map(turns).collect();
        self.messages(messages, given, false, special)
    }

    /// Renders a conversation whose first question has so many images before it. It ends where the answer
    /// to its last question begins, or behind that answer where there is one.
    pub(super) fn conversation(
        &self,
        (user, assistant): (UserForm, AssistantForm),
        image_token: &str,
        images: usize,
        turns: &[Turn<'_>],
        special: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let mut messages = Vec::new();
        for (index, turn) in turns.iter().enumerate() {
            let images = if index == 0 { images } else { 0 };
            let question = content(user, image_token, images, turn.question);
            messages.push(message("user", question));
            messages.extend(
                turn.answer
                    .map(|text| message("assistant", said(assistant, text))),
            );
        }
        let length = |turn: &Turn<'_>| turn.question.len() + turn.answer.map_or(0, str::len);
        let given = turns.iter().map(length).sum();
        let open = turns.last().is_some_and(|turn| turn.answer.is_none());
        self.messages(messages, given, open, special)
    }

    /// Renders messages that hold so many bytes of text.
    fn messages(
        &self,
        messages: Vec<Value>,
        given: usize,
        generation: bool,
        special: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let mut context: BTreeMap<String, Value> = special
            .iter()
            .map(|(name, token)| (name.clone(), Value::from(token.as_str())))
            .collect();
        context.insert("messages".into(), Value::from(messages));
        context.insert("add_generation_prompt".into(), Value::from(generation));
        for none in ["tools", "documents"] {
            context.insert(none.into(), Value::from(()));
        }
        let most = |own: usize| own.saturating_add(given.saturating_mul(4));
        context.insert(meter::MOST.into(), Value::from(most(VALUE_BYTES)));
        let failed = |limit, reason| Failure {
            limit,
            error: InputError::Template {
                file: self.file.clone(),
                reason,
            },
        };
        let mut rendered = Rendering {
            bytes: Vec::new(),
            most: most(RENDERED_BYTES),
            over: false,
        };
        let result = self
            .environment
            .get_template(NAME)
            .and_then(|template| {
                template.render_captured_to(Value::from_pairs(context), &mut rendered)
            })
            .map(drop);
        if rendered.over {
            let reason = format!("it renders more than {} bytes", rendered.most);
            return Err(failed(true, reason));
        }
        if let Err(error) = result {
            return Err(match (error.kind(), error.detail()) {
                (ErrorKind::OutOfFuel, Some(what)) => failed(true, format!("it {what}")),
                (ErrorKind::OutOfFuel, None) => failed(true, "it does not come to an end".into()),
                _ => {
                    let message = shown(&error.to_string(), MAX_MESSAGE);
                    failed(false, format!("it fails ({message})"))
                }
            });
        }
        String::from_utf8(rendered.bytes).map_err(|_| failed(false, "it renders no UTF-8".into()))
    }
}

/// A question of a conversation, and its answer where it was given.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// What was asked.
    pub question: &'a str,
    /// What was answered.
    pub answer: Option<&'a str>,
}

fn message(role: &str, content: Value) -> Value {
    Value::from_pairs([("role", Value::from(role)), ("content", content)])
}

/// A part that is text.
fn text_part(text: &str) -> Vec<(&'static str, Value)> {
    vec![("type", Value::from("text")), ("text", Value::from(text))]
}

/// What a user's turn holds: images, then text where there is some.
fn content(form: UserForm, image_token: &str, images: usize, text: &str) -> Value {
    match form {
        UserForm::Text => Value::from(format!("{image_token}\n").repeat(images) + text),
        UserForm::Bare => Value::from(image_token.repeat(images) + text),
        UserForm::Parts | UserForm::Video => {
            let kind = if form == UserForm::Video {
                "video"
            } else {
                "image"
            };
            let mut all = vec![vec![("type", Value::from(kind))]; images];
            if !text.is_empty() {
                all.push(text_part(text));
            }
            parts::list(all)
        }
    }
}

/// What an assistant's turn holds.
fn said(form: AssistantForm, text: &str) -> Value {
    match form {
        AssistantForm::Parts => parts::list(vec![text_part(text)]),
        AssistantForm::Text => Value::from(text),
    }
}

/// Why a template does not render.
pub(super) struct Failure {
    /// In a sentence.
    pub error: InputError,
    /// Whether it reached a limit, which it will do in any form of the messages.
    pub limit: bool,
}

/// Takes a rendering up to a length.
struct Rendering {
    bytes: Vec<u8>,
    most: usize,
    over: bool,
}

impl io::Write for Rendering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            self.over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `chat_template` of a JSON file: a string, or the one called `default` among several.
fn default_template(file: &str, object: &Map<String, Json>) -> Result<Option<String>, InputError> {
    let text = match object.get(NAME) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(named)) => named.get("default"),
        Some(Json::Array(list)) => list
            .iter()
            .find(|entry| entry.get("name").and_then(Json::as_str) == Some("default"))
            .and_then(|entry| entry.get("template")),
        text => text,
    };
    let text = text.and_then(Json::as_str).map(str::to_owned);
    text.map(Some).ok_or_else(|| InputError::Template {
        file: file.into(),
        reason: format!("`{NAME}` is neither a text nor a list with one called `default`"),
    })
}
