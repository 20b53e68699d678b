//! `mirscope show`.

use std::path::{Path, PathBuf};

use crate::{
    figures::{Palette, comparison_figure, comparison_html, svg_of},
    platform::{FileError, native::Target},
    report::{
        Comparison, Named, Report, comparison_csv, comparison_markdown, comparison_tex,
        comparison_text, read, table, to_json,
    },
};

use super::{args::Show, error::CliError, out::OutFile, output::Output};

/// Prints a report again, or writes it in another form; several beside each other.
pub(crate) fn show(task: &Show, quiet: bool, output: &Output) -> Result<(), CliError> {
    let [path] = task.reports.as_slice() else {
        return several(task, quiet, output);
    };
    let target = task.out.as_deref().map(OutFile::named).transpose()?;
    let report = read(path)?;
    let Some(target) = target else {
        return output.result(&report, task.json, |style| table(&report, style));
    };
    target.write(&report, output)?;
    if target.is_stdout() {
        Ok(())
    } else if task.json {
        output.result(&report, true, |_| String::new())
    } else if quiet {
        Ok(())
    } else {
        output.wrote(target.path())
    }
}

/// Writes runs beside each other in one form.
type Form = fn(&[Named<'_>]) -> Result<String, CliError>;

/// How a comparison is written, by the ending of the file's name.
fn form(path: &Path) -> Option<Form> {
    let extension = path
        .extension()
        .map(|it| it.to_string_lossy().to_ascii_lowercase());
    Some(match extension.as_deref() {
        None | Some("json") => |runs| Ok(to_json(&Comparison::all(runs))?),
        Some("md") => |runs| Ok(comparison_markdown(runs)),
        Some("tex") => |runs| Ok(comparison_tex(runs)),
        Some("csv") => |runs| Ok(comparison_csv(runs)),
        Some("svg") => |runs| Ok(svg_of(&comparison_figure(runs, Palette::LIGHT))),
        Some("html" | "htm") => |runs| Ok(comparison_html(runs)),
        Some(_) => return None,
    })
}

fn several(task: &Show, quiet: bool, output: &Output) -> Result<(), CliError> {
    let input = |error: FileError| CliError::Input(error.to_string());
    let target = task.out.as_deref().map(|path| {
        let form = form(path).ok_or_else(|| {
            CliError::Usage(format!(
                "--out {}: expected a name ending in .json, .csv, .md, .tex, .html or .svg",
                path.display()
            ))
        })?;
        let target = Target::at(path).map_err(input)?;
        target.check().map_err(input)?;
        Ok::<_, CliError>((path, form, target))
    });
    let target = target.transpose()?;
    let reports: Vec<Report> = task
        .reports
        .iter()
        .map(|path| read(path))
        .collect::<Result<_, _>>()?;
    let names = names(&task.reports);
    let runs: Vec<Named<'_>> = (names.iter().zip(&reports))
        .map(|(name, report)| Named { name, report })
        .collect();
    let shown = |json| {
        output.result(&Comparison::all(&runs), json, |style| {
            comparison_text(&runs, style)
        })
    };
    let Some((path, form, target)) = target else {
        return shown(task.json);
    };
    let text = form(&runs)?;
    if target.is_stdout() {
        return output.json(&text);
    }
    target.write(text.as_bytes()).map_err(input)?;
    match (task.json, quiet) {
        (true, _) => shown(true),
        (false, true) => Ok(()),
        (false, false) => output.wrote(path),
    }
}

/// What the runs are called: their files' names without the ending, or their paths where two have one name.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| {
        path.file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = paths.iter().map(stem).collect();
    (stems.iter().zip(paths))
        .map(
            |(stem, path)| match stems.iter().filter(|it| *it == stem).count() {
                1 => stem.clone(),
                _ => path.display().to_string(),
            },
        )
        .collect()
}
