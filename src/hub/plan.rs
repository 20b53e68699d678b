//! What would be fetched, before it is.

use serde::{Deserialize, Serialize};

use super::{HubError, Lender, Listing, RepoFile, RepoId, Wanted, wanted};
use crate::{
    platform::{FilePlace, PickedFile},
    weights::gguf::{is_gguf, is_projector},
};

/// The files of a checkpoint on a hub, with what there is to know before they are fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchPlan {
    /// The repository.
    pub id: RepoId,
    /// The commit that is fetched: 40 digits.
    pub commit: String,
    /// The licence as the repository names it; none where it names none.
    pub licence: Option<String>,
    /// Whether access has to be asked for first.
    pub gated: bool,
    /// The files, in the order in which they are fetched: small ones first.
    pub files: Vec<PlannedFile>,
    /// Choices that were made, and what is missing.
    pub notes: Vec<String>,
}

/// A file of a [`FetchPlan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// The file.
    #[serde(flatten)]
    pub file: RepoFile,
    /// Bytes of it that are here already: all of them, or those of a download that was interrupted.
    pub here: u64,
    /// The repository that has it, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lender: Option<Lender>,
}

impl PlannedFile {
    /// Its path, and the repository where that is another one.
    pub fn name(&self) -> String {
        match &self.lender {
            Some(lender) => format!("{} of {}", self.file.path, lender.id),
            None => self.file.path.clone(),
        }
    }
}

impl FetchPlan {
    /// What a repository's files say about a checkpoint in it.
    ///
    /// # Errors
    /// [`super::Refusal::NoCheckpoint`] where there is none that can be read.
    pub fn new(id: &RepoId, listing: Listing) -> Result<Self, HubError> {
        let Wanted { mut files, notes } =
            wanted(id, &listing.files).map_err(|refusal| HubError::new(id, refusal))?;
        // Whatever is wrong with the small ones shows before the weights are fetched.
        files.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
        let files = files.into_iter().map(|file| PlannedFile {
            file,
            here: 0,
            lender: None,
        });
        Ok(Self {
            id: id.clone(),
            commit: listing.commit,
            licence: listing.licence,
            gated: listing.gated,
            files: files.collect(),
            notes,
        })
    }

    /// The repository and the commit that have one of its files.
    pub fn home<'a>(&'a self, planned: &'a PlannedFile) -> (&'a RepoId, &'a str) {
        match &planned.lender {
            Some(lender) => (&lender.id, &lender.commit),
            None => (&self.id, &self.commit),
        }
    }

    /// The model's file, where the checkpoint is one in GGUF format.
    pub fn gguf(&self) -> Option<&RepoFile> {
        let mut files = self.files.iter().map(|planned| &planned.file);
        files.find(|file| is_gguf(&file.path) && !is_projector(&file.path))
    }

    /// What a report calls the checkpoint.
    pub fn name(&self) -> String {
        let gguf = self.gguf().map(|file| name_in_folder(&file.path));
        self.id.at(&self.commit, gguf)
    }

    /// The path of one of its files as seen from the checkpoint's folder.
    pub fn seen_as<'a>(&self, file: &'a RepoFile) -> &'a str {
        match self.gguf() {
            // A model and its vision part lie beside each other.
            Some(_) => name_in_folder(&file.path),
            None => &file.path,
        }
    }

    /// One of its files that lies at `place`, as one chosen from a snapshot in the hub's own cache.
    pub fn picked(&self, file: &RepoFile, place: FilePlace) -> PickedFile {
        let (owner, name) = (self.id.owner(), self.id.name());
        let (commit, seen_as) = (&self.commit, self.seen_as(file));
        PickedFile {
            path: format!("models--{owner}--{name}/snapshots/{commit}/{seen_as}"),
            size: file.size,
            place,
        }
    }

    /// Bytes of all files.
    pub fn total(&self) -> u64 {
        let sizes = self.files.iter().map(|planned| planned.file.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Bytes that are here already.
    pub fn here(&self) -> u64 {
        let here = self.files.iter().map(|planned| planned.here);
        here.fold(0, u64::saturating_add)
    }

    /// Bytes that would be fetched.
    pub fn missing(&self) -> u64 {
        self.total().saturating_sub(self.here())
    }
}

/// The last part of a path.
pub(super) fn name_in_folder(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
