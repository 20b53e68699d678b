//! Fetching in a page: the browser's own means, driven from here.

use wasm_bindgen::prelude::wasm_bindgen;

use super::{
    FetchPlan, FileHash, FileHasher, HubError, Listing, PlannedFile, Refusal, RepoFile, RepoId,
    api_path, check_content, resolve_path,
};
use crate::platform::{
    FilePlace, PickedFile,
    web::{Fault, HubFile, hub_address, hub_answer, hub_fetch, hub_here},
};

/// What the page keeps its files in.
const PLACE: &str = "the browser's storage for this page";

/// A hash that is added up while a file comes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Hasher(FileHasher);

#[wasm_bindgen]
impl Hasher {
    /// For a file of so many bytes; `kind` is `sha256` or `git-blob`.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: &str, bytes: f64) -> Self {
        let kind = match kind {
            "git-blob" => FileHash::GitBlob(String::new()),
            _ => FileHash::Sha256(String::new()),
        };
        Self(FileHasher::new(&kind, bytes as u64))
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digits of the hash of all bytes.
    pub fn finish(self) -> String {
        self.0.finish().digits().to_owned()
    }
}

/// What lies in the place of a file of `bytes` bytes with this beginning; nothing where it may be the file.
#[wasm_bindgen(js_name = standIn)]
pub fn stand_in(bytes: f64, beginning: &[u8]) -> Option<String> {
    match check_content(bytes as u64, beginning) {
        Err(Refusal::StandIn { found }) => Some(found),
        _ => None,
    }
}

fn file_of(plan: &FetchPlan, planned: &PlannedFile) -> HubFile {
    let (file, (id, commit)) = (&planned.file, plan.home(planned));
    HubFile {
        address: resolve_path(id, commit, &file.path),
        bytes: file.size,
        digits: file.hash.digits().to_owned(),
        kind: match file.hash {
            FileHash::Sha256(_) => "sha256",
            FileHash::GitBlob(_) => "git-blob",
        },
    }
}

/// What would be fetched of a repository, and how much of it is here.
///
/// # Errors
/// The hub cannot be asked, or the repository holds no checkpoint.
pub async fn plan(id: &RepoId, offline: bool) -> Result<FetchPlan, HubError> {
    let mut plan = FetchPlan::new(id, listing(id, offline).await?)?;
    lend(&mut plan, offline).await?;
    let files = plan.files.iter();
    let files: Vec<HubFile> = files.map(|planned| file_of(&plan, planned)).collect();
    let here = hub_here(&files).await;
    let here = here.map_err(|fault| HubError::new(id, refusal(fault, None)))?;
    for (planned, here) in plan.files.iter_mut().zip(here) {
        planned.here = here.min(planned.file.size);
    }
    Ok(plan)
}

async fn listing(id: &RepoId, offline: bool) -> Result<Listing, HubError> {
    let name = format!("list of {}", id.to_string().replace('/', "--"));
    let answer = hub_answer(&api_path(id), &name, offline).await;
    let answer = answer.map_err(|fault| HubError::new(id, refusal(fault, None)))?;
    Listing::parse(id, &answer)
}

/// Adds the tokenizer of the repository that a configuration names, where a plan lacks one.
async fn lend(plan: &mut FetchPlan, offline: bool) -> Result<(), HubError> {
    let Some(config) = plan.config_without_tokenizer() else {
        return Ok(());
    };
    let (file, id) = (config.file.clone(), plan.id.clone());
    let address = resolve_path(&id, &plan.commit, &file.path);
    let name = format!("config {}", file.hash.digits());
    let answer = hub_answer(&address, &name, offline).await;
    let answer =
        answer.map_err(|fault| HubError::of(&id, &file.path, refusal(fault, Some(&file))))?;
    let Some(lender) = FetchPlan::lender(&answer) else {
        return Ok(());
    };
    let listing = listing(&lender, offline).await;
    let listing = listing.map_err(|error| plan.not_lent(&lender, error.refusal))?;
    plan.lend(&lender, &listing)
}

/// Fetches what is not here; `progress` hears the bytes that are here of all files, and which one is on its
/// way. The files are those of a snapshot in the hub's own cache, by their paths.
///
/// # Errors
/// A file cannot be had; none that came in part is ever used.
pub async fn fetch(
    plan: &FetchPlan,
    offline: bool,
    progress: &mut dyn FnMut(u64, &str),
) -> Result<Vec<PickedFile>, HubError> {
    let id = &plan.id;
    if offline && plan.missing() > 0 {
        let found = "only some of them";
        let place = PLACE.to_owned();
        return Err(HubError::new(id, Refusal::NotHere { place, found }));
    }
    let mut files = Vec::new();
    let mut before = 0;
    for planned in &plan.files {
        let file = &planned.file;
        let wanted = file_of(plan, planned);
        let number = hub_fetch(&wanted, |bytes| progress(before + bytes, &file.path));
        let number = number.await.map_err(|fault| {
            let (id, _) = plan.home(planned);
            HubError::of(id, &file.path, refusal(fault, Some(file)))
        })?;
        before += file.size;
        progress(before, &file.path);
        files.push(plan.picked(file, FilePlace::Page(number)));
    }
    Ok(files)
}

/// What a fault means, of the list of files or of one of them.
fn refusal(fault: Fault, file: Option<&RepoFile>) -> Refusal {
    let place = || PLACE.to_owned();
    let expected = file.map_or(0, |file| file.size);
    // The address is the page's own or a tester's: it holds no user and no token.
    let address = hub_address();
    let host = address.split("//").last().unwrap_or_default().to_owned();
    match fault {
        Fault::Status { status, code, wait } => {
            let about = if file.is_some() { "file" } else { "repository" };
            Refusal::of_status(status, code.as_deref(), wait.as_deref(), about, false)
                .unwrap_or(Refusal::Status { status })
        }
        Fault::Network { reason } => Refusal::NoNetwork { host, reason },
        Fault::Silent { seconds } => Refusal::TimedOut {
            host,
            seconds: seconds as u64,
        },
        Fault::Truncated { found, tries } => Refusal::Truncated {
            expected,
            found: found as u64,
            tries,
        },
        Fault::Length { found } => Refusal::Length {
            expected,
            found: found as u64,
        },
        Fault::Range { found } => Refusal::Range {
            expected: found as u64,
        },
        Fault::Changed => Refusal::Changed,
        Fault::Hash { found } => Refusal::Hash {
            kind: file.map_or("hash", |file| file.hash.kind()),
            expected: file.map_or_else(String::new, |file| file.hash.digits().to_owned()),
            found,
        },
        Fault::StandIn { found } => Refusal::StandIn { found },
        Fault::Full => Refusal::DiskFull { place: place() },
        Fault::NoRoom { needed, free } => Refusal::NoRoom {
            place: place(),
            needed: needed as u64,
            free: free as u64,
        },
        Fault::Busy => Refusal::Busy,
        Fault::NothingKept => Refusal::NotHere {
            place: place(),
            found: "no list of them",
        },
        Fault::Cache { reason } => Refusal::Cache {
            place: place(),
            reason,
        },
        Fault::Cancelled => Refusal::Cancelled,
    }
}
