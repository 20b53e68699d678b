//! What of a study is to be measured, and what is known already.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{RESULTS, UNFINISHED, VARIANTS, put, shown, text};
use crate::{
    cli::{
        collect::{self, Skips},
        error::CliError,
    },
    engine::{
        Fingerprints, ImageInput, ModelSource, PairInput, PairSource, StudyMember, StudyReport,
    },
    report::{MetricChoice, to_json},
    study::{Measured, Study, StudyResults, StudySettings, Variant},
    words::counted,
};

/// What has been measured, and what is to be.
pub(super) struct Work {
    unfinished: PathBuf,
    /// By the variant's name.
    pub(super) measured: BTreeMap<String, Measured>,
    /// What is still to be measured, with the fingerprint that the outcome gets.
    pub(super) members: Vec<StudyMember>,
    fingerprints: HashMap<String, String>,
    settings: StudySettings,
    /// Those left out of what ships, and whether their last result is kept.
    absent: Vec<(String, bool)>,
    /// What is to be said of results that cannot be read, and of the lists of pairs.
    told: Vec<String>,
    /// Whether all is measured again.
    again: bool,
    /// What this run measured, and an unfinished one before it that was to measure the same.
    new: BTreeMap<String, Measured>,
    /// Why what was measured could not be kept for a run that goes on.
    pub(super) unkept: Option<CliError>,
}

