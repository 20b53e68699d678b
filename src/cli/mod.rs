//! The command line over engine and report.
//!
//! Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage,
//! 130 cancelled. A reader that closes the pipe early ends the program quietly.

mod args;
mod ask;
mod check;
mod check_args;
mod choice;
mod collect;
mod color;
mod device_args;
mod drive;
mod error;
mod fetch_plan;
mod log;
mod measure;
mod model_args;
mod number;
mod out;
mod output;
mod passes;
mod pieces;
mod progress;
mod protocol;
#[cfg(feature = "app")]
mod record;
mod records;
mod show;
mod size;
mod study;
mod terminal;
mod usage;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser};

use crate::{
    engine::{Command, Event, ImageInput, InspectRequest},
    report::{adapters_text, inspection_text},
};
use args::{Args, Task};
use error::CliError;
use output::Output;

/// Runs the program with `args`, the program's own name first, and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    terminal::tell_panics();
    let given: Vec<OsString> = args.into_iter().collect();
    let args = match Args::try_parse_from(&given) {
        Ok(args) => args,
        Err(error) => return ExitCode::from(usage::print_usage(error, color::asked(&given))),
    };
    let color = args.color;
    let output = Output::new(color);
    match run(args, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell(color);
            ExitCode::from(error.exit_code())
        }
    }
}

/// The command line's definition, as completions and the README's test need it.
pub fn command() -> clap::Command {
    Args::command()
}

fn run(args: Args, output: &Output) -> Result<(), CliError> {
    let Some(task) = args.task else {
        return output.help(&command().render_help());
    };
    let quiet = args.quiet;
    match task {
        Task::Measure(task) => measure::measure(*task, quiet, output),
        Task::Merge(task) => pieces::merge(task, quiet, output),
        #[cfg(feature = "app")]
        Task::App(task) => open_app(task),
        Task::Inspect(task) if task.dry_run => {
            let model = model_args::hub_model(task.model.as_ref(), task.network.offline)?;
            match drive::drive(Command::Plan(model), quiet)? {
                Event::Plan(plan) => {
                    output.result(&*plan, task.json, |style| fetch_plan::text(&plan, style))
                }
                other => Err(CliError::unexpected(&other)),
            }
        }
        Task::Inspect(task) => {
            let request = InspectRequest {
                model: model_args::model_source(
                    task.model.as_ref(),
                    &task.parts,
                    task.network.offline,
                )?,
                device: task.device.settings(),
                image: task.image.map(ImageInput::Path),
                fetch: false,
            };
            match drive::drive(Command::Inspect(Box::new(request)), quiet)? {
                Event::Inspection(inspection) => {
                    let text = |style| inspection_text(&inspection, style);
                    output.result(&*inspection, task.json, text)?;
                    match inspection.obstacle {
                        None => Ok(()),
                        Some(_) => Err(CliError::Unfit),
                    }
                }
                other => Err(CliError::unexpected(&other)),
            }
        }
        Task::Ask(task) => ask::ask(*task, quiet, output),
        Task::Adapters(task) => match drive::drive(Command::Adapters, quiet)? {
            Event::Adapters(adapters) => output.result(&adapters, task.json, |style| {
                adapters_text(&adapters, style)
            }),
            other => Err(CliError::unexpected(&other)),
        },
        Task::Check(task) => check::check(&task, quiet, output),
        Task::Bench(task) => check::bench(&task, quiet, output),
        Task::Study(task) => study::study(&task, quiet, output),
        Task::Show(task) => show::show(&task, quiet, output),
        Task::Passes(task) => passes::passes(task, quiet, output),
        Task::Records(task) => records::records(&task, output),
        #[cfg(feature = "app")]
        Task::RecordDemo(task) => record::record(&task, output),
        Task::Completions { shell } => output.completions(shell, command()),
    }
}

/// Opens the window and waits until it is closed.
#[cfg(feature = "app")]
fn open_app(task: args::App) -> Result<(), CliError> {
    let reports = task
        .reports
        .iter()
        .map(|file| Ok((file.display().to_string(), crate::report::read(file)?)))
        .collect::<Result<_, CliError>>()?;
    crate::app::open(crate::app::Start {
        reports,
        run: task.run,
        num_pairs: task
            .num_pairs
            .map(|num| usize::try_from(num).unwrap_or(usize::MAX)),
        exit: task.exit,
        view: task.view,
    })
    .map_err(CliError::Failed)
}
