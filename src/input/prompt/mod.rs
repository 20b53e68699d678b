//! The prompt of an image-text pair or of a document of several, with its token masks. It is long because a prompt
//! that is too long is shortened and made again.

mod encode;
mod losses;
mod open;
mod placeholder;
mod question;

use std::ops::Range;

use super::{
    error::InputError,
    passage::{self, Passage},
    renderer::{Content, Rendered},
    tokenizer::{Encoded, Tokenizer},
};
use crate::families::{self, ImagePlan, Layout, ModelSpec, PromptTokens};
use placeholder::{Expansion, Placeholder, expansion};

/// Where a prompt's form comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptForm {
    /// The checkpoint's chat template, in this file.
    ChatTemplate(String),
    /// The conversation called vicuna_v1, for checkpoints without a template.
    VicunaV1,
    /// The model's own, which is no conversation.
    Own,
}

/// A tokenized image-text pair or document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Token ids, the image's positions included.
    pub input_ids: Vec<u32>,
    /// Positions of the image tokens, ascending.
    pub vision: Vec<u32>,
    /// Positions of all tokens after the images of the first turn that shows any, that are neither image tokens
    /// nor part of what stands for an image.
    pub text_official: Vec<u32>,
    /// Positions of the tokens that stand for some of the texts themselves, from the first turn on that shows an
    /// image.
    pub text_content: Vec<u32>,
    /// Positions of all that stands for images: the image tokens, and what is between and around them.
    pub image_block: Vec<u32>,
    /// Images in the prompt: the first ones of those given.
    pub images: usize,
    /// Turns in the prompt, likewise.
    pub turns: usize,
    /// What a reader of the report should know: a text that was cut.
    pub notes: Vec<String>,
    /// Where the tokens stand and what each sees.
    pub layout: Layout,
    /// Where the form comes from.
    pub form: PromptForm,
}

/// Makes prompts for one checkpoint.
pub struct PromptBuilder {
    tokenizer: Tokenizer,
    image: Placeholder,
    /// The same in prompts as vicuna_v1; none of a model whose prompts are no conversation.
    vicuna: Option<Placeholder>,
    /// Where the model takes videos: what stands for one, or why none can be shown to it.
    video: Option<Result<Placeholder, InputError>>,
    /// Tokens that stand around an image and belong to it.
    scaffold: Vec<u32>,
    /// Tokens that end an answer.
    stops: Vec<u32>,
    context: usize,
    spec: ModelSpec,
}

impl PromptBuilder {
    /// Where the prompts' form comes from.
    pub fn form(&self) -> PromptForm {
        form(&self.image)
    }

