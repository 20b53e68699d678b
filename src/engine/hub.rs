//! Checkpoints of a model hub: what they would fetch, and fetching them.

use std::path::{Path, PathBuf};

use super::{EngineError, FetchPlan, HubModel, ModelSource, Place, news::News};
use crate::{
    hub::{HubError, Refusal},
    platform::PickedFile,
};

/// What would be fetched of a repository.
///
/// # Errors
/// [`EngineError::Hub`] where the hub cannot be asked, or the repository holds no checkpoint.
pub(super) async fn plan(model: &HubModel, news: &mut News<'_>) -> Result<FetchPlan, EngineError> {
    news.check()?;
    Ok(client::plan(model, news).await?)
}

/// The same checkpoint after whatever it lacks was fetched: what was on a hub lies in folders then, or in files
/// of the page.
///
/// # Errors
/// [`EngineError::Hub`] where a file cannot be had; no file that came in part is ever used.
pub(super) async fn local(
    source: ModelSource,
    news: &mut News<'_>,
) -> Result<ModelSource, EngineError> {
    Ok(match source {
        ModelSource::Hub(model) => fetched(&model, news).await?.into(),
        ModelSource::Assembled {
            base,
            tower,
            connector,
        } => ModelSource::Assembled {
            base: at_hand(base, news).await?,
            tower: match tower {
                Some(tower) => Some(at_hand(tower, news).await?),
                None => None,
            },
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

async fn at_hand(place: Place, news: &mut News<'_>) -> Result<Place, EngineError> {
    match place {
        Place::Hub(model) => match fetched(&model, news).await? {
            Fetched::Folder(folder) => Ok(Place::Folder(folder)),
            Fetched::Files(_) => Err(not_fetched(&model)),
        },
        folder @ Place::Folder(_) => Ok(folder),
    }
}

/// Where a repository's checkpoint lies, complete and compared.
enum Fetched {
    /// In a folder of the hub's cache.
    #[cfg_attr(any(target_arch = "wasm32", not(feature = "hub")), expect(dead_code))]
    Folder(PathBuf),
    /// In files of a page.
    #[cfg_attr(not(all(feature = "app", target_arch = "wasm32")), expect(dead_code))]
    Files(Vec<PickedFile>),
}

impl From<Fetched> for ModelSource {
    fn from(fetched: Fetched) -> Self {
        match fetched {
            Fetched::Folder(folder) => Self::Folder(folder),
            Fetched::Files(files) => Self::Picked(files),
        }
    }
}

async fn fetched(model: &HubModel, news: &mut News<'_>) -> Result<Fetched, EngineError> {
    news.check()?;
    let plan = client::plan(model, news).await?;
    news.note_all(plan.notes.iter().map(|note| format!("{}: {note}", plan.id)));
    Ok(client::fetch(model, &plan, news).await?)
}

/// With a client of its own.
#[cfg(all(feature = "hub", not(target_arch = "wasm32")))]
mod client {
    use super::{FetchPlan, Fetched, HubError, HubModel, News};
    use crate::{
        engine::{Stage, news::Told},
        hub::native::Client,
    };

    pub(super) async fn plan(model: &HubModel, news: &News<'_>) -> Result<FetchPlan, HubError> {
        match model.offline {
            true => Client::offline(&model.id)?.plan(&model.id, news.cancel),
            false => Client::from_environment(&model.id)?.plan(&model.id, news.cancel),
        }
    }

    pub(super) async fn fetch(
        _model: &HubModel,
        plan: &FetchPlan,
        news: &mut News<'_>,
    ) -> Result<Fetched, HubError> {
        let cancel = news.cancel;
        let mut told = Told::default();
        let folder =
            Client::from_environment(&plan.id)?.fetch(plan, cancel, &mut |done, file| {
                told.tell(news, Stage::Fetch, done, plan.total(), file);
            })?;
        Ok(Fetched::Folder(folder))
    }
}

/// With the page's means.
#[cfg(all(feature = "app", target_arch = "wasm32"))]
mod client {
    use super::{FetchPlan, Fetched, HubError, HubModel, News};
    use crate::{
        engine::{Stage, news::Told},
        hub::page,
    };

    pub(super) async fn plan(model: &HubModel, _news: &News<'_>) -> Result<FetchPlan, HubError> {
        page::plan(&model.id, model.offline).await
    }

    pub(super) async fn fetch(
        model: &HubModel,
        plan: &FetchPlan,
        news: &mut News<'_>,
    ) -> Result<Fetched, HubError> {
        let mut told = Told::default();
        let mut progress =
            |done, file: &str| told.tell(news, Stage::Fetch, done, plan.total(), file);
        let files = page::fetch(plan, model.offline, &mut progress).await?;
        Ok(Fetched::Files(files))
    }
}

/// Without any.
#[cfg(not(any(
    all(feature = "hub", not(target_arch = "wasm32")),
    all(feature = "app", target_arch = "wasm32")
)))]
mod client {
    use super::{FetchPlan, Fetched, HubError, HubModel, News, Refusal};

    pub(super) async fn plan(model: &HubModel, _news: &News<'_>) -> Result<FetchPlan, HubError> {
        Err(HubError::new(&model.id, Refusal::NotBuilt))
    }

    pub(super) async fn fetch(
        model: &HubModel,
        _plan: &FetchPlan,
        _news: &mut News<'_>,
    ) -> Result<Fetched, HubError> {
        Err(HubError::new(&model.id, Refusal::NotBuilt))
    }
}
