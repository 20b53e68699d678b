//! What would be fetched, before it is.

use serde::{Deserialize, Serialize};

use super::{HubError, Listing, RepoFile, RepoId, Wanted, wanted};

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
}

impl FetchPlan {
    /// What a repository's files say about a checkpoint in it.
    ///
    /// # Errors
    /// [`super::Refusal::NoCheckpoint`] where there is none that can be read.
    pub fn new(id: &RepoId, listing: Listing) -> Result<Self, HubError> {
        let Wanted { mut files, notes } =
            wanted(&listing.files).map_err(|refusal| HubError::new(id, refusal))?;
        // Whatever is wrong with the small ones shows before the weights are fetched.
        files.sort_by(|a, b| (a.size, &a.path).cmp(&(b.size, &b.path)));
        let files = files.into_iter().map(|file| PlannedFile { file, here: 0 });
        Ok(Self {
            id: id.clone(),
            commit: listing.commit,
            licence: listing.licence,
            gated: listing.gated,
            files: files.collect(),
            notes,
        })
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
