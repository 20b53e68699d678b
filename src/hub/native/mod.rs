//! Fetching natively.

use std::path::PathBuf;

use super::{FetchPlan, HubError, Refusal, RepoId};
use crate::platform::Cancel;

/// Asks a hub, and keeps files in its cache.
#[derive(Debug)]
pub struct Client;

impl Client {
    /// As the environment says.
    ///
    /// # Errors
    /// A variable cannot be used.
    pub fn from_environment(_id: &RepoId) -> Result<Self, HubError> {
        Ok(Self)
    }

    /// As the environment says, without a network.
    ///
    /// # Errors
    /// A variable cannot be used.
    pub fn offline(_id: &RepoId) -> Result<Self, HubError> {
        Ok(Self)
    }

    /// What would be fetched.
    ///
    /// # Errors
    /// The hub cannot be asked.
    pub fn plan(&self, id: &RepoId, _cancel: &Cancel) -> Result<FetchPlan, HubError> {
        Err(HubError::new(id, Refusal::NotBuilt))
    }

    /// Fetches it.
    ///
    /// # Errors
    /// A file cannot be had.
    pub fn fetch(
        &self,
        plan: &FetchPlan,
        _cancel: &Cancel,
        _progress: &mut dyn FnMut(u64, &str),
    ) -> Result<PathBuf, HubError> {
        Err(HubError::new(&plan.id, Refusal::NotBuilt))
    }
}
