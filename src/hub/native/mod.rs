//! Fetching natively, into the cache that the hub's own tools use.
//!
//! Layout and token come from `hf-hub`; the transfer is our own. That crate's downloads (0.5 and 1.0
//! alike) begin anew after an interruption, compare no hash, know no limit of time and cannot be stopped;
//! 1.0 also needs an asynchronous runtime and some 280 crates.

mod answer;
mod cache;
mod remote;
mod request;
mod settings;
mod transfer;
mod wait;

use std::io::Read;

use super::{FetchPlan, HubError, Listing, MAX_LISTING, PlannedFile, Refusal, RepoId, api_path};
use crate::platform::{Cancel, FilePlace, PickedFile};
use cache::Shelf;
use remote::RemoteFile;
pub use remote::RemoteSource;
use request::Requester;
use settings::Settings;
use transfer::Transfer;
use wait::{Patience, aside};

/// Asks a hub, and keeps files in its cache.
pub struct Client {
    settings: Settings,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("offline", &self.settings.offline)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// As the environment says: `HF_ENDPOINT`, `HF_TOKEN` or the file that a login has written, `HF_HOME`
    /// or `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_HUB_ETAG_TIMEOUT` (seconds for an answer),
    /// `HF_HUB_DOWNLOAD_TIMEOUT` (seconds without a byte), `SSL_CERT_FILE`, and the variables of proxies.
    ///
    /// # Errors
    /// [`Refusal::Setting`] where one of them cannot be used.
    pub fn from_environment(id: &RepoId) -> Result<Self, HubError> {
        let settings = Settings::from_environment();
        let settings = settings.map_err(|refusal| HubError::new(id, refusal))?;
        Ok(Self { settings })
    }

