//! The texts of a pair or a document to the text of a prompt. It is long because a template tells nothing of where it
//! put what: each text is found again in what it wrote.

mod misfit;
mod question;

use std::{collections::BTreeMap, ops::Range};

use super::{
    error::InputError,
    passage::{self, Passage},
    template::{AssistantForm, ChatTemplate, Failure, PRINTED, UserForm},
};
use crate::families::PromptShape;
use misfit::Misfit;

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
    /// Where what stands for each image begins, in bytes.
    pub images: Vec<usize>,
    /// Where a part begins that is tokenized by itself.
    pub split: Option<usize>,
}

impl Rendered {
    /// A prompt in which no place is of interest.
    pub fn of(text: String) -> Self {
        Self {
            text,
            contents: Vec::new(),
            images: Vec::new(),
            split: None,
        }
    }
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
    shape: PromptShape,
    /// What a template writes for an image.
    marker: String,
    /// Whether that is a video.
    video: bool,
    special: BTreeMap<String, String>,
}

impl Renderer {
    /// A renderer for templates that write `marker` for an image, or for a `video`. A template is tried in all forms;
    /// the first with which it renders one image and the text is kept.
    pub fn new(
        template: Option<ChatTemplate>,
        shape: PromptShape,
        marker: String,
        video: bool,
        special: &BTreeMap<String, String>,
    ) -> Result<Self, InputError> {
        let mut renderer = Self {
            template: None,
            shape,
            marker,
            video,
            special: special.clone(),
        };
        if let Some(template) = template.filter(|_| !renderer.is_own()) {
            let forms = renderer.usable_forms(&template)?;
            renderer.template = Some((template, forms));
        }
        Ok(renderer)
    }

    /// The same for prompts as vicuna_v1.
    pub fn without_template(&self) -> Self {
        Self {
            template: None,
            shape: self.shape,
            marker: self.marker.clone(),
            video: self.video,
            special: self.special.clone(),
        }
    }

    /// What a template writes for an image.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// Whether the model has a form of its own, which is no conversation.
    pub fn is_own(&self) -> bool {
        matches!(self.shape, PromptShape::Prefix | PromptShape::Question)
    }

