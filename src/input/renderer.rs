//! The texts of a pair or a document to the text of a prompt.

use std::{collections::BTreeMap, ops::Range};

use super::{
    chat_template::{AssistantForm, ChatTemplate, UserForm},
    error::InputError,
};

/// Stands for text `index` where its place in a template is looked for.
fn sentinel(index: usize) -> String {
    format!("\u{e000}text {index}\u{e001}")
}

/// The system prompt of vicuna_v1, a protocol constant.
const VICUNA_SYSTEM: &str = "A chat between a curious user and an artificial intelligence \
     assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";

/// A prompt as text, with the places of the pair's or document's own texts in it.
pub(super) struct Rendered {
    /// The prompt.
    pub text: String,
    /// Its own texts, in order.
    pub contents: Vec<Content>,
}

/// Where one of the own texts stands.
pub(super) struct Content {
    /// Its bytes in the prompt.
    pub range: Range<usize>,
    /// Bytes at its beginning that the template trimmed away.
    pub trimmed: usize,
    /// Image placeholders before it.
    images: usize,
}

/// Renders prompts by a chat template, or as vicuna_v1 without one.
pub(super) struct Renderer {
    template: Option<(ChatTemplate, (UserForm, AssistantForm))>,
    image_token: String,
    image_tokens: usize,
    special: BTreeMap<String, String>,
}

impl Renderer {
    /// A renderer that repeats `image_token` as often as an image has tokens. A template is tried
    /// in all forms; the first with which it renders one image and the text is kept.
    pub fn new(
        template: Option<ChatTemplate>,
        image_token: String,
        image_tokens: usize,
        special: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let mut renderer = Self {
            template: None,
            image_token,
            image_tokens,
            special: special.clone(),
        };
        if let Some(template) = template {
            let forms = renderer.usable_forms(&template)?;
            renderer.template = Some((template, forms));
        }
        Ok(renderer)
    }

    /// The placeholder of an image.
    pub fn image_token(&self) -> &str {
        &self.image_token
    }

    /// The file of the template, where there is one.
    pub fn template_file(&self) -> Option<&str> {
        self.template
            .as_ref()
            .map(|(template, _)| template.file.as_str())
    }

    /// The whole prompt of images, each with one of `texts`, with the image placeholders repeated and
    /// the places of the texts in it.
    pub fn render(&self, texts: &[&str]) -> Result<Rendered, InputError> {
        let mut rendered = match &self.template {
            None => self.vicuna(texts),
            Some((template, forms)) => self.with_template(template, *forms, texts)?,
        };
        let images = self.image_token.repeat(self.image_tokens);
        let longer = images.len() - self.image_token.len();
        for content in &mut rendered.contents {
            content.range.start += content.images * longer;
            content.range.end += content.images * longer;
        }
        rendered.text = rendered.text.replace(&self.image_token, &images);
        Ok(rendered)
    }

    /// As the conversation vicuna_v1: the turns follow each other without a space.
    fn vicuna(&self, texts: &[&str]) -> Rendered {
        let end = self.special.get("eos_token").map_or("</s>", String::as_str);
        let mut text = format!("{VICUNA_SYSTEM} ");
        let mut contents = Vec::new();
        for (said, images) in texts.iter().zip(1..) {
            text += &format!("USER: {}\n ASSISTANT: ", self.image_token);
            contents.push(Content {
                range: text.len()..text.len() + said.len(),
                trimmed: 0,
                images,
            });
            text += said;
            text += end;
        }
        Rendered { text, contents }
    }

