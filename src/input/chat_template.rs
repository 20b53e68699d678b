//! Chat templates in Jinja, rendered as transformers renders them.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, Value, syntax::SyntaxConfig};
use serde_json::{Map, Value as Json};

use super::{error::InputError, special_tokens::read_object};
use crate::weights::{ByteSource, read_text};

/// Longest template, in bytes.
const MAX_TEMPLATE: u64 = 1 << 20;

/// How the user's turn says that there is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserForm {
    /// A list of parts, one of type `image`.
    Parts,
    /// The placeholder and a line break as a string.
    Text,
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
            if let Some(text) = default_template(&read_object(source, file)?) {
                return Self::new(file, text).map(Some);
            }
        }
        let file = "chat_template.jinja";
        if let Some(text) = read_text(source, file, MAX_TEMPLATE)? {
            return Self::new(file, text).map(Some);
        }
        default_template(tokenizer_config)
            .map(|text| Self::new("tokenizer_config.json", text))
            .transpose()
    }

    /// Compiles a template that comes from `file`.
    ///
    /// # Errors
    /// [`InputError::Template`] where it does not compile.
    pub fn new(file: &str, text: String) -> Result<Self, InputError> {
        let failed = |error: Error| InputError::Template {
            file: file.into(),
            reason: format!("it does not compile ({error})"),
        };
        if text.len() as u64 > MAX_TEMPLATE {
            return Err(InputError::Template {
                file: file.into(),
                reason: format!("it has {} bytes, more than {MAX_TEMPLATE}", text.len()),
            });
        }
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(failed)?;
        environment.set_syntax(syntax);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| {
            Err::<Value, _>(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(NAME, plain_generation_tags(&text))
            .map_err(failed)?;
        Ok(Self {
            environment,
            file: file.into(),
        })
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
        let object = |pairs: Vec<(&str, Value)>| {
            let owned = pairs.into_iter().map(|(k, v)| (k.to_owned(), v));
            Value::from(owned.collect::<BTreeMap<String, Value>>())
        };
        let part = |pairs: Vec<(&str, Value)>| Value::from(vec![object(pairs)]);
        let user = match user {
            UserForm::Parts => part(vec![("type", Value::from("image"))]),
            UserForm::Text => Value::from(format!("{image_token}\n")),
        };
        let assistant = |text: &str| match assistant {
            AssistantForm::Parts => part(vec![
                ("type", Value::from("text")),
                ("text", Value::from(text)),
            ]),
            AssistantForm::Text => Value::from(text),
        };
        let turn = |role: &str, content: Value| {
            object(vec![("role", Value::from(role)), ("content", content)])
        };
        let mut context: BTreeMap<String, Value> = special
            .iter()
            .map(|(name, token)| (name.clone(), Value::from(token.as_str())))
            .collect();
        let turns = |text: &&str| {
            [
                turn("user", user.clone()),
                turn("assistant", assistant(text)),
            ]
        };
        let messages: Vec<Value> = texts.iter().flat_map(turns).collect();
        context.insert("messages".into(), Value::from(messages));
        context.insert("add_generation_prompt".into(), Value::from(false));
        context.insert("tools".into(), Value::from(Vec::<Value>::new()));
        context.insert("documents".into(), Value::from(()));
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(Value::from(context)))
            .map_err(|error| InputError::Template {
                file: self.file.clone(),
                reason: format!("it fails ({error})"),
            })
    }
}

/// `chat_template` of a JSON file: a string, or the one called `default` among several.
fn default_template(object: &Map<String, Json>) -> Option<String> {
    match object.get(NAME)? {
        Json::String(text) => Some(text.clone()),
        Json::Object(named) => named.get("default")?.as_str().map(str::to_owned),
        Json::Array(list) => list
            .iter()
            .find(|entry| entry.get("name").and_then(Json::as_str) == Some("default"))
            .and_then(|entry| entry.get("template")?.as_str())
            .map(str::to_owned),
        _ => None,
    }
}

/// Turns `{% generation %}` and `{% endgeneration %}`, which only mark what a model says, into
/// blocks that always render, with their white space control kept.
fn plain_generation_tags(template: &str) -> String {
    let mut result = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        result.push_str(before);
        let end = tag.find("%}").map_or(tag.len(), |end| end + 2);
        let (tag, after) = tag.split_at(end);
        let inside = tag.trim_start_matches("{%").trim_end_matches("%}");
        let word = inside.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        match word {
            "generation" => result.push_str(&tag.replacen(word, "if true", 1)),
            "endgeneration" => result.push_str(&tag.replacen(word, "endif", 1)),
            _ => result.push_str(tag),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_keep_their_white_space_control() {
        assert_eq!(
            plain_generation_tags("a{%- generation %}b{% endgeneration -%} c{% if x %}"),
            "a{%- if true %}b{% endif -%} c{% if x %}"
        );
        assert_eq!(
            plain_generation_tags("no tags, {% open"),
            "no tags, {% open"
        );
    }
}
