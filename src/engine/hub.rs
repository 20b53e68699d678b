//! Checkpoints of a model hub: what they would fetch, and fetching them.

use std::path::{Path, PathBuf};

use super::{EngineError, FetchPlan, HubModel, ModelSource, Place, news::News};
use crate::hub::{HubError, Refusal};

/// What would be fetched of a repository.
///
/// # Errors
/// [`EngineError::Hub`] where the hub cannot be asked, or the repository holds no checkpoint.
pub(super) async fn plan(model: &HubModel, news: &mut News<'_>) -> Result<FetchPlan, EngineError> {
    news.check()?;
    Ok(client::plan(model, news)?)
}

/// The same checkpoint after whatever it lacks was fetched: what was on a hub lies in folders then.
///
/// # Errors
/// [`EngineError::Hub`] where a file cannot be had; no file that came in part is ever used.
pub(super) async fn local(
    source: ModelSource,
    news: &mut News<'_>,
) -> Result<ModelSource, EngineError> {
    Ok(match source {
        ModelSource::Hub(model) => ModelSource::Folder(fetched(&model, news)?),
        ModelSource::Assembled {
            base,
            tower,
            connector,
        } => ModelSource::Assembled {
            base: at_hand(base, news)?,
            tower: tower.map(|tower| at_hand(tower, news)).transpose()?,
            connector,
        },
        other => other,
    })
}

/// The folder of a place after [`local`].
pub(super) fn folder(place: &Place) -> Result<&Path, EngineError> {
    match place {
        Place::Folder(folder) => Ok(folder),
        Place::Hub(model) => Err(not_fetched(model)),
    }
}

/// A repository where only folders can be.
pub(super) fn not_fetched(model: &HubModel) -> EngineError {
    HubError::new(&model.id, Refusal::NotBuilt).into()
}

fn at_hand(place: Place, news: &mut News<'_>) -> Result<Place, EngineError> {
    match place {
        Place::Hub(model) => Ok(Place::Folder(fetched(&model, news)?)),
        folder @ Place::Folder(_) => Ok(folder),
    }
}

/// The folder in the cache that holds a repository's checkpoint, complete and compared.
fn fetched(model: &HubModel, news: &mut News<'_>) -> Result<PathBuf, EngineError> {
    news.check()?;
    let plan = client::plan(model, news)?;
    news.note_all(plan.notes.iter().map(|note| format!("{}: {note}", plan.id)));
    Ok(client::fetch(&plan, news)?)
}

/// With a client.
#[cfg(all(feature = "hub", not(target_arch = "wasm32")))]
mod client {
    use super::{FetchPlan, HubError, HubModel, News, PathBuf};
    use crate::{
        engine::{Stage, news::Told},
        hub::native::Client,
    };

    pub(super) fn plan(model: &HubModel, news: &News<'_>) -> Result<FetchPlan, HubError> {
        match model.offline {
            true => Client::offline(&model.id)?.plan(&model.id, news.cancel),
            false => Client::from_environment(&model.id)?.plan(&model.id, news.cancel),
        }
    }

    pub(super) fn fetch(plan: &FetchPlan, news: &mut News<'_>) -> Result<PathBuf, HubError> {
        let cancel = news.cancel;
        let mut told = Told::default();
        Client::from_environment(&plan.id)?.fetch(plan, cancel, &mut |done, file| {
            told.tell(news, Stage::Fetch, done, plan.total(), file);
        })
    }
}

/// Without one.
#[cfg(not(all(feature = "hub", not(target_arch = "wasm32"))))]
mod client {
    use super::{FetchPlan, HubError, HubModel, News, PathBuf, Refusal};

    pub(super) fn plan(model: &HubModel, _news: &News<'_>) -> Result<FetchPlan, HubError> {
        Err(HubError::new(&model.id, Refusal::NotBuilt))
    }

    pub(super) fn fetch(plan: &FetchPlan, _news: &mut News<'_>) -> Result<PathBuf, HubError> {
        Err(HubError::new(&plan.id, Refusal::NotBuilt))
    }
}
