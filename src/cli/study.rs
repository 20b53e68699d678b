//! `mirscope study`: measures a folder of checkpoints and writes what that says.

mod work;

use std::{fs, io::ErrorKind, path::Path};

use crate::{
    engine::{Command, Event, StudyRequest},
    figures::{Palette, study_figures, svg_of},
    platform::{
        FileError,
        native::{Target, read_text},
    },
    study::{
        Study, StudyError, StudyResults, StudySettings, correlations_csv, results_json, study_csv,
        study_markdown, study_text,
    },
    words::{counted, printable},
};

use self::work::Work;
use super::{args, drive::drive_with, error::CliError, output::Output, terminal::say};

const VARIANTS: &str = "variants.json";
const RESULTS: &str = "results.json";
const TABLE: &str = "results.csv";
const CORRELATIONS: &str = "correlations.csv";
const PAGE: &str = "results.md";
const FIGURES: &str = "figures";
/// Largest file that is read.
const LARGEST: u64 = 256 << 20;
/// What an unfinished run has measured; it goes with the results.
const UNFINISHED: &str = ".measured.json";

/// Measures what changed, then writes results, tables and figures.
pub(crate) fn study(task: &args::Study, quiet: bool, output: &Output) -> Result<(), CliError> {
    let folder = task.folder.as_path();
    let study = Study::parse(
        &text(&folder.join(VARIANTS))?,
        &shown(&folder.join(VARIANTS)),
    )?;
    let settings = StudySettings {
        num_pairs: usize::try_from(task.num_pairs).unwrap_or(usize::MAX),
        seed: task.seed,
        metrics: task.metrics,
        ..StudySettings::default()
    };
    check_targets(folder)?;
    let mut work = Work::plan(folder, &study, settings, task.all)?;
    let total = study.variants.len();
    if !quiet {
        for note in work.notes() {
            say(&printable(&note));
        }
    }
    if !work.members.is_empty() {
        let request = StudyRequest {
            members: std::mem::take(&mut work.members),
            device: task.device.settings(),
            settings,
        };
        let command = Command::Study(Box::new(request));
        let outcome = drive_with(command, quiet, |event| {
            if let Event::MemberReport(report) = event {
                work.keep(report);
            }
        });
        match outcome {
            Ok(Event::Study) => {}
            Ok(other) => return Err(CliError::unexpected(&other)),
            Err(CliError::Cancelled) if work.unkept.is_none() => {
                let done = work.measured.len();
                return Err(CliError::StudyCancelled { done, total });
            }
            Err(error) => return Err(work.unkept.unwrap_or(error)),
        }
    }
    let results = StudyResults::new(study, settings, work.measured);
    results.check_finite()?;
    // The files first: whoever reads the table may go away. But a file that cannot be written keeps
    // nobody from the table.
    let written = write(folder, &results);
    let printed = output.result(&results, task.json, |style| study_text(&results, style));
    let figures = written?;
    printed?;
    if task.json {
        return Ok(());
    }
    output.print(&format!(
        "\nwrote {} and {}\n",
        printable(&shown(&folder.join(RESULTS))),
        counted(figures, "figure")
    ))
}

/// Fails where something of what a run writes could not be written.
fn check_targets(folder: &Path) -> Result<(), CliError> {
    for name in [RESULTS, TABLE, CORRELATIONS, PAGE, UNFINISHED] {
        Target::at(&folder.join(name))
            .and_then(|target| target.check())
            .map_err(StudyError::File)?;
    }
    let figures = folder.join(FIGURES);
    match fs::metadata(&figures) {
        // It is made when there are figures.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(&figures, "look at", &error)),
        Ok(known) if !known.is_dir() => Err(CliError::Input(format!(
            "{}: expected a folder for the figures, found a file",
            shown(&figures)
        ))),
        Ok(_) => {
            let target = Target::at(&figures.join("any.svg")).and_then(|target| target.check());
            Ok(target.map_err(StudyError::File)?)
        }
    }
}

/// Writes figures and tables, the results last; returns the number of figures.
fn write(folder: &Path, results: &StudyResults) -> Result<usize, CliError> {
    let figures = folder.join(FIGURES);
    fs::create_dir_all(&figures).map_err(|error| failed(&figures, "create", &error))?;
    let drawn = study_figures(results, Palette::LIGHT);
    let mut listed = Vec::new();
    for made in &drawn {
        let name = format!("{}.svg", made.name);
        put(&figures.join(&name), &svg_of(&made.figure))?;
        listed.push((format!("{FIGURES}/{name}"), made.figure.title.clone()));
    }
    put(&folder.join(TABLE), &study_csv(results))?;
    put(&folder.join(CORRELATIONS), &correlations_csv(results))?;
    put(&folder.join(PAGE), &study_markdown(results, &listed))?;
    put(&folder.join(RESULTS), &results_json(results)?)?;
    let unfinished = folder.join(UNFINISHED);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed(&unfinished, "remove", &error))
        }
        _ => Ok(drawn.len()),
    }
}

fn put(path: &Path, content: &str) -> Result<(), CliError> {
    let written = Target::at(path).and_then(|target| target.write(content.as_bytes()));
    Ok(written.map_err(StudyError::File)?)
}

fn text(path: &Path) -> Result<String, CliError> {
    let (_, text) = read_text(path, LARGEST).map_err(StudyError::File)?;
    Ok(text)
}

fn failed(path: &Path, action: &str, error: &std::io::Error) -> CliError {
    let reason = format!("cannot {action} it: {error}");
    StudyError::File(FileError::new(shown(path), reason)).into()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
