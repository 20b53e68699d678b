//! A question to a model, answered token by token.
//!
//! Prompt, loop and what is told share one conversation.

mod request;
mod spoken;
mod subject;
pub(super) mod talk;
mod watch;

pub use request::{AskRequest, Exchange, SamplingSettings, TalkQuestion};

use web_time::Instant;

use super::{
    EngineError, Event, ImageInput, Session, SplitMix64, Stage, news::News, pairs::image_bytes,
};
use crate::{
    families::{ImagePlan, Layout},
    gpu::{DType, Gpu, Readback, Recording, Tensor},
    input::{Processor, Prompt, PromptBuilder, Turn},
    kernels::sample_token::sample_token,
    model::{Capture, CaptureRequest, ForwardInput, Vlm},
    platform,
    report::{Answer, AnswerEnd, Said},
};
use spoken::Spoken;
use subject::{Seen, Subject};
use talk::{Talk, fingerprint};
use watch::Watch;

/// What messages call a question.
const NAME: &str = "the question";

impl Session {
    /// Answers what `request` asks, telling each token as it comes. The model stays on the device, and what
    /// it has read of the conversation, images included.
    ///
    /// # Errors
    /// Whatever stands in the way, before the model runs where that can be known.
    pub(super) async fn ask(
        &mut self,
        request: AskRequest,
        news: &mut News<'_>,
    ) -> Result<Answer, EngineError> {
        request.sampling.check()?;
        let gpu = self.device(&request.device, news).await?;
        let loaded = self.model(&gpu, request.model.clone(), false, news).await?;
        self.loaded = Some(loaded.clone());
        let (vlm, processor) = (&loaded.vlm, &loaded.processor);
        if let Some(layer) = request.watch {
            let layers = vlm.spec().text.num_hidden_layers;
            EngineError::check_choice("decoder layer", layer, 1..=layers)?;
        }
        let begun = Instant::now();
        news.begin(Stage::Read, 1, "prompt")?;
        let seen = seen(processor, &request.images, news)?;
        let prompt = prompt(processor, &request, &seen.plans)?;
        news.note_all(prompt.notes.iter().cloned());

        let read = prompt.input_ids.len();
        let context = vlm.spec().text.context();
        let room = context.saturating_sub(read);
        let most = request.max_tokens.min(room);
        let images = fingerprint(&seen.pictures);
        let earlier = self.talk.take();
        let (mut talk, past) =
            Talk::continued(earlier, (&gpu, vlm), &prompt, images, read + most).await?;

        let subject = Subject::new(seen, &request.images, prompt);
        let watch = (request.watch).map(|layer| Watch::new(&gpu, &loaded, &subject, layer));
        if watch.is_some() {
            let asked = subject.view(&loaded, &subject.prompt().input_ids);
            news.tell(Event::Asked(Box::new(asked)));
        }
        let mut speaker = Speaker {
            gpu: &gpu,
            vlm,
            prompts: processor.prompts(),
            sampling: request.sampling,
            random: SplitMix64::new(request.sampling.seed),
            choice: Choice::new(&gpu)?,
            watch,
        };
        let read_now = speaker.read(&subject.asked(), &mut talk, past, news).await;
        let outcome = match read_now {
            Err(error) => Err(error),
            Ok(()) => {
                let first = begun.elapsed().as_secs_f64();
                let spoken = speaker.speak(&mut talk, subject.prompt(), most, news).await;
                spoken.map(|spoken| (first, spoken))
            }
        };
        // Whoever stops an answer goes on with the conversation.
        let cache_bytes = talk.cache.bytes();
        drop(speaker);
        talk.subject = Some(subject);
        self.talk = Some(talk);
        let (first, (spoken, end, rate)) = outcome?;
        news.end();
        Ok(Answer {
            tokens: spoken.ids.clone(),
            text: spoken.text(),
            end: match end {
                AnswerEnd::MaxTokens if request.max_tokens > room => AnswerEnd::Context,
                end => end,
            },
            prompt_tokens: read,
            cached_tokens: past,
            seconds_to_first_token: first,
            tokens_per_second: rate,
            cache_bytes,
            adapter: gpu.name().to_owned(),
            notes: std::mem::take(&mut news.notes),
        })
    }
}