    /// What a reader of the report should know about all prompts of this checkpoint.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.tokenizer.notes.clone();
        let template = self.image.renderer.template();
        if let Some(template) = template.filter(|template| template.is_dated()) {
            notes.push(format!(
                "{}: the prompts hold the date of the day (in UTC), so another day gives other tokens",
                template.file
            ));
        }
        notes
    }

    /// The token of an id as text, spaces included; bytes that are no character alone as `<0xE2>`.
    pub fn token_text(&self, id: u32) -> String {
        if Some(id) == self.image.id && self.has_no_token(&self.image) {
            return self.image.token.clone();
        }
        self.tokenizer.text(id)
    }

    /// The prompt of an image with `text`, which is called `name` in messages. A text that does
    /// not fit the context is cut at the end, with a note.
    ///
    /// # Errors
    /// [`InputError::EmptyText`], [`InputError::ContextTooShort`], or a tokenizer or template that
    /// does not fit the configuration.
    pub fn pair(&self, name: &str, text: &str, plan: &ImagePlan) -> Result<Prompt, InputError> {
        self.document(name, &[text], &[plan])
    }

    /// The prompt of a document called `name`: for each of `texts` a user turn with one image and an
    /// assistant turn with the text, as VILA interleaves them (arXiv 2312.07533).
    ///
    /// # Errors
    /// As [`PromptBuilder::passages`].
    pub fn document(
        &self,
        name: &str,
        texts: &[&str],
        plans: &[&ImagePlan],
    ) -> Result<Prompt, InputError> {
        let passages: Vec<Passage<'_>> = texts.iter().map(|text| Passage::pair(text)).collect();
        self.passages(name, &passages, plans, false)
    }

    /// The prompt of `passages` called `name`, whose images become as `plans` say, in their order. What
    /// does not fit the context is left out at the end, whole turns, with a note; of a single turn
    /// the text is cut. With `vicuna` it is the conversation vicuna_v1, whatever the checkpoint brings.
    ///
    /// # Errors
    /// As [`PromptBuilder::pair`]; [`InputError::OneImage`] and [`InputError::NoConversation`] of models whose
    /// prompts have no form for it.
    pub fn passages(
        &self,
        name: &str,
        passages: &[Passage<'_>],
        plans: &[&ImagePlan],
        vicuna: bool,
    ) -> Result<Prompt, InputError> {
        let mut notes = Vec::new();
        let placeholder = self.placeholder(name, plans, vicuna)?;
        let expansions = plans.iter().map(|plan| expansion(&placeholder.token, plan));
        let expansions: Vec<Expansion> = expansions.collect();
        let most = self.most(passages, plans);
        let mut said: Vec<[String; 2]> = (passages.iter().take(most))
            .map(|passage| {
                let mut cleaned = |text: &str| self.cleaned(name, text, &mut notes);
                [cleaned(passage.question), cleaned(passage.text)]
            })
            .collect();
        let length = said.first().map_or(0, |[_, text]| text.chars().count());
        loop {
            if said.is_empty() || said.iter().any(|[_, text]| text.trim().is_empty()) {
                return Err(InputError::EmptyText { name: name.into() });
            }
            let taken: Vec<Passage<'_>> = (passages.iter().zip(&said))
                .map(|(passage, [question, text])| Passage {
                    images: passage.images,
                    question,
                    text,
                })
                .collect();
            let places = expansions.iter().map(|expansion| expansion.text.as_str());
            let rendered = placeholder
                .renderer
                .render(&taken, &places.collect::<Vec<_>>())?;
            let encoded = self.encode(&rendered, placeholder)?;
            let contents: Vec<Vec<u32>> = (rendered.contents.iter())
                .map(|content| content_tokens(&encoded, content))
                .collect();
            let excess = encoded.ids.len().saturating_sub(self.context);
            if excess == 0 {
                self.note_losses(name, &rendered, &encoded, &contents, &mut notes)?;
                self.note_cuts(name, passages, &taken, length, &mut notes);
                let images = Images {
                    placeholder,
                    expansions: &expansions,
                    plans: plans.get(..passage::images(&taken)).unwrap_or(plans),
                    turns: taken.len(),
                    first: (taken.iter().map(|passage| passage.images))
                        .find(|images| *images > 0)
                        .unwrap_or(0),
                };
                let before = taken.iter().take_while(|passage| passage.images == 0);
                let contents = contents.get(before.count()..).unwrap_or_default();
                return self.finish(&images, &rendered, encoded, contents, notes);
            }
            if said.len() > 1 {
                // Counted again without them, for what a template says at the end stays.
                let ends = contents.iter().map(|content| content.last());
                let fits =
                    |end: Option<&u32>| end.is_some_and(|end| (*end as usize) < self.context);
                let fitting = ends.take_while(|end| fits(*end)).count();
                said.truncate(fitting.clamp(1, said.len() - 1));
                continue;
            }
            if let Some([_, text]) = said.first_mut() {
                self.shorten(name, text, &rendered, &encoded, excess)?;
            }
        }
    }

    /// Passages whose images alone the context has room for, but at least one: what is behind them need not be
    /// tokenized.
    fn most(&self, passages: &[Passage<'_>], plans: &[&ImagePlan]) -> usize {
        let mut room = self.context;
        let mut plans = plans.iter();
        let fitting = passages.iter().take_while(|passage| {
            let shown = plans.by_ref().take(passage.images);
            let needed: usize = shown.map(|plan| plan.tokens()).sum();
            let left = room.checked_sub(needed + 1);
            room = left.unwrap_or(0);
            left.is_some()
        });
        fitting.count().max(1)
    }

    /// `text` without image placeholders.
    fn cleaned(&self, name: &str, text: &str, notes: &mut Vec<String>) -> String {
        let marker = self.image.renderer.marker();
        let own = (marker != self.image.token).then_some(self.image.token.as_str());
        let video = (self.video.iter().flatten()).map(|video| video.token.as_str());
        let tokens: Vec<&str> = [marker].into_iter().chain(own).chain(video).collect();
        let (text, removed) = without(text, &tokens);
        let removed = tokens.iter().zip(removed).filter(|(_, removed)| *removed);
        notes.extend(
            removed.map(|(token, _)| format!("{name}: `{token}` was removed from the text")),
        );
        text
    }

    /// Cuts the first text where the first token too many begins; it has to be counted again, for the
    /// tokens of a shorter text may be others.
    fn shorten(
        &self,
        name: &str,
        text: &mut String,
        rendered: &Rendered,
        encoded: &Encoded,
        excess: usize,
    ) -> Result<(), InputError> {
        let Some(place) = rendered.contents.first() else {
            return Err(InputError::EmptyText { name: name.into() });
        };
        let content = content_tokens(encoded, place);
        let keep = content.len().saturating_sub(excess);
        let start = content
            .get(keep)
            .and_then(|&token| encoded.spans.get(token as usize))
            .map_or(0, |span| span.start.saturating_sub(place.range.start));
        let mut end = (place.trimmed + start).min(text.len() - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        if keep == 0 || text.trim().is_empty() {
            return Err(InputError::ContextTooShort {
                name: name.into(),
                context: self.context,
                needed: encoded.ids.len() - content.len(),
            });
        }
        Ok(())
    }

    /// Positions of the placeholders among `ids`, of which there are those that the plans ask for.
    fn vision(
        &self,
        ids: &[u32],
        placeholder: &Placeholder,
        plans: &[&ImagePlan],
    ) -> Result<Vec<u32>, InputError> {
        let vocab_size = self.spec.text.vocab_size;
        let own = placeholder.id;
        let outside = |id: u32| id as usize >= vocab_size && Some(id) != own;
        if let Some(&id) = ids.iter().find(|&&id| outside(id)) {
            return Err(InputError::TokenId {
                file: Tokenizer::FILE.into(),
                vocab_size,
                found: id,
            });
        }
        let vision: Vec<u32> = (0..)
            .zip(ids)
            .filter_map(|(position, id)| (Some(*id) == own).then_some(position))
            .collect();
        let expected: usize = plans.iter().map(|plan| plan.tokens()).sum();
        if vision.len() != expected {
            return Err(InputError::ImageTokens {
                file: Tokenizer::FILE.into(),
                token: placeholder.token.clone(),
                id: own.unwrap_or_default(),
                expected,
                found: vision.len(),
            });
        }
        Ok(vision)
    }

    fn finish(
        &self,
        images: &Images<'_>,
        rendered: &Rendered,
        encoded: Encoded,
        contents: &[Vec<u32>],
        notes: Vec<String>,
    ) -> Result<Prompt, InputError> {
        let (placeholder, plans) = (images.placeholder, images.plans);
        let vision = self.vision(&encoded.ids, placeholder, plans)?;
        let positions = 0..encoded.ids.len() as u32;
        // What of all images is no text: the placeholders, and what stands between and around them.
        let mut of_images = vec![false; encoded.ids.len()];
        let mut first_block = 0;
        for (index, (start, expansion)) in
            (rendered.images.iter().zip(images.expansions)).enumerate()
        {
            for part in &expansion.scaffold {
                let part = start + part.start..start + part.end;
                for (token, span) in encoded.spans.iter().enumerate() {
                    if span.start < part.end && span.end > part.start {
                        of_images[token] = true;
                        if index < images.first {
                            first_block = first_block.max(token + 1);
                        }
                    }
                }
            }
        }
        for (token, id) in encoded.ids.iter().enumerate() {
            of_images[token] |= Some(*id) == placeholder.id || self.scaffold.contains(id);
        }
        let first = plans.iter().take(images.first);
        let first_images: usize = first.map(|plan| plan.tokens()).sum();
        let last = vision.get(first_images.saturating_sub(1));
        let mut after = last.map_or(0, |last| *last as usize + 1).max(first_block);
        while of_images.get(after) == Some(&true) {
            after += 1;
        }
        let text_official = (after as u32..positions.end)
            .filter(|&token| !of_images[token as usize])
            .collect();
        // Where the texts of two turns met in one token it would count twice.
        let mut text_content = contents.concat();
        text_content.dedup();
        let tokens = PromptTokens {
            input_ids: &encoded.ids,
            vision: &vision,
            plans,
            text: text_content.first().map_or(0, |token| *token as usize),
        };
        let layout = families::of(&self.spec).layout(&self.spec, &tokens);
        let image_block = positions.filter(|&token| of_images[token as usize]);
        Ok(Prompt {
            image_block: image_block.collect(),
            text_official,
            input_ids: encoded.ids,
            vision,
            text_content,
            images: plans.len(),
            turns: images.turns,
            notes,
            layout,
            form: form(placeholder),
        })
    }
}

/// The images of a prompt.
struct Images<'a> {
    placeholder: &'a Placeholder,
    expansions: &'a [Expansion],
    plans: &'a [&'a ImagePlan],
    /// Turns that show them.
    turns: usize,
    /// Those of the first turn that shows any.
    first: usize,
}

