//! A question to a model, answered token by token.

mod request;
mod spoken;
mod talk;

pub use request::{AskRequest, Exchange, SamplingSettings};
pub(super) use talk::Talk;

use web_time::Instant;

use super::{
    EngineError, Event, ImageInput, Session, SplitMix64, Stage, news::News, pairs::image_bytes,
};
use crate::{
    families::{ImagePlan, plan::rows_of},
    gpu::{DType, Gpu, Recording, Tensor},
    input::{PixelValues, Processor, Prompt, Turn},
    kernels::sample_token::sample_token,
    model::{Capture, CaptureRequest, ForwardInput},
    platform,
    report::{Answer, AnswerEnd, Said},
};
use spoken::Spoken;
use talk::fingerprint;

/// What messages call a question.
const NAME: &str = "the question";

/// Images of a question, ready for the tower.
struct Seen {
    plans: Vec<ImagePlan>,
    pictures: Vec<PixelValues>,
}

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

        let mut random = SplitMix64::new(request.sampling.seed);
        let mut choice = Choice::new(&gpu)?;
        let mut recording = Recording::new();
        let rows = rows_of(&seen.plans);
        let input = ForwardInput {
            pixel_values: &seen.pictures,
            rows: rows.as_ref(),
            input_ids: &prompt.input_ids,
            vision: &prompt.vision,
            layout: &prompt.layout,
        };
        let logits = vlm.read(&mut recording, &input, &talk.cache, past)?;
        let with = request.sampling.drawn(random.next_u64());
        recording.push(sample_token(&logits, &with, &choice.id, &choice.out)?);
        let cancel = news.cancel;
        gpu.run_with(&recording, cancel, &mut |_, place| {
            news.progress_at(Stage::Read, 0, 1, "prompt", place.to_owned());
        })
        .await?;
        choice.take(&gpu.read(&[&choice.out]).await?);
        talk.ids = prompt.input_ids.clone();
        news.progress(Stage::Read, 1, 1, "prompt");
        let first = begun.elapsed().as_secs_f64();

        news.begin(Stage::Answer, most as u64, "tokens")?;
        let answering = Instant::now();
        let prompts = processor.prompts();
        let mut spoken = Spoken::default();
        let mut steps = 0;
        let end = loop {
            if prompts.stops().contains(&choice.token) {
                break AnswerEnd::Stop;
            }
            if spoken.ids.len() >= most {
                break match request.max_tokens <= room {
                    true => AnswerEnd::MaxTokens,
                    false => AnswerEnd::Context,
                };
            }
            let text = spoken.add(choice.token, prompts)?;
            news.tell(Event::Said(Said {
                id: choice.token,
                log_probability: choice.log_probability,
                text,
            }));
            if spoken.ids.len() >= most {
                continue;
            }
            let mut recording = Recording::new();
            let logits = vlm.step(
                &mut recording,
                &choice.id,
                (&talk.cache, talk.ids.len()),
                &prompt.layout,
                &CaptureRequest::new(),
                &mut Capture::default(),
            )?;
            let with = request.sampling.drawn(random.next_u64());
            recording.push(sample_token(&logits, &with, &choice.id, &choice.out)?);
            let token = choice.token;
            choice.take(&gpu.run_and_read(&recording, cancel, &[&choice.out]).await?);
            talk.ids.push(token);
            steps += 1;
            platform::yield_now().await;
            news.check()?;
        };
        let rest = spoken.end(prompts)?;
        if !rest.is_empty() {
            // Bytes that never became a character.
            news.tell(Event::Said(Said {
                id: choice.token,
                log_probability: choice.log_probability,
                text: rest,
            }));
        }
        let seconds = answering.elapsed().as_secs_f64();
        news.end();
        let answer = Answer {
            tokens: spoken.ids.clone(),
            text: spoken.text(),
            end,
            prompt_tokens: read,
            cached_tokens: past,
            seconds_to_first_token: first,
            tokens_per_second: (steps > 0).then(|| f64::from(steps) / seconds),
            cache_bytes: talk.cache.bytes(),
            adapter: gpu.name().to_owned(),
            notes: std::mem::take(&mut news.notes),
        };
        self.talk = Some(talk);
        Ok(answer)
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

    fn take(&mut self, read: &[crate::gpu::Readback]) {
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
