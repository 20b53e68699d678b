//! `mirscope ask`.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args as ClapArgs;

use crate::{
    engine::{AskRequest, Command, Event, ImageInput, SamplingSettings},
    report::{Answer, AnswerEnd},
    words::counted,
};

use super::{
    device_args::Device,
    drive::drive_with,
    error::CliError,
    log,
    model_args::{Network, Parts, model_source},
    number::{parse_seed, parse_share, parse_temperature},
    output::Output,
    terminal::say,
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  mirscope ask --image assets/demo/images/scene-001.png \"What is in the center?\"
      the demo, about one of its own pictures
  mirscope ask --model HuggingFaceTB/SmolVLM-256M-Instruct --image cat.jpg \"What does the cat do?\"
  mirscope ask --model llama --raw --max-tokens 20 \"The capital of France is\"
      goes on with a text, without the chat template

Standard output holds the answer alone. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 cancelled.";

/// Arguments of `ask`.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ask {
    /// What to ask; with --raw the text to go on with
    #[arg(value_name = "PROMPT")]
    prompt: String,
    /// Hugging Face folder of the checkpoint, or a repository of the hub (owner/name, owner/name@revision or
    /// owner/name/FILE.gguf), which is fetched into its cache [default: the demo]
    #[arg(long, value_name = "DIR|ID")]
    model: Option<PathBuf>,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    network: Network,
    /// An image to ask about; several times for several
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Go on with PROMPT as it is, without the chat template
    #[arg(long)]
    raw: bool,
    /// Most tokens of the answer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: u32,
    /// How freely tokens are chosen: 0 takes the likeliest one always, 1 draws them by their probability
    #[arg(
        long,
        value_name = "T",
        default_value_t = 0.0,
        value_parser = parse_temperature,
        allow_negative_numbers = true
    )]
    temperature: f32,
    /// Draw among the K likeliest tokens only [default: all]
    #[arg(long, value_name = "K", requires = "temperature", value_parser = clap::value_parser!(u32).range(1..))]
    top_k: Option<u32>,
    /// Draw among the fewest tokens that hold this part of the probability
    #[arg(
        long,
        value_name = "P",
        default_value_t = 1.0,
        value_parser = parse_share,
        requires = "temperature",
        allow_negative_numbers = true
    )]
    top_p: f32,
    /// Seed of what is drawn
    #[arg(long, value_name = "S", default_value_t = 0, value_parser = parse_seed, allow_negative_numbers = true)]
    seed: u64,
    /// Print the answer with its tokens and timings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    device: Device,
}

/// Asks, and prints the answer as it comes.
pub(crate) fn ask(task: Ask, quiet: bool, output: &Output) -> Result<(), CliError> {
    let request = AskRequest {
        model: model_source(task.model.as_ref(), &task.parts, task.network.offline)?,
        device: task.device.settings(),
        images: task.image.into_iter().map(ImageInput::Path).collect(),
        earlier: Vec::new(),
        question: task.prompt,
        raw: task.raw,
        max_tokens: task.max_tokens as usize,
        sampling: SamplingSettings {
            temperature: task.temperature,
            top_k: task.top_k.map(|k| k as usize),
            top_p: task.top_p,
            seed: task.seed,
        },
        watch: None,
    };
    let (mut printed, mut broken) = (String::new(), None);
    let command = Command::Ask(Box::new(request));
    let mut note = log::notes(quiet);
    let last = drive_with(command, quiet, |event| {
        note(event);
        if let Event::Said(said) = event
            && !task.json
            && broken.is_none()
        {
            // A template leaves the space before the answer to the model.
            let text = match printed.is_empty() {
                true => said.text.trim_start(),
                false => &said.text,
            };
            broken = output.print(text).err();
            printed += text;
        }
    });
    if !printed.is_empty() && broken.is_none() {
        output.print("\n")?;
    }
    if let Some(error) = broken {
        return Err(error);
    }
    match last? {
        Event::Answer(answer) if task.json => output.result(&*answer, true, |_| String::new()),
        Event::Answer(answer) => {
            if !quiet && io::stderr().is_terminal() {
                say(&told(&answer));
            }
            Ok(())
        }
        other => Err(CliError::unexpected(&other)),
    }
}

/// What it took.
fn told(answer: &Answer) -> String {
    let mut text = format!(
        "{} read, the first word after {:.1} s; {} answered",
        counted(answer.prompt_tokens, "token"),
        answer.seconds_to_first_token,
        counted(answer.tokens.len(), "token"),
    );
    if let Some(rate) = answer.tokens_per_second {
        text += &format!(", {rate:.1} a second");
    }
    match answer.end {
        AnswerEnd::Stop => {}
        AnswerEnd::MaxTokens => text += "; cut at --max-tokens",
        AnswerEnd::Context => text += "; cut where the context is full",
    }
    text
}
