//! The prompt of a question, and what ends its answer.

use serde_json::Value;

use super::{Prompt, PromptBuilder, expansion};
use crate::{
    families::{self, ImagePlan, PromptTokens},
    input::{
        error::InputError,
        renderer::{Rendered, Renderer},
        special_tokens::read_object,
        template::Turn,
        tokenizer::Tokenizer,
    },
    weights::ByteSource,
};

impl PromptBuilder {
    /// The prompt of a conversation about images, called `name` in messages, up to where the answer to its
    /// last question begins. The images stand before the first question.
    ///
    /// # Errors
    /// [`InputError::EmptyText`], [`InputError::TooLong`], or a tokenizer or template that does not fit.
    pub fn question(
        &self,
        name: &str,
        turns: &[Turn<'_>],
        plans: &[&ImagePlan],
    ) -> Result<Prompt, InputError> {
        let last = turns.last().map_or("", |turn| turn.question);
        if last.trim().is_empty() && plans.is_empty() {
            return Err(InputError::EmptyText { name: name.into() });
        }
        let mut notes = Vec::new();
        let mut cleaned = |text: &str| self.cleaned(name, text, &mut notes);
        let texts: Vec<(String, Option<String>)> = turns
            .iter()
            .map(|turn| (cleaned(turn.question), turn.answer.map(&mut cleaned)))
            .collect();
        let turns: Vec<Turn<'_>> = texts
            .iter()
            .map(|(question, answer)| Turn {
                question,
                answer: answer.as_deref(),
            })
            .collect();
        let token = &self.image.token;
        let expansions: Vec<String> = plans
            .iter()
            .map(|plan| expansion(token, plan).text)
            .collect();
        let expansions: Vec<&str> = expansions.iter().map(String::as_str).collect();
        let rendered = self.image.renderer.question(&turns, &expansions)?;
        self.asked(name, rendered, plans, notes)
    }

    /// The prompt of a text that is to be continued as it is, behind the images: no template, but the token
    /// with which the tokenizer lets texts begin.
    ///
    /// # Errors
    /// As [`PromptBuilder::question`].
    pub fn continued(
        &self,
        name: &str,
        text: &str,
        plans: &[&ImagePlan],
    ) -> Result<Prompt, InputError> {
        let mut notes = Vec::new();
        let mut whole = String::new();
        for plan in plans {
            whole += &expansion(&self.image.token, plan).text;
            whole.push('\n');
        }
        whole += &self.cleaned(name, text, &mut notes);
        if whole.is_empty() {
            return Err(InputError::EmptyText { name: name.into() });
        }
        self.asked(name, Rendered::of(whole), plans, notes)
    }

    /// Ids of the tokens that end an answer.
    pub fn stops(&self) -> &[u32] {
        &self.stops
    }

    /// What tokens say, without the special ones among them.
    ///
    /// # Errors
    /// [`InputError::Tokenizer`].
    pub fn decode(&self, ids: &[u32]) -> Result<String, InputError> {
        self.tokenizer.decode(ids)
    }

    fn asked(
        &self,
        name: &str,
        rendered: Rendered,
        plans: &[&ImagePlan],
        notes: Vec<String>,
    ) -> Result<Prompt, InputError> {
        let input_ids = self.encode(&rendered, &self.image)?.ids;
        let vision = self.vision(&input_ids, &self.image, plans)?;
        if input_ids.len() >= self.context {
            return Err(InputError::TooLong {
                name: name.into(),
                context: self.context,
                found: input_ids.len(),
            });
        }
        let tokens = PromptTokens {
            input_ids: &input_ids,
            vision: &vision,
            plans,
            // All of it is read before the answer.
            text: input_ids.len(),
        };
        Ok(Prompt {
            layout: families::of(&self.spec).layout(&self.spec, &tokens),
            text_official: Vec::new(),
            text_content: Vec::new(),
            image_block: Vec::new(),
            images: plans.len(),
            turns: 1,
            form: self.form(),
            input_ids,
            vision,
            notes,
        })
    }
}

/// The tokens that end an answer: those that `generation_config.json` and `config.json` name, the
/// tokenizer's, and the one that the template writes behind an answer.
pub(super) fn stops(
    source: &dyn ByteSource,
    tokenizer: &Tokenizer,
    renderer: &Renderer,
) -> Result<Vec<u32>, InputError> {
    let mut stops = Vec::new();
    for file in ["generation_config.json", "config.json"] {
        let object = read_object(source, file)?;
        let text = object.get("text_config").and_then(Value::as_object);
        for section in [Some(&object), text].into_iter().flatten() {
            let given = section.get("eos_token_id");
            let several = given.and_then(Value::as_array).into_iter().flatten();
            let ids = several.chain(given).filter_map(Value::as_u64);
            stops.extend(ids.filter_map(|id| u32::try_from(id).ok()));
        }
    }
    let end = tokenizer.special().get("eos_token");
    stops.extend(end.and_then(|token| tokenizer.id(token)));
    if let Some(behind) = renderer.behind_answer() {
        let first = tokenizer
            .encode(behind.trim_start(), false)?
            .ids
            .first()
            .copied();
        stops.extend(first.filter(|id| tokenizer.is_special(*id)));
    }
    stops.sort_unstable();
    stops.dedup();
    Ok(stops)
}
