//! Fetching natively, into the cache that the hub's own tools use.
//!
//! Layout and token come from `hf-hub`; the transfer is our own. That crate's downloads (0.5 and 1.0
//! alike) begin anew after an interruption, compare no hash, know no limit of time and cannot be stopped;
//! 1.0 also needs an asynchronous runtime and some 280 crates.

mod cache;
mod request;
mod settings;
mod transfer;
mod wait;

use std::{io::Read, path::PathBuf};

use super::{FetchPlan, HubError, Listing, MAX_LISTING, Refusal, RepoId, api_path};
use crate::platform::Cancel;
use cache::Shelf;
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

    /// As these variables say instead of those of the process.
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

    /// What would be fetched, and what of it is here. Blocks until the hub answers, half a minute at most.
    ///
    /// # Errors
    /// The hub cannot be asked, does not show the repository, or it holds no checkpoint; offline, not all
    /// of it is here.
    pub fn plan(&self, id: &RepoId, cancel: &Cancel) -> Result<FetchPlan, HubError> {
        let shelf = Shelf::new(&self.settings.cache, id);
        let listing = match self.settings.offline {
            true => {
                let (commit, files) = shelf.stored(id)?;
                Listing {
                    commit,
                    files,
                    licence: None,
                    gated: false,
                }
            }
            false => self.listing(id, cancel)?,
        };
        let mut plan = FetchPlan::new(id, listing).map_err(|error| match error.refusal {
            Refusal::NoCheckpoint { .. } if self.settings.offline => {
                let place = self.settings.cache.path().display().to_string();
                let found = "only some of them";
                HubError::new(id, Refusal::NotHere { place, found })
            }
            _ => error,
        })?;
        for planned in &mut plan.files {
            planned.here = match self.settings.offline {
                true => planned.file.size,
                false => shelf.here(&plan.commit, &planned.file),
            };
        }
        Ok(plan)
    }

    /// What the hub says of the repository.
    fn listing(&self, id: &RepoId, cancel: &Cancel) -> Result<Listing, HubError> {
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

    /// Fetches what a plan lacks, and returns the folder with its files. `progress` hears how many bytes of
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
    ) -> Result<PathBuf, HubError> {
        let refused = |refusal| HubError::new(&plan.id, refusal);
        let shelf = Shelf::new(&self.settings.cache, &plan.id);
        let snapshot = shelf.snapshot(&plan.commit);
        let mut files: Vec<_> = plan.files.iter().map(|planned| &planned.file).collect();
        if files.iter().all(|file| shelf.is_linked(&plan.commit, file)) {
            // Also where nothing may be written.
            return Ok(snapshot);
        }
        shelf.check_room(&plan.files).map_err(refused)?;
        let requester = Requester::new(&self.settings).map_err(refused)?;
        let mut before = 0;
        for file in &files {
            let of_file = |refusal| HubError::of(&plan.id, &file.path, refusal);
            if !shelf.has(file) && shelf.is_linked(&plan.commit, file) {
                before += file.size;
                continue;
            }
            progress(before, &file.path);
            let transfer = Transfer {
                requester: &requester,
                shelf: &shelf,
                plan,
                file,
                stall: self.settings.stall,
                cancel,
            };
            let run = transfer.run(&mut |done| progress(before + done, &file.path));
            run.map_err(of_file)?;
            before += file.size;
        }
        // A snapshot shows nothing before all of it is there, and counts once it has its configuration.
        files.sort_by_key(|file| (file.path == "config.json", file.path.ends_with(".json")));
        for file in files {
            let linked = shelf.link(&plan.commit, file);
            linked.map_err(|refusal| HubError::of(&plan.id, &file.path, refusal))?;
        }
        shelf.keep_ref(&plan.commit).map_err(refused)?;
        Ok(snapshot)
    }
}