    /// Renders with the texts and with stand-ins for them: what lies between the latter lies between
    /// the texts, also where a template trims them.
    fn with_template(
        &self,
        template: &ChatTemplate,
        forms: (UserForm, AssistantForm),
        texts: &[&str],
    ) -> Result<Rendered, InputError> {
        let failed = |reason: &str| InputError::Template {
            file: template.file.clone(),
            reason: reason.into(),
        };
        let render =
            |texts: &[&str]| template.render(forms, &self.image_token, texts, &self.special);
        let sentinels: Vec<String> = (0..texts.len()).map(sentinel).collect();
        let sentinels: Vec<&str> = sentinels.iter().map(String::as_str).collect();
        let marked = render(&sentinels)?;
        let between = split(&marked, &sentinels).ok_or_else(|| failed("the text is missing"))?;
        let rendered = render(texts)?;
        if rendered.matches(&self.image_token).count() != texts.len() {
            return Err(failed("it renders no image, or several"));
        }
        let mut contents: Vec<Content> = Vec::new();
        let mut images = 0;
        for (index, text) in texts.iter().enumerate() {
            let before = between.get(index).copied().unwrap_or_default();
            let after = between.get(index + 1).copied().unwrap_or_default();
            let end = contents.last().map_or(0, |content| content.range.end);
            let start = end + before.len();
            let here = rendered.get(start..).unwrap_or("");
            let last = index + 1 == texts.len();
            let (length, trimmed) =
                found(here, text, after, last).ok_or_else(|| failed("it changes the text"))?;
            images += before.matches(&self.image_token).count();
            if texts.len() > 1 && images != index + 1 {
                return Err(failed("the images do not stand each before its own text"));
            }
            contents.push(Content {
                range: start..start + length,
                trimmed,
                images,
            });
        }
        Ok(Rendered {
            text: rendered,
            contents,
        })
    }

    fn usable_forms(
        &self,
        template: &ChatTemplate,
    ) -> Result<(UserForm, AssistantForm), InputError> {
        let mut first_error = None;
        for user in [UserForm::Parts, UserForm::Text] {
            for assistant in [AssistantForm::Parts, AssistantForm::Text] {
                match self.with_template(template, (user, assistant), &["Some words."]) {
                    Ok(_) => return Ok((user, assistant)),
                    Err(error) => first_error = first_error.or(Some(error)),
                }
            }
        }
        Err(first_error.unwrap_or_else(|| InputError::Template {
            file: template.file.clone(),
            reason: "no form works".into(),
        }))
    }
}

/// What lies before, between and after the `marks`, which follow each other in `text`; none where one
/// is missing.
fn split<'a>(text: &'a str, marks: &[&str]) -> Option<Vec<&'a str>> {
    let mut rest = text;
    let mut between = Vec::with_capacity(marks.len() + 1);
    for mark in marks {
        let (before, after) = rest.split_once(mark)?;
        between.push(before);
        rest = after;
    }
    between.push(rest);
    Some(between)
}

/// Bytes of `text` that `here` begins with, and of its beginning that were trimmed away: in the form
/// that `after` follows or, of the last text, in any.
fn found(here: &str, text: &str, after: &str, last: bool) -> Option<(usize, usize)> {
    let lead = text.len() - text.trim_start().len();
    let forms = [
        (text, 0),
        (text.trim_end(), 0),
        (text.trim_start(), lead),
        (text.trim(), lead),
    ];
    let mut fitting = (forms.iter()).filter_map(|(form, trimmed)| {
        let rest = here.strip_prefix(form)?;
        Some((form.len(), *trimmed, rest))
    });
    let first = fitting.clone().next();
    let followed = fitting.find(|(_, _, rest)| match last {
        true => *rest == after,
        false => rest.starts_with(after),
    });
    followed
        .or(first.filter(|_| last))
        .map(|(length, trimmed, _)| (length, trimmed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_the_form_that_the_prompt_goes_on_after() {
        assert_eq!(found("a b END", "a b", " END", true), Some((3, 0)));
        // Untrimmed and trimmed both fit; what follows decides.
        assert_eq!(found("a END", "a ", " END", false), Some((1, 0)));
        assert_eq!(found("a  END", "a ", " END", false), Some((2, 0)));
        assert_eq!(found("aEND", " a ", "END", false), Some((1, 1)));
        assert_eq!(found("b", "a", "", true), None);
        assert_eq!(found("a else", "a", "END", true), Some((1, 0)));
        assert_eq!(found("a else", "a", "END", false), None);
    }
}
