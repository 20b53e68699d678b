//! `mirscope family`: measures a folder of checkpoints and writes what that says.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::{
    engine::{
        Command, Event, FamilyMember, FamilyReport, FamilyRequest, Fingerprints, ImageInput,
        ModelSource, PairInput, PairSource,
    },
    platform::{
        FileError,
        native::{Target, read_text},
    },
    report::{
        family::{
            Family, FamilyError, FamilyResults, FamilySettings, Measured, Variant, family_csv,
            family_markdown, family_text,
        },
        figure::{Palette, family_figures, svg_of},
        to_json,
    },
    words::{counted, printable},
};

use super::{args, collect, collect::Skips, drive::drive_with, error::CliError, output::Output};

const VARIANTS: &str = "variants.json";
const RESULTS: &str = "results.json";
const TABLE: &str = "results.csv";
const PAGE: &str = "results.md";
const FIGURES: &str = "figures";
/// Largest file that is read.
const LARGEST: u64 = 256 << 20;
/// What an unfinished run has measured; it goes with the results.
const UNFINISHED: &str = ".measured.json";

/// Measures what changed, then writes results, tables and figures.
pub(crate) fn family(task: &args::Family, quiet: bool, output: &Output) -> Result<(), CliError> {
    let folder = task.folder.as_path();
    let family = Family::parse(
        &text(&folder.join(VARIANTS))?,
        &shown(&folder.join(VARIANTS)),
    )?;
    let settings = FamilySettings {
        num_pairs: usize::try_from(task.num_pairs).unwrap_or(usize::MAX),
        seed: task.seed,
        ..FamilySettings::default()
    };
    check_targets(folder)?;
    let known = if task.all {
        BTreeMap::new()
    } else {
        earlier(folder)?
    };
    let mut work = Work::plan(folder, &family, settings, known)?;
    let total = family.variants.len();
    if !work.members.is_empty() {
        let request = FamilyRequest {
            members: std::mem::take(&mut work.members),
            device: task.device.settings(),
            settings,
        };
        let command = Command::Family(Box::new(request));
        let outcome = drive_with(command, quiet, |event| {
            if let Event::MemberReport(report) = event {
                work.keep(report);
            }
        });
        match outcome {
            Ok(Event::Family) => {}
            Ok(other) => return Err(CliError::unexpected(&other)),
            Err(CliError::Cancelled) if work.unkept.is_none() => {
                let done = work.measured.len();
                return Err(CliError::FamilyCancelled { done, total });
            }
            Err(error) => return Err(work.unkept.unwrap_or(error)),
        }
    }
    let results = FamilyResults::new(family, settings, work.measured);
    results.check_finite()?;
    // The files first: whoever reads the table may go away. But a file that cannot be written keeps
    // nobody from the table.
    let written = write(folder, &results);
    let printed = output.result(&results, task.json, |style| family_text(&results, style));
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
    for name in [RESULTS, TABLE, PAGE, UNFINISHED] {
        Target::at(&folder.join(name))
            .and_then(|target| target.check())
            .map_err(FamilyError::File)?;
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
            Ok(target.map_err(FamilyError::File)?)
        }
    }
}

/// What has been measured, and what is to be.
struct Work {
    unfinished: PathBuf,
    /// By the variant's name.
    measured: BTreeMap<String, Measured>,
    /// What is still to be measured, with the fingerprint that the outcome gets.
    members: Vec<FamilyMember>,
    fingerprints: HashMap<String, String>,
    /// Why what was measured could not be kept for a run that goes on.
    unkept: Option<CliError>,
}

