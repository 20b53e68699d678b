//! `mirscope measure`.

use std::path::{Path, PathBuf};

use crate::{
    engine::{Command, Event, MeasureRequest, MeasureSettings, PairSource, demo_connectors},
    platform::native::stored_family,
    report::{
        Format, Report, TextMask, TextStyle,
        family::{Contrast, FamilyResults},
        ruler_text, table, write,
    },
};

use super::{
    args::{Measure, model_source},
    collect,
    drive::drive,
    error::CliError,
    output::Output,
};

/// Where the report goes unless the user says otherwise.
const DEFAULT_OUT: &str = "report.json";

/// Measures, prints the table or the JSON report, writes the file.
pub(crate) fn measure(task: Measure, quiet: bool, output: &Output) -> Result<(), CliError> {
    if task.definition.is_official() && task.text_mask == TextMask::Content {
        return Err(CliError::Usage(format!(
            "the argument '--definition {}' cannot be used with '--text-mask content': it \
             reproduces the released script, which counts everything after the image as text; use \
             '--definition exact' for the text alone",
            task.definition
        )));
    }
    let out = task
        .out
        .clone()
        .or_else(|| (!task.json).then(|| PathBuf::from(DEFAULT_OUT)));
    // Found out now rather than after the run.
    let format = out.as_deref().map(check_target).transpose()?;
    let request = request(&task)?;
    let Event::Report(report) = drive(Command::Measure(Box::new(request)), quiet)? else {
        return Err(CliError::Failed("the engine gave no report".to_owned()));
    };
    if let (Some(path), Some(format)) = (&out, format) {
        write(&report, format, path)?;
    }
    output.result(&*report, task.json, |style| {
        let ruler = ruler(&task, &report, style);
        table(&report, style) + &ruler.unwrap_or_default()
    })?;
    match out {
        Some(path) if !task.json => output.print(&format!("\nwrote {}\n", path.display())),
        _ => Ok(()),
    }
}

/// Where the demo lies between captions that fit and shuffled ones; none for other models and data.
fn ruler(task: &Measure, report: &Report, style: TextStyle) -> Option<String> {
    let of_the_demo = task.model.is_none() && task.pairs.is_none() && task.images.is_empty();
    if !of_the_demo {
        return None;
    }
    let results = FamilyResults::parse(stored_family()?, "results.json").ok()?;
    let contrast = Contrast::new(&results, report.definition)?;
    let mut connectors = demo_connectors().into_iter();
    let connector = connectors.find(|connector| match &task.connector {
        Some(name) => connector.name == *name,
        None => connector.file.is_none(),
    })?;
    ruler_text(&contrast, report, connector.samples, style)
}

fn request(task: &Measure) -> Result<MeasureRequest, CliError> {
    let pairs = match &task.pairs {
        Some(file) => PairSource::Pairs {
            name: file.display().to_string(),
            pairs: collect::pairs(file)?,
        },
        None if task.images.is_empty() => PairSource::Demo,
        None => PairSource::Unpaired {
            name: format!("{} with {}", named(&task.images), named(&task.texts)),
            images: collect::images(&task.images)?,
            texts: collect::texts(&task.texts)?,
        },
    };
    Ok(MeasureRequest {
        model: model_source(task.model.as_ref(), task.connector.as_ref())?,
        pairs,
        device: task.device.settings(),
        settings: MeasureSettings {
            num_pairs: task
                .num_pairs
                .map(|num| usize::try_from(num).unwrap_or(usize::MAX)),
            seed: task.seed,
            definition: task.definition,
            text_mask: task.text_mask,
            memory_budget: task.memory_budget,
        },
        keep: false,
    })
}

/// What a list of paths is called in the report.
fn named(paths: &[PathBuf]) -> String {
    let first = paths.first().map(|path| path.display().to_string());
    match paths.len() {
        0 | 1 => first.unwrap_or_default(),
        more => format!("{} and {} more", first.unwrap_or_default(), more - 1),
    }
}

/// The form of the file to write, if its name and its folder allow one.
pub(crate) fn check_target(path: &Path) -> Result<Format, CliError> {
    let format = Format::of(path).ok_or_else(|| {
        CliError::Usage(format!(
            "--out {}: expected a name ending in .json, .csv, .html or .svg",
            path.display()
        ))
    })?;
    if path.is_dir() {
        return Err(CliError::Usage(format!(
            "--out {}: expected a file, found a folder",
            path.display()
        )));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if folder.is_dir() {
        Ok(format)
    } else {
        Err(CliError::Input(format!(
            "--out {}: there is no folder {}: create it first",
            path.display(),
            folder.display()
        )))
    }
}
