//! Answers token by token against those of transformers: `tests/golden/answers.json`.

use std::collections::BTreeMap;

use mirscope::{
    families::{self, ImagePlan, Layout, PromptTokens, Rows, plan::rows_of},
    gpu::{DType, Gpu, GpuOptions, KernelVariant, LimitTier, Recording, Tensor},
    input::{PixelValues, Processor, Turn},
    kernels::sample_token::{Sampling, sample_token},
    model::{Capture, CaptureRequest, ForwardInput, KvCache, Vlm},
    platform::Cancel,
};
use serde::Deserialize;

use crate::{
    families::{cases, golden_folders},
    golden::{self, GoldenCase},
};

/// How far a logarithm of a probability may lie from the one that is rounded to 4 digits.
const TOLERANCE: f32 = 1e-3;

/// What transformers says to a case.
#[derive(Deserialize)]
struct Expected {
    suffix: Vec<u32>,
    tokens: Vec<u32>,
    /// Of each ninth token.
    log_probabilities: Vec<f32>,
    #[serde(default)]
    led: Vec<u32>,
    #[serde(default)]
    chosen: Vec<u32>,
    #[serde(flatten)]
    asked: Option<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    question_ids: Vec<Ids>,
    #[serde(flatten)]
    second: Option<Second>,
}

#[derive(Deserialize)]
struct Second {
    answer: String,
    again: String,
    again_ids: Vec<Ids>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Run(u32, usize),
}