/// A model that answers.
struct Speaker<'a> {
    gpu: &'a Gpu,
    vlm: &'a Vlm,
    prompts: &'a PromptBuilder,
    sampling: SamplingSettings,
    random: SplitMix64,
    choice: Choice,
    watch: Option<Watch<'a>>,
}

impl Speaker<'_> {
    /// Reads the prompt but for its first `past` tokens, and chooses the first token.
    async fn read(
        &mut self,
        input: &ForwardInput<'_>,
        talk: &mut Talk,
        past: usize,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let mut recording = Recording::new();
        let request = self.watched_states(past == 0);
        let mut capture = Capture::default();
        let place = (&talk.cache, past);
        let logits = (self.vlm).read_with(&mut recording, input, place, &request, &mut capture)?;
        self.choose(&mut recording, &logits)?;
        let last = input.input_ids.len() - 1;
        self.record_watch(&mut recording, capture, talk, (input.layout, last))?;
        let cancel = news.cancel;
        self.gpu
            .run_with(&recording, cancel, &mut |_, place| {
                news.progress_at(Stage::Read, 0, 1, "prompt", place.to_owned());
            })
            .await?;
        let read = self.gpu.read(&self.outs()).await?;
        self.take(&read);
        if let Some(stream) = self.watch.as_ref().and_then(Watch::stream) {
            talk.stream = Some(stream);
        }
        talk.ids = input.input_ids.to_vec();
        news.progress(Stage::Read, 1, 1, "prompt");
        Ok(())
    }

    /// Tells the tokens of the answer, `most` of them, as they are chosen; also why it ends, and the tokens
    /// per second from the first one on.
    async fn speak(
        &mut self,
        talk: &mut Talk,
        prompt: &Prompt,
        most: usize,
        news: &mut News<'_>,
    ) -> Result<(Spoken, AnswerEnd, Option<f64>), EngineError> {
        news.begin(Stage::Answer, most as u64, "tokens")?;
        let begun = Instant::now();
        let mut spoken = Spoken::default();
        let mut steps = 0;
        let end = loop {
            if self.prompts.stops().contains(&self.choice.token) {
                break AnswerEnd::Stop;
            }
            if spoken.ids.len() >= most {
                break AnswerEnd::MaxTokens;
            }
            let text = spoken.add(self.choice.token, self.prompts)?;
            self.tell(text, talk, news).await?;
            if spoken.ids.len() >= most {
                break AnswerEnd::MaxTokens;
            }
            self.step(talk, prompt, news).await?;
            steps += 1;
            platform::yield_now().await;
            news.check()?;
        };
        let rate = (steps > 0).then(|| f64::from(steps) / begun.elapsed().as_secs_f64());
        let rest = spoken.end(self.prompts)?;
        if !rest.is_empty() {
            // Bytes that never became a character.
            self.tell(rest, talk, news).await?;
        }
        Ok((spoken, end, rate))
    }

    /// Reads the token that was chosen last, and chooses the next one.
    async fn step(
        &mut self,
        talk: &mut Talk,
        prompt: &Prompt,
        news: &News<'_>,
    ) -> Result<(), EngineError> {
        let mut recording = Recording::new();
        let (past, layout) = (talk.ids.len(), &prompt.layout);
        let request = self.watched_states(false);
        let mut capture = Capture::default();
        let place = (&talk.cache, past);
        let id = &self.choice.id;
        let logits = (self.vlm).step(&mut recording, id, place, layout, &request, &mut capture)?;
        self.choose(&mut recording, &logits)?;
        self.record_watch(&mut recording, capture, talk, (layout, past))?;
        let token = self.choice.token;
        let outs = self.outs();
        let read = (self.gpu.run_and_read(&recording, news.cancel, &outs)).await?;
        self.take(&read);
        talk.ids.push(token);
        Ok(())
    }

    fn choose(&mut self, recording: &mut Recording, logits: &Tensor) -> Result<(), EngineError> {
        let with = self.sampling.drawn(self.random.next_u64());
        let (id, out) = (&self.choice.id, &self.choice.out);
        recording.push(sample_token(logits, &with, id, out)?);
        Ok(())
    }

    /// The states that whoever watches needs, of a pass that reads the image, too, or not.
    fn watched_states(&self, image: bool) -> CaptureRequest {
        let watch = self.watch.as_ref();
        watch.map_or_else(CaptureRequest::new, |watch| watch.request(image))
    }

    /// Records where the token looks that was read last, where that is watched.
    fn record_watch(
        &mut self,
        recording: &mut Recording,
        capture: Capture,
        talk: &Talk,
        (layout, position): (&Layout, usize),
    ) -> Result<(), EngineError> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        watch.take(capture);
        watch.record(recording, &talk.cache, layout, position)
    }

    /// What is read of the device after a pass.
    fn outs(&self) -> Vec<&Tensor> {
        let weights = self.watch.as_ref().and_then(Watch::weights);
        std::iter::once(&self.choice.out).chain(weights).collect()
    }

    /// Takes that.
    fn take(&mut self, read: &[Readback]) {
        self.choice.take(read);
        if let Some(watch) = &mut self.watch {
            watch.read(read.get(1));
        }
    }

    async fn tell(
        &mut self,
        text: String,
        talk: &Talk,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let watched = match &mut self.watch {
            Some(watch) => watch.watched(talk, news.cancel).await?,
            None => None,
        };
        news.tell(Event::Said(Said {
            id: self.choice.token,
            log_probability: self.choice.log_probability,
            text,
            watched,
        }));
        Ok(())
    }
}

