//! `mirscope measure --stats` and `mirscope merge`: a measurement in pieces.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    engine::{Command, Event, MergeRequest, Shard, ShardRequest, ShardSummary},
    report::Report,
    words::counted,
};

use super::{
    args::Measure,
    collect::Skips,
    device_args::Device,
    drive::drive,
    error::CliError,
    measure::{advised, deliver, request},
    out::OutFile,
    output::Output,
    protocol::Chosen,
    size::parse_size,
};

const MERGE_EXAMPLES: &str = "\
Examples:
  mirscope measure --shard 1/2 --stats one.safetensors
  mirscope measure --shard 2/2 --stats two.safetensors
  mirscope merge one.safetensors two.safetensors
      the demo in two shards, on one machine or two: the same numbers as from one run";

/// Arguments of `merge`.
#[derive(Debug, Args)]
#[command(after_help = MERGE_EXAMPLES)]
pub(crate) struct Merge {
    /// What `mirscope measure --stats` saved: every shard of one measurement, in any order
    #[arg(value_name = "FILE.safetensors", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Device memory that the states and the metric may take, as for `mirscope measure`
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory_budget: Option<u64>,
    /// File of the report: .json, .csv, .html or .svg; - is standard output [default: report.json, none
    /// with --json]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace report.json even where it is no report of mirscope
    #[arg(long)]
    pub(crate) force: bool,
    /// Print the report as JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) device: Device,
}

/// Runs the model over the pairs of a shard and saves their states in `file`; reports of them where a report is asked
/// for.
pub(super) fn shard(
    task: &Measure,
    chosen: Chosen,
    file: &Path,
    quiet: bool,
    output: &Output,
) -> Result<(), CliError> {
    let out = task.out.as_deref().map(OutFile::named).transpose()?;
    let mut skips = Skips::new(task.skip_unreadable);
    let measure = request(task, chosen, &mut skips)?;
    let device = measure.device.clone();
    let command = Command::Shard(Box::new(ShardRequest {
        measure,
        shard: task.shard.unwrap_or(Shard::WHOLE),
        file: file.to_owned(),
        unread: skips.skipped,
        notes: skips.notes,
        anew: task.force,
        save_seconds: None,
    }));
    let summary = match drive(command, quiet) {
        Ok(Event::Shard(summary)) => summary,
        Ok(other) => return Err(CliError::unexpected(&other)),
        Err(CliError::Cancelled) => return Err(CliError::ShardCancelled),
        Err(error) => return Err(error),
    };
    if out.is_none() && !task.json {
        output.print(&told(&summary))?;
        return output.wrote(file);
    }
    let report = merged(
        MergeRequest {
            files: vec![file.to_owned()],
            device,
            memory_budget: task.memory_budget,
            whole: false,
        },
        quiet,
    )
    .map_err(|error| match error {
        // The states are saved.
        CliError::Cancelled => CliError::ShardCancelled,
        other => other,
    })?;
    deliver(&report, (out, task.json), Some(file), output, |_| {
        String::new()
    })
}

/// What a file of statistics has.
fn told(summary: &ShardSummary) -> String {
    let of = usize::try_from(summary.of_pairs).unwrap_or(usize::MAX);
    let mut text = format!(
        "shard {}: {} of {}",
        summary.shard,
        summary.pairs,
        counted(of, "pair")
    );
    if summary.before > 0 {
        text += &format!(", {} of them from an earlier run", summary.before);
    }
    if summary.skipped > 0 {
        text += &format!(", {} left out", summary.skipped);
    }
    if summary.sums {
        text += ", as sums of their states";
    }
    text + "\n"
}

/// Reports what the shards of a measurement saved.
pub(crate) fn merge(task: Merge, quiet: bool, output: &Output) -> Result<(), CliError> {
    let out = match &task.out {
        Some(path) => Some(OutFile::named(path)?),
        None if task.json => None,
        None => Some(OutFile::usual(task.force)?),
    };
    let report = merged(
        MergeRequest {
            files: task.files,
            device: task.device.settings(),
            memory_budget: task.memory_budget,
            whole: true,
        },
        quiet,
    )?;
    deliver(&report, (out, task.json), None, output, |_| String::new())
}

fn merged(request: MergeRequest, quiet: bool) -> Result<Box<Report>, CliError> {
    match drive(Command::Merge(Box::new(request)), quiet).map_err(advised)? {
        Event::Report(report) => Ok(report),
        other => Err(CliError::unexpected(&other)),
    }
}
