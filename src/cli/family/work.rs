//! What of a family is to be measured, and what is known already.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use super::{RESULTS, UNFINISHED, VARIANTS, put, shown, text};
use crate::{
    cli::{collect, collect::Skips, error::CliError},
    engine::{
        FamilyMember, FamilyReport, Fingerprints, ImageInput, ModelSource, PairInput, PairSource,
    },
    report::{
        family::{Family, FamilyResults, FamilySettings, Measured, Variant},
        to_json,
    },
    words::counted,
};

/// What has been measured, and what is to be.
pub(super) struct Work {
    unfinished: PathBuf,
    /// By the variant's name.
    pub(super) measured: BTreeMap<String, Measured>,
    /// What is still to be measured, with the fingerprint that the outcome gets.
    pub(super) members: Vec<FamilyMember>,
    fingerprints: HashMap<String, String>,
    /// Whose folder is not there, but whose last result is.
    absent: Vec<String>,
    /// Why what was measured could not be kept for a run that goes on.
    pub(super) unkept: Option<CliError>,
}

impl Work {
    /// What is known and has not changed is kept, unless `again`; so is what is known of a checkpoint
    /// that is not there any more.
    pub(super) fn plan(
        folder: &Path,
        family: &Family,
        settings: FamilySettings,
        again: bool,
    ) -> Result<Self, CliError> {
        let mut work = Self {
            unfinished: folder.join(UNFINISHED),
            measured: BTreeMap::new(),
            members: Vec::new(),
            fingerprints: HashMap::new(),
            absent: Vec::new(),
            unkept: None,
        };
        let version = env!("CARGO_PKG_VERSION");
        let basis = format!("mirscope {version}: {}", to_json(&settings)?);
        let known = Earlier::read(folder)?;
        let mut hashes = Fingerprints::default();
        let mut lists: HashMap<PathBuf, Vec<PairInput>> = HashMap::new();
        for variant in &family.variants {
            if !folder.join(&variant.folder).exists()
                && let Some(before) = known.last(&variant.name, settings)
            {
                work.absent.push(variant.name.clone());
                work.measured.insert(variant.name.clone(), before.clone());
                continue;
            }
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
            let fingerprint = hashes.of(&basis, &data, &checkpoint)?;
            match known.measured.get(&variant.name) {
                Some(before) if before.fingerprint == fingerprint && !again => {
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

    /// Which results are kept because their checkpoints are not there.
    pub(super) fn note(&self) -> Option<String> {
        (!self.absent.is_empty()).then(|| {
            format!(
                "note: {} without a folder: the last result of {} is kept",
                counted(self.absent.len(), "checkpoint"),
                self.absent.join(", ")
            )
        })
    }

    /// Takes a member's report, also for a run that goes on after this one was stopped.
    pub(super) fn keep(&mut self, report: &FamilyReport) {
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

/// What earlier runs measured.
#[derive(Default)]
struct Earlier {
    /// The results, and above them what an unfinished run left.
    measured: BTreeMap<String, Measured>,
    /// The results alone, and how they were measured.
    finished: Option<(FamilySettings, BTreeMap<String, Measured>)>,
}

impl Earlier {
    fn read(folder: &Path) -> Result<Self, CliError> {
        let mut earlier = Self::default();
        let file = folder.join(RESULTS);
        if file.exists() {
            let results = FamilyResults::parse(&text(&file)?, &shown(&file))?;
            earlier.measured.clone_from(&results.measured);
            earlier.finished = Some((results.settings, results.measured));
        }
        // An unfinished run's notes are of use or not; nobody else reads them.
        if let Ok(notes) = fs::read_to_string(folder.join(UNFINISHED))
            && let Ok(more) = serde_json::from_str::<BTreeMap<String, Measured>>(&notes)
        {
            earlier.measured.extend(more);
        }
        Ok(earlier)
    }

    /// The last result of a variant that was measured in the same way.
    fn last(&self, name: &str, settings: FamilySettings) -> Option<&Measured> {
        let (before, measured) = self.finished.as_ref()?;
        measured.get(name).filter(|_| *before == settings)
    }
}
