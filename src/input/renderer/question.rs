//! Conversations that end where an answer begins.

use std::collections::BTreeMap;

use super::{Misfit, Rendered, Renderer, VICUNA_SYSTEM, sentinel};
use crate::{
    families::PromptShape,
    input::{
        error::InputError,
        template::{AssistantForm, ChatTemplate, PRINTED, Turn, UserForm},
    },
};

impl Renderer {
    /// A renderer for a model that sees no images. A template is tried in all forms; the first with which
    /// it renders a question is kept.
    pub fn of_text(
        template: Option<ChatTemplate>,
        special: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let mut renderer = Self {
            template: None,
            video: false,
            shape: PromptShape::Chat,
            marker: String::new(),
            special: special.clone(),
        };
        let Some(template) = template else {
            return Ok(renderer);
        };
        let turn = Turn {
            question: &sentinel(0),
            answer: None,
        };
        let mut last = Misfit::Text("no form works".into(), String::new());
        for forms in [
            (UserForm::Text, AssistantForm::Text),
            (UserForm::Parts, AssistantForm::Parts),
            (UserForm::Parts, AssistantForm::Text),
        ] {
            match template.conversation(forms, "", 0, &[turn], special) {
                Ok(text) if text.contains(turn.question) && !text.contains(PRINTED) => {
                    renderer.template = Some((template, forms));
                    return Ok(renderer);
                }
                Ok(text) => last = Misfit::Text("the text is missing".into(), text),
                Err(failure) => last = Misfit::Fails(failure),
            }
        }
        Err(last.error(&template))
    }

    /// The prompt of a conversation up to where its last answer begins, `expansions` in the place of the
    /// images, which stand before the first question.
    pub fn question(
        &self,
        turns: &[Turn<'_>],
        expansions: &[&str],
    ) -> Result<Rendered, InputError> {
        let images = expansions.len();
        let text = match &self.template {
            Some((template, forms)) => template
                .conversation(*forms, &self.marker, images, turns, &self.special)
                .map_err(|failure| failure.error)?,
            None if self.shape == PromptShape::Prefix => {
                let question = turns.last().map_or("", |turn| turn.question);
                let beginning = self.token("bos_token");
                format!("{}{beginning}{question}\n", self.marker.repeat(images))
            }
            None if self.shape == PromptShape::Question => {
                let question = turns.last().map_or("", |turn| turn.question);
                format!("{}Question: {question} Answer:", self.marker.repeat(images))
            }
            None => {
                let mut text = format!("{VICUNA_SYSTEM} ");
                for (index, turn) in turns.iter().enumerate() {
                    let images = if index == 0 { images } else { 0 };
                    let before = format!("{}\n", self.marker).repeat(images);
                    text += &format!("USER: {before}{} ASSISTANT:", turn.question);
                    if let Some(answer) = turn.answer {
                        text += &format!(" {answer}{}", self.vicuna_end());
                    }
                }
                text
            }
        };
        let (text, found, _) = self.expanded(&text, expansions);
        if found.len() != images {
            let found = Misfit::Image(format!("it renders {} of {images}", found.len()), text);
            return Err(match &self.template {
                Some((template, _)) => found.error(template),
                None => InputError::OneImage { images },
            });
        }
        Ok(Rendered {
            // Written with its beginning, and tokenized as it is.
            split: (self.shape == PromptShape::Prefix).then_some(text.len()),
            ..Rendered::of(text)
        })
    }

    /// What a template writes behind an answer.
    pub fn behind_answer(&self) -> Option<String> {
        let (template, forms) = self.template.as_ref()?;
        let answer = sentinel(0);
        let turn = Turn {
            question: "Some words.",
            answer: Some(&answer),
        };
        let rendered = template.conversation(*forms, &self.marker, 0, &[turn], &self.special);
        let rendered = rendered.ok()?;
        rendered
            .split_once(&answer)
            .map(|(_, behind)| behind.to_owned())
    }
}