    /// As [`Client::from_environment`], but the hub, its cache and its patience are those that `variable` tells;
    /// certificates and proxies stay those of the process.
    ///
    /// # Errors
    /// As [`Client::from_environment`].
    pub fn with_variables(
        id: &RepoId,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, HubError> {
        let settings = Settings::new(variable);
        let settings = settings.map_err(|refusal| HubError::new(id, refusal))?;
        Ok(Self { settings })
    }

    /// The same, without opening a connection.
    ///
    /// # Errors
    /// As [`Client::from_environment`].
    pub fn offline(id: &RepoId) -> Result<Self, HubError> {
        let mut client = Self::from_environment(id)?;
        client.settings.offline = true;
        Ok(client)
    }

    /// What would be fetched, and what of it is here. Blocks until the hub answers or its patience ends: half a
    /// minute at most where the environment asks for no other.
    ///
    /// # Errors
    /// The hub cannot be asked, does not show the repository, or it holds no checkpoint; offline, not all
    /// of it is here.
    pub fn plan(&self, id: &RepoId, cancel: &Cancel) -> Result<FetchPlan, HubError> {
        let listing = self.listing(id, cancel)?;
        let mut plan = FetchPlan::new(id, listing).map_err(|error| match error.refusal {
            Refusal::NoCheckpoint { .. } if self.settings.offline => {
                let place = self.settings.cache.path().display().to_string();
                let found = "only some of them";
                HubError::new(id, Refusal::NotHere { place, found })
            }
            _ => error,
        })?;
        self.lend(&mut plan, cancel)?;
        let here = |planned: &PlannedFile| {
            let (id, commit) = plan.home(planned);
            self.shelf(id).here(commit, &planned.file)
        };
        let here: Vec<u64> = plan.files.iter().map(here).collect();
        for (planned, here) in plan.files.iter_mut().zip(here) {
            planned.here = match self.settings.offline {
                true => planned.file.size,
                false => here,
            };
        }
        Ok(plan)
    }

    fn shelf(&self, id: &RepoId) -> Shelf {
        Shelf::new(&self.settings.cache, id)
    }

    /// Adds the tokenizer of the repository that a configuration names, where a plan lacks one.
    fn lend(&self, plan: &mut FetchPlan, cancel: &Cancel) -> Result<(), HubError> {
        let Some(config) = plan.config_without_tokenizer() else {
            return Ok(());
        };
        let path = config.file.path.clone();
        let config = self.remote(plan, cancel)?.described(&path)?;
        let Some(lender) = FetchPlan::lender(&config) else {
            return Ok(());
        };
        let listing = self.listing(&lender, cancel);
        let listing = listing.map_err(|error| plan.not_lent(&lender, error.refusal))?;
        plan.lend(&lender, &listing)
    }

    /// What there is in the repository: by the hub, or offline in the cache.
    fn listing(&self, id: &RepoId, cancel: &Cancel) -> Result<Listing, HubError> {
        if self.settings.offline {
            let (commit, files) = self.shelf(id).stored(id)?;
            return Ok(Listing {
                commit,
                files,
                licence: None,
                gated: false,
            });
        }
        let refused = |refusal| HubError::new(id, refusal);
        let requester = Requester::new(&self.settings).map_err(refused)?;
        let (path, answer) = (api_path(id), self.settings.answer);
        let about = match id.to_string().contains('@') {
            true => "repository or revision",
            false => "repository",
        };
        let mut patience = Patience::new(answer * 3 / 2);
        loop {
            let (requester, path) = (requester.clone(), path.clone());
            let read = aside(cancel, answer * 3 / 2, move || {
                let answer = requester.get(&path, None, about)?;
                let mut bytes = Vec::new();
                let host = answer.host;
                let read = answer.body.take(MAX_LISTING + 1).read_to_end(&mut bytes);
                read.map_err(|_| Refusal::NoNetwork {
                    host,
                    reason: "the connection broke".to_owned(),
                })?;
                Ok(bytes)
            });
            match read {
                Ok(bytes) if bytes.len() as u64 > MAX_LISTING => {
                    let expected = "the repository's list of files";
                    let found = "an answer without end".to_owned();
                    return Err(refused(Refusal::Answer { expected, found }));
                }
                Ok(bytes) => return Listing::parse(id, &bytes),
                Err(refusal) => patience.after(refusal, cancel).map_err(refused)?,
            }
        }
    }

    /// The files of a plan where they are: those that are complete in the cache there, of all others what is
    /// asked for, without keeping any of it.
    ///
    /// # Errors
    /// [`Refusal::Setting`].
    pub fn remote(&self, plan: &FetchPlan, cancel: &Cancel) -> Result<RemoteSource, HubError> {
        let requester = Requester::new(&self.settings);
        let requester = requester.map_err(|refusal| HubError::new(&plan.id, refusal))?;
        let file = |planned: &PlannedFile| {
            let (id, commit) = plan.home(planned);
            let file = planned.file.clone();
            let here = self.shelf(id).content(commit, &file);
            let here = here.map(|path| plan.picked(&file, FilePlace::Disk(path)));
            let seen_as = plan.seen_as(&file).to_owned();
            let (id, commit) = (id.clone(), commit.to_owned());
            let file = RemoteFile {
                id,
                commit,
                file,
                here,
            };
            (seen_as, file)
        };
        Ok(RemoteSource::new(
            plan.id.to_string(),
            plan.files.iter().map(file).collect(),
            (requester, self.settings.stall),
            cancel,
        ))
    }

    /// Fetches what a plan lacks, and returns its files, as chosen from the hub's cache. `progress` hears how many bytes of
    /// all are there, and the file under way.
    ///
    /// # Errors
    /// A file cannot be had, or the disk has no room. What has come is kept and gone on with the next time;
    /// nothing of it lies in a place where anybody would take it for a file.
    pub fn fetch(
        &self,
        plan: &FetchPlan,
        cancel: &Cancel,
        progress: &mut dyn FnMut(u64, &str),
    ) -> Result<Vec<PickedFile>, HubError> {
        let refused = |refusal| HubError::new(&plan.id, refusal);
        let shelves = plan.files.iter().map(|planned| {
            let (id, commit) = plan.home(planned);
            (self.shelf(id), id, commit, planned)
        });
        let mut shelves: Vec<_> = shelves.collect();
        let fetched = || {
            let files = plan.files.iter().map(|planned| {
                let (id, commit) = plan.home(planned);
                let place = self.shelf(id).snapshot(commit).join(&planned.file.path);
                plan.picked(&planned.file, FilePlace::Disk(place))
            });
            files.collect()
        };
        let mut all = shelves.iter();
        if all.all(|(shelf, _, commit, planned)| shelf.is_linked(commit, &planned.file)) {
            // Also where nothing may be written.
            return Ok(fetched());
        }
        let own = self.shelf(&plan.id);
        own.check_room(&plan.files).map_err(refused)?;
        let requester = Requester::new(&self.settings).map_err(refused)?;
        // From what is here already, so that a rate counts only what comes.
        let mut done = plan.here();
        for (shelf, id, commit, planned) in &shelves {
            let file = &planned.file;
            progress(done, &file.path);
            done = done.saturating_sub(planned.here);
            if !shelf.has(file) && !shelf.is_linked(commit, file) {
                let transfer = Transfer {
                    requester: &requester,
                    shelf,
                    id,
                    commit,
                    file,
                    stall: self.settings.stall,
                    cancel,
                };
                let run = transfer.run(&mut |len| progress(done + len, &file.path));
                run.map_err(|refusal| HubError::of(id, &file.path, refusal))?;
            }
            done += file.size;
            progress(done, &file.path);
        }
        // A snapshot shows nothing before all of it is there, and counts once it has its configuration; what
        // others lend is there before.
        shelves.sort_by_key(|(_, _, _, planned)| {
            let file = &planned.file;
            let is_gguf = plan.gguf() == Some(file);
            (
                planned.lender.is_none(),
                file.path == "config.json" || is_gguf,
                file.path.ends_with(".json"),
            )
        });
        for (shelf, id, commit, planned) in shelves {
            let linked = shelf.link(commit, &planned.file);
            let linked = linked.and_then(|()| match planned.lender {
                Some(_) => shelf.keep_ref(commit),
                None => Ok(()),
            });
            linked.map_err(|refusal| HubError::of(id, &planned.file.path, refusal))?;
        }
        own.keep_ref(&plan.commit).map_err(refused)?;
        Ok(fetched())
    }
}
