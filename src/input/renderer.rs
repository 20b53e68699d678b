//! A pair's text to the text of a prompt.

use std::{collections::BTreeMap, ops::Range};

use super::{
    chat_template::{AssistantForm, ChatTemplate, UserForm},
    error::InputError,
};

/// Stands for the text where its place in a template is looked for.
const SENTINEL: &str = "\u{e000}text\u{e001}";

/// The system prompt of vicuna_v1, a protocol constant.
const VICUNA_SYSTEM: &str = "A chat between a curious user and an artificial intelligence \
     assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";

/// A prompt as text, with the place of the pair's own text in it.
pub(super) struct Rendered {
    /// The prompt.
    pub text: String,
    /// Byte range of the pair's own text.
    pub content: Range<usize>,
    /// Bytes at the beginning of the pair's text that the template trimmed away.
    pub trimmed: usize,
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

    /// The whole prompt with the image placeholder repeated, and the place of `text` in it.
    pub fn render(&self, text: &str) -> Result<Rendered, InputError> {
        let mut rendered = match &self.template {
            None => self.vicuna(text),
            Some((template, forms)) => self.with_template(template, *forms, text)?,
        };
        if let Some(at) = rendered.text.find(&self.image_token) {
            let images = self.image_token.repeat(self.image_tokens);
            if rendered.content.start > at {
                let longer = images.len() - self.image_token.len();
                rendered.content.start += longer;
                rendered.content.end += longer;
            }
            rendered.text = rendered.text.replacen(&self.image_token, &images, 1);
        }
        Ok(rendered)
    }

    fn vicuna(&self, text: &str) -> Rendered {
        let end = self.special.get("eos_token").map_or("</s>", String::as_str);
        let before = format!("{VICUNA_SYSTEM} USER: {}\n ASSISTANT: ", self.image_token);
        Rendered {
            content: before.len()..before.len() + text.len(),
            trimmed: 0,
            text: format!("{before}{text}{end}"),
        }
    }

    /// Renders with the text and with a stand-in for it: where the latter lands is the text's
    /// place, also where a template trims it.
    fn with_template(
        &self,
        template: &ChatTemplate,
        forms: (UserForm, AssistantForm),
        text: &str,
    ) -> Result<Rendered, InputError> {
        let failed = |reason: &str| InputError::Template {
            file: template.file.clone(),
            reason: reason.into(),
        };
        let render = |text: &str| template.render(forms, &self.image_token, text, &self.special);
        let start = render(SENTINEL)?
            .find(SENTINEL)
            .ok_or_else(|| failed("the text is missing"))?;
        let rendered = render(text)?;
        if rendered.matches(&self.image_token).count() != 1 {
            return Err(failed("it renders no image, or several"));
        }
        let here = rendered.get(start..).unwrap_or("");
        let lead = text.len() - text.trim_start().len();
        let (found, trimmed) = [
            (text, 0),
            (text.trim_end(), 0),
            (text.trim_start(), lead),
            (text.trim(), lead),
        ]
        .into_iter()
        .find(|(form, _)| here.starts_with(form))
        .ok_or_else(|| failed("it changes the text"))?;
        Ok(Rendered {
            content: start..start + found.len(),
            trimmed,
            text: rendered,
        })
    }

    fn usable_forms(
        &self,
        template: &ChatTemplate,
    ) -> Result<(UserForm, AssistantForm), InputError> {
        let mut first_error = None;
        for user in [UserForm::Parts, UserForm::Text] {
            for assistant in [AssistantForm::Parts, AssistantForm::Text] {
                match self.with_template(template, (user, assistant), "Some words.") {
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