/// Where the form of prompts with this placeholder comes from.
fn form(placeholder: &Placeholder) -> PromptForm {
    match placeholder.renderer.template() {
        Some(template) => PromptForm::ChatTemplate(template.file.clone()),
        None if placeholder.renderer.is_own() => PromptForm::Own,
        None => PromptForm::VicunaV1,
    }
}

/// `text` without any of `tokens`, also where what is left joins into another one; and which of them it had.
fn without(text: &str, tokens: &[&str]) -> (String, Vec<bool>) {
    let mut left = String::with_capacity(text.len());
    let mut had = vec![false; tokens.len()];
    for letter in text.chars() {
        left.push(letter);
        for (token, had) in tokens.iter().zip(&mut had) {
            if !token.is_empty() && left.ends_with(token) {
                left.truncate(left.len() - token.len());
                *had = true;
            }
        }
    }
    (left, had)
}

/// Positions of the tokens that overlap one of the own texts.
fn content_tokens(encoded: &Encoded, content: &Content) -> Vec<u32> {
    let Range { start, end } = content.range;
    (0..)
        .zip(&encoded.spans)
        .filter(|(_, span)| span.start < end && span.end > start)
        .map(|(i, _)| i)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn nothing_that_is_left_joins_into_a_placeholder() {
        let tokens = ["<image>", "<video>", ""];
        for (text, left, had) in [
            ("a <image>b", "a b", [true, false, false]),
            ("<im<image>age>x", "x", [true, false, false]),
            ("<im<video>age>x", "x", [true, true, false]),
            ("<vid<image>eo>x", "x", [true, true, false]),
            ("<imag>\u{e4}", "<imag>\u{e4}", [false; 3]),
        ] {
            assert_eq!(without(text, &tokens), (left.to_owned(), had.to_vec()));
        }
        assert_eq!(without("aaaaa", &["aa"]).0, "a");
    }

    #[test]
    fn nested_placeholders_take_one_pass() {
        // Removed one after another, each would move all behind it.
        let deep = 200_000;
        let text = "<image".repeat(deep) + &">".repeat(deep);
        assert_eq!(without(&text, &["<image>"]).0, "");
    }
}