fn written_out(ids: &[Ids]) -> Vec<u32> {
    let runs = ids.iter().map(|ids| match *ids {
        Ids::One(id) => (id, 1),
        Ids::Run(id, times) => (id, times),
    });
    runs.flat_map(|(id, times)| std::iter::repeat_n(id, times))
        .collect()
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(golden::root().join("answers.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The device with a variant of the kernels.
fn device(kernel: KernelVariant, limits: LimitTier) -> Gpu {
    let options = GpuOptions {
        kernels: Some(kernel),
        limits,
        ..GpuOptions::default()
    };
    pollster::block_on(Gpu::request(&options)).unwrap()
}

/// The images of a case, prepared.
struct Seen {
    processor: Processor,
    plans: Vec<ImagePlan>,
    pictures: Vec<PixelValues>,
}

impl Seen {
    /// Each image as one of several `together`, or as one alone.
    fn new(case: &GoldenCase, together: bool) -> Self {
        let checkpoint = case.checkpoint();
        let processor = Processor::of_any(&**checkpoint.source(), &checkpoint.spec).unwrap();
        let files: Vec<_> = case.images.iter().filter(|file| file.is_file()).collect();
        let (mut plans, mut pictures) = (Vec::new(), Vec::new());
        for file in &files {
            let bytes = std::fs::read(file).unwrap();
            let count = if together { files.len() } else { 1 };
            let image = processor.image_one_of(count, "the image", &bytes);
            let image = image.unwrap();
            plans.push(image.plan);
            pictures.extend(image.pixel_values);
        }
        Self {
            processor,
            plans,
            pictures,
        }
    }

    fn plans(&self) -> Vec<&ImagePlan> {
        self.plans.iter().collect()
    }
}

/// A prompt that a model can go on with.
struct Prompted {
    name: String,
    vlm: Vlm,
    pictures: Vec<PixelValues>,
    rows: Option<Rows>,
    ids: Vec<u32>,
    vision: Vec<u32>,
    layout: Layout,
}

impl Prompted {
    /// The prompt of a case with a few tokens behind it.
    fn new(gpu: &Gpu, case: &GoldenCase, suffix: &[u32]) -> Self {
        // Given as a flat list, each in tiles.
        let seen = Seen::new(case, case.name != "document_flat");
        let plans = seen.plans();
        let (mut ids, vision) = match plans.as_slice() {
            [] => (case.input_ids().to_vec(), Vec::new()),
            plans => {
                let texts: Vec<&str> = case.texts.iter().map(String::as_str).collect();
                let prompt = seen.processor.document("the text", &texts, plans).unwrap();
                (prompt.input_ids, prompt.vision)
            }
        };
        ids.extend(suffix);
        let checkpoint = case.checkpoint();
        let tokens = PromptTokens {
            input_ids: &ids,
            vision: &vision,
            plans: &plans,
            // As for a question: all of it is read before the answer.
            text: ids.len(),
        };
        let layout = families::of(&checkpoint.spec).layout(&checkpoint.spec, &tokens);
        let vlm = pollster::block_on(async {
            Vlm::load(gpu, &checkpoint, &Cancel::default(), &mut |_, _| {})
                .await
                .unwrap()
        });
        Self {
            name: case.name.clone(),
            vlm,
            rows: rows_of(&seen.plans),
            pictures: seen.pictures,
            ids,
            vision,
            layout,
        }
    }

    /// Reads the first `end` tokens, of which `past` are in the cache.
    fn read(
        &self,
        recording: &mut Recording,
        cache: &KvCache,
        (past, end): (usize, usize),
    ) -> Tensor {
        let input = ForwardInput {
            pixel_values: &self.pictures,
            rows: self.rows.as_ref(),
            input_ids: &self.ids[..end],
            vision: &self.vision,
            layout: &self.layout,
        };
        self.vlm.read(recording, &input, cache, past).unwrap()
    }

    /// The tokens that are chosen behind these logits, and the logarithms of their probabilities: each
    /// behind those before it, or behind those that it is `led` along.
    fn said(
        &self,
        gpu: &Gpu,
        mut recording: Recording,
        (cache, mut logits): (&KvCache, Tensor),
        (steps, led): (usize, &[u32]),
    ) -> (Vec<u32>, Vec<f32>) {
        let mut outs = Vec::new();
        for step in 0..steps {
            let id = gpu.tensor(DType::U32, 1, 1).unwrap();
            let out = gpu.tensor(DType::F32, 1, 2).unwrap();
            recording.push(sample_token(&logits, &Sampling::GREEDY, &id, &out).unwrap());
            outs.push(out);
            if step + 1 == steps {
                break;
            }
            let id = led
                .get(step)
                .map_or(id, |led| gpu.upload_indices(&[*led]).unwrap());
            let at = (cache, self.ids.len() + step);
            let (request, mut capture) = (CaptureRequest::new(), Capture::default());
            let next = (self.vlm).step(
                &mut recording,
                &id,
                at,
                &self.layout,
                &request,
                &mut capture,
            );
            logits = next.unwrap();
        }
        let outs: Vec<&Tensor> = outs.iter().collect();
        let read = pollster::block_on(async {
            gpu.run(&recording).await.unwrap();
            gpu.read(&outs).await.unwrap()
        });
        read.iter()
            .map(|out| (out.values[0] as u32, out.values[1]))
            .unzip()
    }

    /// The same with the prompt read at once.
    fn answer(&self, gpu: &Gpu, steps: usize, led: &[u32]) -> (Vec<u32>, Vec<f32>) {
        let cache = self.vlm.kv_cache(self.ids.len() + steps).unwrap();
        let mut recording = Recording::new();
        let logits = self.read(&mut recording, &cache, (0, self.ids.len()));
        self.said(gpu, recording, (&cache, logits), (steps, led))
    }

    /// Where the prompt can be cut, so that its first part is read as it is in the whole: behind the last
    /// image.
    fn cut(&self) -> Option<usize> {
        let cut = self.vision.last().map_or(7, |last| *last as usize + 1);
        let whole = |token| self.layout.seen_from(token, None)[1] as usize <= cut;
        let tokens = self.ids.len();
        let by_length = self.vlm.spec().text.rope_scaling.by_length(tokens);
        (!by_length && (0..cut).all(whole)).then_some(cut)
    }

    /// The same with the prompt read in two parts, and a cache that has grown in between.
    fn answer_in_parts(&self, gpu: &Gpu, cut: usize, steps: usize) -> Vec<u32> {
        let small = self.vlm.kv_cache(cut).unwrap();
        let cache = self.vlm.kv_cache(self.ids.len() + steps).unwrap();
        let mut recording = Recording::new();
        self.read(&mut recording, &small, (0, cut));
        small.copy_to(&mut recording, &cache, cut).unwrap();
        let logits = self.read(&mut recording, &cache, (cut, self.ids.len()));
        let end = (&cache, logits);
        self.said(gpu, recording, end, (steps, &[])).0
    }
}

#[test]
fn every_case_of_a_family_has_an_answer() {
    let expected = expected();
    for family in golden_folders() {
        for case in cases(&family) {
            let name = case.strip_prefix(golden::root()).unwrap();
            let name = name.to_str().unwrap();
            // Questions take no videos.
            let asked = !name.ends_with("/video");
            assert_eq!(expected.contains_key(name), asked, "{name}");
        }
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for (kernel, limits) in [
        (KernelVariant::Direct, LimitTier::Adapter),
        (KernelVariant::Tiled, LimitTier::WebGpuDefault),
    ] {
        let gpu = device(kernel, limits);
        for (name, expected) in expected() {
            let case = GoldenCase::at(&name);
            let prompted = Prompted::new(&gpu, &case, &expected.suffix);
            let steps = expected.tokens.len();
            assert_eq!(steps, 64);
            let (tokens, chances) = prompted.answer(&gpu, steps, &[]);
            assert_eq!(tokens, expected.tokens, "{name}, {kernel:?}");
            for (at, chance) in expected.log_probabilities.iter().enumerate() {
                let off = (chances[9 * at] - chance).abs();
                assert!(off < TOLERANCE, "{name}, {kernel:?}: {off:.1e} at {at}");
            }
            if !expected.led.is_empty() {
                let (chosen, _) = prompted.answer(&gpu, expected.chosen.len(), &expected.led);
                assert_eq!(chosen, expected.chosen, "{name}, {kernel:?}");
            }
        }
    }
}

#[test]
fn a_prompt_read_in_two_parts_is_answered_alike() {
    let gpu = device(KernelVariant::Tiled, LimitTier::Adapter);
    let mut whole = Vec::new();
    for (name, expected) in expected() {
        let case = GoldenCase::at(&name);
        let prompted = Prompted::new(&gpu, &case, &expected.suffix);
        match prompted.cut() {
            Some(cut) => {
                let tokens = prompted.answer_in_parts(&gpu, cut, expected.tokens.len());
                assert_eq!(tokens, expected.tokens, "{name}");
            }
            None => whole.push(prompted.name),
        }
    }
    // Another base for each length; prompts whose tokens see all others.
    assert_eq!(whole, ["llama_dynamic", "hub_bf16", "new_f32"]);
}

#[test]
fn prompts_of_questions_are_those_of_the_processors() {
    let mut compared = 0;
    for (name, expected) in expected() {
        let Some(asked) = expected.asked else {
            continue;
        };
        let seen = Seen::new(&GoldenCase::at(&name), true);
        let (prompts, plans) = (seen.processor.prompts(), seen.plans());
        let mut turns = vec![Turn {
            question: &asked.question,
            answer: None,
        }];
        let prompt = prompts.question("the question", &turns, &plans).unwrap();
        let ids = written_out(&asked.question_ids);
        assert_eq!(prompt.input_ids, ids, "{name}");
        compared += 1;
        if let Some(second) = &asked.second {
            turns[0].answer = Some(&second.answer);
            turns.push(Turn {
                question: &second.again,
                answer: None,
            });
            let prompt = prompts.question("the question", &turns, &plans).unwrap();
            assert_eq!(prompt.input_ids, written_out(&second.again_ids), "{name}");
            compared += 1;
        }
    }
    assert!(compared > 70, "only {compared}");
}