    /// The template, where there is one.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.template.as_ref().map(|(template, _)| template)
    }

    /// The whole prompt of passages: `expansions` in the place of their images, and where these and the texts
    /// stand in it.
    pub fn render(
        &self,
        passages: &[Passage<'_>],
        expansions: &[&str],
    ) -> Result<Rendered, InputError> {
        let images = passage::images(passages);
        if self.shape != PromptShape::Chat && (passages.len(), images) != (1, 1) {
            return Err(InputError::OneImage { images });
        }
        let rendered = match &self.template {
            None => match self.shape {
                PromptShape::Prefix => self.prefix(passages),
                PromptShape::Question => self.answered(passages),
                PromptShape::Chat | PromptShape::Turns => self.vicuna(passages),
            },
            Some((template, forms)) => self
                .with_template(template, *forms, passages)
                .map_err(|misfit| misfit.error(template))?,
        };
        let (text, images, longer) = self.expanded(&rendered.text, expansions);
        let mut contents = rendered.contents;
        for content in &mut contents {
            let shift = longer.get(content.images).or(longer.last());
            let shift = shift.copied().unwrap_or(0);
            content.range.start = content.range.start.saturating_add_signed(shift);
            content.range.end = content.range.end.saturating_add_signed(shift);
        }
        Ok(Rendered {
            text,
            images,
            split: (rendered.split).and_then(|_| contents.first().map(|first| first.range.start)),
            contents,
        })
    }

    /// `text` with `expansions` in the place of the markers, where each of them begins, and how many bytes
    /// longer the text has become behind each.
    fn expanded(&self, text: &str, expansions: &[&str]) -> (String, Vec<usize>, Vec<isize>) {
        let (mut whole, mut images, mut longer) = (String::new(), Vec::new(), vec![0]);
        let mut rest = text;
        for expansion in expansions {
            let Some((before, after)) = rest.split_once(&self.marker) else {
                break;
            };
            whole += before;
            images.push(whole.len());
            whole += expansion;
            rest = after;
            let before = longer.last().copied().unwrap_or(0);
            longer.push(before + expansion.len() as isize - self.marker.len() as isize);
        }
        (whole + rest, images, longer)
    }

    /// A special token; empty where there is none of this name.
    fn token(&self, name: &str) -> &str {
        self.special.get(name).map_or("", String::as_str)
    }

    /// What ends a turn of vicuna_v1.
    fn vicuna_end(&self) -> &str {
        self.special.get("eos_token").map_or("</s>", String::as_str)
    }

    /// The image, the token of the beginning, the question and a newline, then the text and the token of the end.
    fn prefix(&self, passages: &[Passage<'_>]) -> Rendered {
        let question = passages.first().map_or("", |passage| passage.question);
        let beginning = self.token("bos_token");
        let before = format!("{}{beginning}{question}\n", self.marker);
        let mut rendered = self.between(before, passages);
        rendered.split = rendered.contents.first().map(|first| first.range.start);
        rendered
    }

    /// The image and the question, then the text as its answer and the token of the end.
    fn answered(&self, passages: &[Passage<'_>]) -> Rendered {
        let question = passages.first().map_or("", |passage| passage.question);
        let before = format!("{}Question: {question} Answer:", self.marker);
        self.between(before, passages)
    }

    /// The text between `before` and the token of the end.
    fn between(&self, before: String, passages: &[Passage<'_>]) -> Rendered {
        let said = passages.first().map_or("", |passage| passage.text);
        Rendered {
            contents: vec![Content {
                range: before.len()..before.len() + said.len(),
                trimmed: 0,
                images: 1,
            }],
            text: format!("{before}{said}{}", self.token("eos_token")),
            split: None,
            images: Vec::new(),
        }
    }

    /// As the conversation vicuna_v1: the turns follow each other without a space, and each image ends its line.
    fn vicuna(&self, passages: &[Passage<'_>]) -> Rendered {
        let end = self.vicuna_end();
        let mut text = format!("{VICUNA_SYSTEM} ");
        let mut contents = Vec::new();
        let mut images = 0;
        for passage in passages {
            let shown = format!("{}\n", self.marker).repeat(passage.images);
            text += &format!("USER: {shown}{} ASSISTANT: ", passage.question);
            images += passage.images;
            contents.push(Content {
                range: text.len()..text.len() + passage.text.len(),
                trimmed: 0,
                images,
            });
            text += passage.text;
            text += end;
        }
        Rendered {
            text,
            contents,
            images: Vec::new(),
            split: None,
        }
    }

    /// Renders with the texts and with stand-ins for them: what lies between the latter lies between
    /// the texts, also where a template trims them.
    fn with_template(
        &self,
        template: &ChatTemplate,
        forms: (UserForm, AssistantForm),
        passages: &[Passage<'_>],
    ) -> Result<Rendered, Misfit> {
        let render = |passages: &[Passage<'_>]| {
            template
                .tried(forms, &self.marker, passages, &self.special)
                .map_err(Misfit::Fails)
        };
        let sentinels: Vec<String> = (0..passages.len()).map(sentinel).collect();
        let sentinels: Vec<&str> = sentinels.iter().map(String::as_str).collect();
        let with_sentinels = passages.iter().zip(&sentinels);
        let with_sentinels = with_sentinels.map(|(passage, text)| Passage { text, ..*passage });
        let marked = render(&with_sentinels.collect::<Vec<_>>())?;
        if marked.contains(PRINTED) {
            return Err(Misfit::Prints(marked.replace(PRINTED, "")));
        }
        let rendered = render(passages)?;
        for sentinel in &sentinels {
            match marked.matches(sentinel).count() {
                0 => return Err(Misfit::Text("the text is missing".into(), rendered)),
                1 => {}
                many => {
                    let reason = format!("the text stands in it {many} times");
                    return Err(Misfit::Text(reason, rendered));
                }
            }
        }
        let text = |reason: &str| Misfit::Text(reason.into(), rendered.clone());
        let image = |reason: String| Misfit::Image(reason, rendered.clone());
        let between = split(&marked, &sentinels).ok_or_else(|| text("the texts change places"))?;
        let found_images = rendered.matches(&self.marker).count();
        let given_images = passage::images(passages);
        if found_images != given_images {
            let places = |count: usize| match count {
                0 => format!("no image (`{}`)", self.marker),
                1 => "one image".into(),
                count => format!("several images ({count})"),
            };
            return Err(image(match given_images {
                1 => format!("it renders {}", places(found_images)),
                given => format!("it renders {} for {given}", places(found_images)),
            }));
        }
        let mut contents: Vec<Content> = Vec::new();
        let (mut images, mut expected) = (0, 0);
        for (index, passage) in passages.iter().enumerate() {
            let said = passage.text;
            let before = between.get(index).copied().unwrap_or_default();
            let after = between.get(index + 1).copied().unwrap_or_default();
            let end = contents.last().map_or(0, |content| content.range.end);
            let start = end + before.len();
            let here = rendered.get(start..).unwrap_or("");
            let last = index + 1 == passages.len();
            let (length, trimmed) =
                found(here, said, after, last).ok_or_else(|| text("it changes the text"))?;
            images += before.matches(&self.marker).count();
            expected += passage.images;
            if passages.len() > 1 && images != expected {
                return Err(image(
                    "the images do not stand each before its own text".into(),
                ));
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
            images: Vec::new(),
            split: None,
        })
    }

    /// The first forms with which the template renders an image and a text; of the errors the one
    /// that came nearest to it.
    fn usable_forms(
        &self,
        template: &ChatTemplate,
    ) -> Result<(UserForm, AssistantForm), InputError> {
        let mut nearest: Option<Misfit> = None;
        let (users, assistants): (&[_], &[_]) = match self.shape {
            _ if self.video => (
                &[UserForm::Video],
                &[AssistantForm::Parts, AssistantForm::Text],
            ),
            PromptShape::Turns => (&[UserForm::Bare], &[AssistantForm::Text]),
            _ => (
                &[UserForm::Parts, UserForm::Text],
                &[AssistantForm::Parts, AssistantForm::Text],
            ),
        };
        for &user in users {
            for &assistant in assistants {
                match self.with_template(
                    template,
                    (user, assistant),
                    &[Passage::pair("Some words.")],
                ) {
                    Ok(_) => return Ok((user, assistant)),
                    Err(Misfit::Fails(Failure { error, limit: true })) => return Err(error),
                    Err(misfit) => {
                        if nearest
                            .as_ref()
                            .is_none_or(|own| own.rank() < misfit.rank())
                        {
                            nearest = Some(misfit);
                        }
                    }
                }
            }
        }
        Err(match nearest {
            Some(misfit) => misfit.error(template),
            None => Misfit::Text("no form works".into(), String::new()).error(template),
        })
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
