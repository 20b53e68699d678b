//! `mirscope measure`.

use std::path::Path;

use crate::{
    engine::{
        Command, Event, FEWER_PAIRS, FOLDER_LIST, MeasureRequest, MeasureSettings, PairSource,
        StatesRequest, demo_connectors,
    },
    platform::native::{PlacedFile, stored_study},
    report::{Report, TextStyle, table},
    study::{Contrast, StudyResults, ruler_text},
};

use super::{
    args::Measure,
    collect::{self, Skips, named},
    drive::drive,
    error::CliError,
    model_args::model_source,
    out::OutFile,
    output::Output,
    pieces,
    protocol::Chosen,
};

/// Measures, prints the table or the JSON report, writes the file.
pub(crate) fn measure(task: Measure, quiet: bool, output: &Output) -> Result<(), CliError> {
    let chosen = Chosen::of(&task)?;
    if let Some(file) = &task.stats {
        tried("--stats", file)?;
        return pieces::shard(&task, chosen, file, quiet, output);
    }
    // Found out now rather than after the run.
    let out = match &task.out {
        Some(path) => Some(OutFile::named(path)?),
        None if task.json => None,
        None => Some(OutFile::usual(task.force)?),
    };
    let mut skips = Skips::new(task.skip_unreadable);
    let states = task.export_states.as_deref();
    states.map_or(Ok(()), |file| tried("--export-states", file))?;
    let command = command(&task, chosen, &mut skips)?;
    // Of the demo's own pairs: a list in a folder of images is other data.
    let of_the_demo = matches!(&command, Command::Measure(request)
        if task.model.is_none() && matches!(request.pairs, PairSource::Demo));
    let mut report = match drive(command, quiet).map_err(advised)? {
        Event::Report(report) => report,
        other => return Err(CliError::unexpected(&other)),
    };
    report.data.skipped.splice(0..0, skips.skipped);
    report.notes.splice(0..0, skips.notes);
    let states = task.export_states.as_deref();
    deliver(&report, (out, task.json), states, output, |style| {
        let ruler = of_the_demo.then(|| ruler(&task, &report, style)).flatten();
        ruler.unwrap_or_default()
    })
}

/// Writes the report, and prints it with what `more` adds, or as JSON; then says what was written, `before` the
/// report's file as well.
pub(super) fn deliver(
    report: &Report,
    (out, json): (Option<OutFile>, bool),
    before: Option<&Path>,
    output: &Output,
    more: impl FnOnce(TextStyle) -> String,
) -> Result<(), CliError> {
    // The file first: whoever reads the table may go away. But a file that cannot be written keeps
    // nobody from the table.
    let written = out.as_ref().map(|out| out.write(report, output));
    if !out.as_ref().is_some_and(OutFile::is_stdout) {
        let shown = output.result(report, json, |style| table(report, style) + &more(style));
        written.transpose()?;
        shown?;
        return match out {
            Some(out) if !json => {
                output.print("\n")?;
                before.map_or(Ok(()), |states| output.wrote(states))?;
                output.wrote(out.path())
            }
            _ => Ok(()),
        };
    }
    written.transpose().map(|_| ())
}

/// Where a run of the demo lies between captions that fit and shuffled ones.
fn ruler(task: &Measure, report: &Report, style: TextStyle) -> Option<String> {
    let results = StudyResults::parse(stored_study()?, "results.json").ok()?;
    let contrast = Contrast::new(&results, report.definition)?;
    let mut connectors = demo_connectors().into_iter();
    let connector = connectors.find(|connector| match &task.parts.connector {
        Some(name) => connector.name == *name,
        None => connector.file.is_none(),
    })?;
    ruler_text(&contrast, report, connector.samples, style)
}

/// Fails where the states could not be written.
fn tried(option: &str, states: &Path) -> Result<(), CliError> {
    tried_name(option, states)?;
    let begun = PlacedFile::begin(states);
    begun
        .map(drop)
        .map_err(|error| CliError::Input(error.to_string()))
}

/// Fails where the name of a file of states has another ending than those have.
fn tried_name(option: &str, file: &Path) -> Result<(), CliError> {
    if file
        .extension()
        .is_some_and(|ending| ending == "safetensors")
    {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{option} {}: expected a name ending in .safetensors",
        file.display()
    )))
}

fn command(task: &Measure, chosen: Chosen, skips: &mut Skips) -> Result<Command, CliError> {
    let Some(file) = &task.states else {
        let request = request(task, chosen, skips)?;
        return Ok(Command::Measure(Box::new(request)));
    };
    Ok(Command::MeasureStates(Box::new(StatesRequest {
        file: file.clone(),
        device: task.device.settings(),
        settings: settings(task, chosen),
    })))
}

fn settings(task: &Measure, chosen: Chosen) -> MeasureSettings {
    MeasureSettings {
        num_pairs: chosen.num_pairs,
        seed: task.seed,
        definition: chosen.definition,
        text_mask: chosen.text_mask,
        prompt: chosen.prompt,
        protocol: task.protocol,
        outliers: chosen.outliers,
        memory_budget: task.memory_budget,
        metrics: task.metrics,
        also: task.also.clone(),
        intervals: !task.no_intervals,
        skip_unreadable: task.skip_unreadable,
        export_states: task.export_states.clone(),
    }
}

/// The measurement that the options come to.
pub(super) fn request(
    task: &Measure,
    chosen: Chosen,
    skips: &mut Skips,
) -> Result<MeasureRequest, CliError> {
    // A folder of images that has its own list is one of pairs, unless other texts are named.
    let own_list = match (task.images.as_slice(), task.texts.is_empty()) {
        ([folder], true) if task.pairs.is_none() => collect::list_in(folder),
        _ => None,
    };
    let root = match (&task.pairs, task.images.as_slice()) {
        (None, _) | (_, []) => None,
        (Some(_), [folder]) if folder.is_dir() => Some(folder.as_path()),
        (Some(pairs), _) => {
            return Err(CliError::Usage(format!(
                "--images {}: expected one folder beside --pairs {}, in which its image paths are looked up",
                named(&task.images),
                pairs.display()
            )));
        }
    };
    let pairs = match task.pairs.as_ref().or(own_list.as_ref()) {
        Some(file) => PairSource::Pairs {
            name: file.display().to_string(),
            pairs: collect::pairs(file, root, skips)?,
        },
        None if task.images.is_empty() => PairSource::Demo,
        None if task.texts.is_empty() => {
            return Err(CliError::Usage(format!(
                "--images {}: expected --texts beside it, or one folder with a {FOLDER_LIST} that has a \
                 text for each image",
                named(&task.images)
            )));
        }
        None => PairSource::Unpaired {
            name: format!("{} with {}", named(&task.images), named(&task.texts)),
            images: collect::images(&task.images, skips)?,
            texts: collect::texts(&task.texts, skips)?,
        },
    };
    Ok(MeasureRequest {
        model: model_source(task.model.as_ref(), &task.parts, task.network.offline)?,
        pairs,
        device: task.device.settings(),
        settings: settings(task, chosen),
        keep: false,
    })
}

/// The engine knows no arguments: what helps against a budget that is too small is said here.
pub(super) fn advised(error: CliError) -> CliError {
    match error {
        CliError::Failed(reason) => CliError::Failed(
            reason.replace(FEWER_PAIRS, "use fewer pairs or a larger --memory-budget"),
        ),
        error => error,
    }
}