impl Work {
    /// What is known and has not changed is kept, unless `again`: then only what an unfinished run measured that was
    /// to measure all again, too. So is what is known of a checkpoint that
    /// is left out of what ships, as long as nothing changed for the others with its list but which quantities are
    /// measured.
    pub(super) fn plan(
        folder: &Path,
        study: &Study,
        settings: StudySettings,
        again: bool,
    ) -> Result<Self, CliError> {
        let mut work = Self {
            unfinished: folder.join(UNFINISHED),
            measured: BTreeMap::new(),
            members: Vec::new(),
            fingerprints: HashMap::new(),
            settings,
            absent: Vec::new(),
            told: Vec::new(),
            again,
            new: BTreeMap::new(),
            unkept: None,
        };
        let version = env!("CARGO_PKG_VERSION");
        let basis_with = |metrics| -> Result<String, CliError> {
            let settings = StudySettings {
                metrics,
                ..settings
            };
            Ok(format!("mirscope {version}: {}", to_json(&settings)?))
        };
        let basis = basis_with(settings.metrics)?;
        let other_bases = (MetricChoice::BOTH.into_iter())
            .filter(|metrics| *metrics != settings.metrics)
            .map(basis_with)
            .collect::<Result<Vec<_>, _>>()?;
        let is_absent =
            |variant: &&Variant| variant.left_out && !folder.join(&variant.folder).exists();
        let unfinished = Unfinished::of(&work.unfinished);
        let known = match earlier(folder, &unfinished) {
            // Nothing of it would be kept.
            Err(error) if again && !study.variants.iter().any(|it| is_absent(&it)) => {
                work.told
                    .push(format!("note: {error}; all is measured again"));
                unfinished.measured.clone()
            }
            known => known?,
        };
        let mut hashes = Fingerprints::default();
        let mut lists: HashMap<PathBuf, Vec<PairInput>> = HashMap::new();
        let list_of =
            |variant: &Variant| folder.join(variant.documents.as_ref().unwrap_or(&study.pairs));
        // Lists with a result that would come out the same now.
        let mut unchanged: HashSet<PathBuf> = HashSet::new();
        for variant in study.variants.iter().filter(|it| !is_absent(it)) {
            let checkpoint = checkpoint(folder, variant)?;
            let list = list_of(variant);
            let pairs = match lists.entry(list.clone()) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(slot) => {
                    let mut skips = Skips::default();
                    let pairs = collect::pairs(&list, None, &mut skips)?;
                    let notes = skips.notes.iter().map(|note| format!("note: {note}"));
                    work.told.extend(notes);
                    slot.insert(pairs)
                }
            };
            let mut data = vec![list.clone()];
            data.extend(pairs.iter().flat_map(images));
            let fingerprint = hashes.of(&basis, &data, &checkpoint)?;
            let before = known.get(&variant.name);
            if let Some(before) = before {
                let mut alike = before.fingerprint == fingerprint;
                for basis in &other_bases {
                    // Its files are hashed already.
                    alike |= before.fingerprint == hashes.of(basis, &data, &checkpoint)?;
                }
                if alike {
                    unchanged.insert(list.clone());
                }
            }
            let goes_on = unfinished.again && unfinished.measured.contains_key(&variant.name);
            match before.filter(|before| before.fingerprint == fingerprint) {
                Some(before) if !again || goes_on => {
                    if goes_on {
                        work.new.insert(variant.name.clone(), before.clone());
                    }
                    work.measured.insert(variant.name.clone(), before.clone());
                }
                _ => {
                    work.fingerprints.insert(variant.name.clone(), fingerprint);
                    work.members.push(StudyMember {
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
        if again && !work.new.is_empty() {
            let kept = work.new.len();
            work.told.push(format!(
                "note: of an unfinished run {} {} kept; delete {UNFINISHED} to measure all again",
                counted(kept, "checkpoint"),
                if kept == 1 { "is" } else { "are" }
            ));
        }
        for variant in study.variants.iter().filter(is_absent) {
            let before = known.get(&variant.name);
            let before = before.filter(|_| unchanged.contains(&list_of(variant)));
            work.absent.push((variant.name.clone(), before.is_some()));
            let kept = before.map(|before| (variant.name.clone(), before.clone()));
            work.measured.extend(kept);
        }
        Ok(work)
    }

    /// What became of earlier results and of lists, and of checkpoints that do not come with the study.
    pub(super) fn notes(&self) -> Vec<String> {
        let named = |kept: bool, what: &str| {
            let names = self.absent.iter().filter(|(_, is_kept)| *is_kept == kept);
            let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
            (!names.is_empty()).then(|| {
                let number = counted(names.len(), "checkpoint");
                format!(
                    "note: {number} without a folder, {what}: {}",
                    names.join(", ")
                )
            })
        };
        let kept = named(true, "whose last results are kept");
        let without = named(
            false,
            "left out, because the last results were measured otherwise",
        );
        let told = self.told.iter().cloned();
        told.chain(kept).chain(without).collect()
    }

    /// Takes a member's report, also for a run that goes on after this one was stopped.
    pub(super) fn keep(&mut self, report: &StudyReport) {
        let fingerprint = self
            .fingerprints
            .get(&report.name)
            .cloned()
            .unwrap_or_default();
        let measured = Measured::new(
            &report.report,
            report.mir_official,
            self.settings.metrics,
            fingerprint,
        );
        self.new.insert(report.name.clone(), measured.clone());
        self.measured.insert(report.name.clone(), measured);
        let done = match self.again {
            true => &self.new,
            false => &self.measured,
        };
        let unfinished = Unfinished {
            again: self.again,
            measured: done.clone(),
        };
        let json = to_json(&unfinished).map_err(CliError::from);
        // It is needed only where the run does not come to its end.
        self.unkept = json.and_then(|json| put(&self.unfinished, &json)).err();
    }
}

/// What a run that did not come to its end has measured.
#[derive(Default, Serialize, Deserialize)]
struct Unfinished {
    /// Whether it was to measure all again.
    again: bool,
    measured: BTreeMap<String, Measured>,
}

impl Unfinished {
    /// Such notes are of use or not; nobody else reads them.
    fn of(file: &Path) -> Self {
        let notes = fs::read_to_string(file).ok();
        let found = notes.and_then(|notes| serde_json::from_str(&notes).ok());
        found.unwrap_or_default()
    }
}

/// The paths of a pair's images.
fn images(pair: &PairInput) -> impl Iterator<Item = PathBuf> {
    let files = pair.images().flat_map(ImageInput::files);
    files.filter_map(|image| match image {
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

/// What earlier runs measured: the results, and above them what an unfinished run left.
fn earlier(folder: &Path, unfinished: &Unfinished) -> Result<BTreeMap<String, Measured>, CliError> {
    let mut known = BTreeMap::new();
    let file = folder.join(RESULTS);
    if file.exists() {
        known = StudyResults::parse(&text(&file)?, &shown(&file))?.measured;
    }
    known.extend(unfinished.measured.clone());
    Ok(known)
}
