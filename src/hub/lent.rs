//! A tokenizer that another repository lends: nanoVLM's checkpoints name it in `config.json`.

use super::{FetchPlan, HubError, Listing, PlannedFile, Refusal, RepoFile, RepoId};
use crate::weights::packaging::tokenizer_named_in;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
/// What belongs to a tokenizer.
const LENT: [&str; 3] = [
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
];
/// Longest configuration that is read before anything is fetched.
const LONGEST_CONFIG: u64 = 1 << 20;

/// What a plan says of a repository without a tokenizer.
pub(super) const NO_TOKENIZER: &str =
    "the repository has no tokenizer.json, without which texts cannot be prepared";

impl FetchPlan {
    /// The configuration of a repository without a tokenizer, which may name another one that has it.
    pub fn config_without_tokenizer(&self) -> Option<&PlannedFile> {
        let named = |name: &str| {
            let mut files = self.files.iter();
            files.find(|planned| planned.file.path == name)
        };
        let is_lacking = self.notes.iter().any(|note| note == NO_TOKENIZER);
        let config = named(CONFIG).filter(|config| config.file.size <= LONGEST_CONFIG);
        config.filter(|_| is_lacking)
    }

    /// The repository that a configuration names; none where it names none that a hub could have.
    pub fn lender(config: &[u8]) -> Option<RepoId> {
        let config = std::str::from_utf8(config).ok()?;
        let id: RepoId = tokenizer_named_in(config)?.parse().ok()?;
        id.file().is_none().then_some(id)
    }

    /// Adds the tokenizer of another repository.
    ///
    /// # Errors
    /// [`Refusal::NoCheckpoint`] where that has none either.
    pub fn lend(&mut self, lender: &RepoId, listing: &Listing) -> Result<(), HubError> {
        let files = listing.files.iter();
        let lent: Vec<RepoFile> = files
            .filter(|file| LENT.contains(&&*file.path))
            .cloned()
            .collect();
        if !lent.iter().any(|file| file.path == TOKENIZER) {
            return Err(self.not_lent(
                lender,
                Refusal::NoCheckpoint {
                    expected: "the tokenizer that config.json names",
                    found: "a repository without tokenizer.json".to_owned(),
                    advice: "put a tokenizer.json beside config.json in a folder of your own",
                },
            ));
        }
        // What the repository has itself counts.
        let own = |file: &RepoFile| self.files.iter().any(|own| own.file.path == file.path);
        let lent = lent.into_iter().filter(|file| !own(file));
        let lent: Vec<PlannedFile> = lent
            .map(|file| PlannedFile {
                file,
                here: 0,
                lender: Some(Lender {
                    id: lender.clone(),
                    commit: listing.commit.clone(),
                }),
            })
            .collect();
        self.files.splice(0..0, lent);
        self.notes.retain(|note| note != NO_TOKENIZER);
        self.notes.push(format!(
            "the tokenizer is that of {lender}, which config.json names"
        ));
        Ok(())
    }

    /// Why a tokenizer cannot be had.
    pub fn not_lent(&self, lender: &RepoId, refusal: Refusal) -> HubError {
        HubError::of(&self.id, &format!("{TOKENIZER} of {lender}"), refusal)
    }
}

/// Another repository that has a file of a plan.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lender {
    /// The repository.
    pub id: RepoId,
    /// The commit that is fetched: 40 digits.
    pub commit: String,
}