/// The token that was chosen last, here and on the device.
struct Choice {
    id: Tensor,
    out: Tensor,
    token: u32,
    log_probability: f32,
}

impl Choice {
    fn new(gpu: &Gpu) -> Result<Self, EngineError> {
        Ok(Self {
            id: gpu.tensor(DType::U32, 1, 1)?,
            out: gpu.tensor(DType::F32, 1, 2)?,
            token: 0,
            log_probability: 0.0,
        })
    }

    fn take(&mut self, read: &[Readback]) {
        if let Some([token, log_probability]) = read.first().map(|read| read.values.as_slice()) {
            (self.token, self.log_probability) = (*token as u32, *log_probability);
        }
    }
}

/// The images, prepared.
fn seen(
    processor: &Processor,
    images: &[ImageInput],
    news: &mut News<'_>,
) -> Result<Seen, EngineError> {
    let mut seen = Seen {
        plans: Vec::new(),
        pictures: Vec::new(),
    };
    for image in images {
        let name = image.name();
        let prepared = processor.image_one_of(images.len(), &name, &image_bytes(image)?)?;
        news.note_all(prepared.notes);
        seen.plans.push(prepared.plan);
        seen.pictures.extend(prepared.pixel_values);
    }
    Ok(seen)
}

/// The prompt up to where the answer begins.
fn prompt(
    processor: &Processor,
    request: &AskRequest,
    plans: &[ImagePlan],
) -> Result<Prompt, EngineError> {
    let plans: Vec<&ImagePlan> = plans.iter().collect();
    let prompts = processor.prompts();
    if request.raw {
        return Ok(prompts.continued(NAME, &request.question, &plans)?);
    }
    let earlier = request.earlier.iter().map(|exchange| Turn {
        question: &exchange.question,
        answer: Some(&exchange.answer),
    });
    let last = Turn {
        question: &request.question,
        answer: None,
    };
    let turns: Vec<Turn<'_>> = earlier.chain([last]).collect();
    Ok(prompts.question(NAME, &turns, &plans)?)
}
