//! `mirscope passes`: forward passes over given input, timed.

use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use super::{
    device_args::Device, drive::drive, error::CliError, model_args::model_source, out::JsonFile,
    output::Output,
};
use crate::{
    engine::{Command, Event, PassRequest},
    platform::native::read_text,
    report::pass_text,
};

/// Largest input that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// Arguments of `passes`.
#[derive(Debug, Args)]
pub(crate) struct Passes {
    /// The checkpoint's folder
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// What goes through it: `prompts`, lists of token ids, and `images`, lists of normalised pixels
    #[arg(long, value_name = "FILE.json")]
    input: PathBuf,
    /// Where times, logits and features go
    #[arg(long, value_name = "FILE.json")]
    out: PathBuf,
    #[command(flatten)]
    device: Device,
}

#[derive(Deserialize)]
struct Input {
    prompts: Vec<Vec<u32>>,
    images: Vec<Vec<f32>>,
}

/// Times the passes, writes the file and says how long they took.
pub(crate) fn passes(task: Passes, quiet: bool, output: &Output) -> Result<(), CliError> {
    let out = JsonFile::tried(Some(&task.out))?;
    let (_, text) = read_text(&task.input, LARGEST).map_err(|e| CliError::Input(e.to_string()))?;
    let input: Input = serde_json::from_str(&text)
        .map_err(|error| CliError::Input(format!("{}: {error}", task.input.display())))?;
    let request = PassRequest {
        device: task.device.settings(),
        model: model_source(Some(&task.model), &Default::default(), true)?,
        prompts: input.prompts,
        images: input.images,
    };
    match drive(Command::Passes(Box::new(request)), quiet)? {
        Event::Passes(times) => {
            out.deliver(&*times, false, output, |style| pass_text(&times, style))
        }
        other => Err(CliError::unexpected(&other)),
    }
}