impl Work {
    fn plan(
        folder: &Path,
        family: &Family,
        settings: FamilySettings,
        known: BTreeMap<String, Measured>,
    ) -> Result<Self, CliError> {
        let mut work = Self {
            unfinished: folder.join(UNFINISHED),
            measured: BTreeMap::new(),
            members: Vec::new(),
            fingerprints: HashMap::new(),
            unkept: None,
        };
        let version = env!("CARGO_PKG_VERSION");
        let settings = format!("mirscope {version}: {}", to_json(&settings)?);
        let mut hashes = Fingerprints::default();
        let mut lists: HashMap<PathBuf, Vec<PairInput>> = HashMap::new();
        for variant in &family.variants {
            let checkpoint = checkpoint(folder, variant)?;
            let list = folder.join(variant.documents.as_ref().unwrap_or(&family.pairs));
            let pairs = match lists.entry(list.clone()) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(collect::pairs(&list, &mut Skips::default())?)
                }
            };
            let mut data = vec![list.clone()];
            data.extend(pairs.iter().flat_map(images));
            let fingerprint = hashes.of(&settings, &data, &checkpoint)?;
            match known.get(&variant.name) {
                Some(before) if before.fingerprint == fingerprint => {
                    work.measured.insert(variant.name.clone(), before.clone());
                }
                _ => {
                    work.fingerprints.insert(variant.name.clone(), fingerprint);
                    work.members.push(FamilyMember {
                        name: variant.name.clone(),
                        model: ModelSource::Folder(checkpoint),
                        pairs: PairSource::Pairs {
                            name: shown(&list),
                            pairs: pairs.clone(),
                        },
                    });
                }
            }
        }
        Ok(work)
    }

    /// Takes a member's report, also for a run that goes on after this one was stopped.
    fn keep(&mut self, report: &FamilyReport) {
        let fingerprint = self
            .fingerprints
            .get(&report.name)
            .cloned()
            .unwrap_or_default();
        let measured = Measured::new(&report.report, report.mir_official, fingerprint);
        self.measured.insert(report.name.clone(), measured);
        let json = to_json(&self.measured).map_err(CliError::from);
        // It is needed only where the run does not come to its end.
        self.unkept = json.and_then(|json| put(&self.unfinished, &json)).err();
    }
}

/// The paths of a pair's images.
fn images(pair: &PairInput) -> impl Iterator<Item = PathBuf> {
    pair.images().filter_map(|image| match image {
        ImageInput::Path(path) => Some(path.clone()),
        _ => None,
    })
}

/// A variant's folder.
fn checkpoint(folder: &Path, variant: &Variant) -> Result<PathBuf, CliError> {
    let path = folder.join(&variant.folder);
    if path.join("config.json").is_file() {
        return Ok(path);
    }
    Err(CliError::Input(format!(
        "{}: `{}` expects a checkpoint with config.json at {}, found {}: run the recipe in training/ again",
        shown(&folder.join(VARIANTS)),
        variant.name,
        shown(&path),
        if path.is_dir() { "none" } else { "no folder" }
    )))
}

/// What earlier runs measured: the results, and above them what an unfinished one left.
fn earlier(folder: &Path) -> Result<BTreeMap<String, Measured>, CliError> {
    let mut known = BTreeMap::new();
    let file = folder.join(RESULTS);
    if file.exists() {
        known = FamilyResults::parse(&text(&file)?, &shown(&file))?.measured;
    }
    // An unfinished run's notes are of use or not; nobody else reads them.
    if let Ok(notes) = fs::read_to_string(folder.join(UNFINISHED))
        && let Ok(more) = serde_json::from_str::<BTreeMap<String, Measured>>(&notes)
    {
        known.extend(more);
    }
    Ok(known)
}

/// Writes figures and tables, the results last; returns the number of figures.
fn write(folder: &Path, results: &FamilyResults) -> Result<usize, CliError> {
    let figures = folder.join(FIGURES);
    fs::create_dir_all(&figures).map_err(|error| failed(&figures, "create", &error))?;
    let drawn = family_figures(results, Palette::LIGHT);
    let mut listed = Vec::new();
    for made in &drawn {
        let name = format!("{}.svg", made.name);
        put(&figures.join(&name), &svg_of(&made.figure))?;
        listed.push((format!("{FIGURES}/{name}"), made.figure.title.clone()));
    }
    put(&folder.join(TABLE), &family_csv(results))?;
    put(&folder.join(PAGE), &family_markdown(results, &listed))?;
    put(&folder.join(RESULTS), &to_json(results)?)?;
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
    Ok(written.map_err(FamilyError::File)?)
}

fn text(path: &Path) -> Result<String, CliError> {
    let (_, text) = read_text(path, LARGEST).map_err(FamilyError::File)?;
    Ok(text)
}

fn failed(path: &Path, action: &str, error: &std::io::Error) -> CliError {
    let reason = format!("cannot {action} it: {error}");
    FamilyError::File(FileError::new(shown(path), reason)).into()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
