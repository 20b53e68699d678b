//! Checkpoints of a model hub: what they would fetch, and fetching them.

use std::{path::Path, sync::Arc};

use super::{EngineError, FetchPlan, HubModel, ModelSource, Place, news::News};
use crate::{
    hub::{HubError, Refusal},
    platform::{FilePlace, PickedFile},
    report::format_bytes,
    weights::{
        ByteSource,
        gguf::{is_gguf, is_projector},
    },
};

/// What would be fetched of a repository.
///
/// # Errors
/// [`EngineError::Hub`] where the hub cannot be asked, or the repository holds no checkpoint.
pub(super) async fn plan(model: &HubModel, news: &mut News<'_>) -> Result<FetchPlan, EngineError> {
    news.check()?;
    Ok(client::plan(model, news).await?)
}

/// The same checkpoint after whatever it lacks was fetched: what was on a hub lies in files of its cache, or of the
/// page, then.
///
/// # Errors
/// [`EngineError::Hub`] where a file cannot be had; no file that came in part is ever used.
pub(super) async fn local(
    source: ModelSource,
    news: &mut News<'_>,
) -> Result<ModelSource, EngineError> {
    Ok(match source {
        ModelSource::Hub(model) => ModelSource::Picked(fetched(&model, news).await?),
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

/// A place on disk: what is on a hub is fetched.
///
/// # Errors
/// As [`local`].
pub(super) async fn at_hand(place: Place, news: &mut News<'_>) -> Result<Place, EngineError> {
    match place {
        Place::Hub(model) => {
            let files = fetched(&model, news).await?;
            folder_of(&files).ok_or_else(|| not_fetched(&model))
        }
        folder @ Place::Folder(_) => Ok(folder),
    }
}

/// The folder on disk of a checkpoint's files, or the GGUF file that stands for one; none in a page.
fn folder_of(files: &[PickedFile]) -> Option<Place> {
    let on_disk = |file: &PickedFile| match &file.place {
        FilePlace::Disk(path) => Some(path.clone()),
        FilePlace::Page(_) => None,
    };
    let named = |is: &dyn Fn(&str) -> bool| files.iter().find(|file| is(file.name()));
    let config = named(&|name| name == "config.json");
    let path = match named(&|name| is_gguf(name) && !is_projector(name)) {
        Some(model) => on_disk(model)?,
        None => on_disk(config?)?.parent()?.to_owned(),
    };
    Some(Place::Folder(path))
}

/// A repository's checkpoint, complete and compared.
async fn fetched(model: &HubModel, news: &mut News<'_>) -> Result<Vec<PickedFile>, EngineError> {
    news.check()?;
    let plan = client::plan(model, news).await?;
    news.note_all(plan.notes.iter().map(|note| format!("{}: {note}", plan.id)));
    Ok(client::fetch(model, &plan, news).await?)
}

/// A repository's checkpoint of which only what describes it is read, where it lies, and what a report calls it.
pub(super) struct Described {
    pub(super) source: Arc<dyn ByteSource>,
    pub(super) name: String,
    came: Box<dyn Fn() -> (u64, u64)>,
}

impl Described {
    /// Files that are on this machine.
    pub(super) fn at_hand(source: Arc<dyn ByteSource>, name: String) -> Self {
        Self {
            source,
            name,
            came: Box::new(|| (0, 0)),
        }
    }

    /// What was read instead of all of it; none where all of it was at hand.
    pub(super) fn note(&self) -> Option<String> {
        let (came, missing) = (self.came)();
        (missing > 0).then(|| {
            format!(
                "{}: only what describes the weights was read: {} of the {} that a measurement would \
                 fetch; nothing of it is kept",
                self.name,
                format_bytes(came),
                format_bytes(missing)
            )
        })
    }
}

/// A repository without fetching its weights; none where that needs all of it, as in a page and where no
/// connection may be opened.
///
/// # Errors
/// [`EngineError::Hub`] where the hub cannot be asked, or a file that describes the model cannot be had.
pub(super) async fn described(
    model: &HubModel,
    news: &mut News<'_>,
) -> Result<Option<Described>, EngineError> {
    news.check()?;
    if model.offline || !client::READS_IN_PLACE {
        return Ok(None);
    }
    let plan = client::plan(model, news).await?;
    if plan.missing() == 0 {
        return Ok(None);
    }
    let described = client::described(&plan, news)?;
    if described.is_some() {
        news.note_all(plan.notes.iter().map(|note| format!("{}: {note}", plan.id)));
    }
    Ok(described)
}

/// With a client of its own.
#[cfg(all(feature = "hub", not(target_arch = "wasm32")))]
mod client {
    use std::sync::Arc;

    use super::{Described, FetchPlan, HubError, HubModel, News, PickedFile};
    use crate::{
        engine::{Stage, news::Told},
        hub::native::Client,
    };

    /// Whether files can be read where they are.
    pub(super) const READS_IN_PLACE: bool = true;

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
    ) -> Result<Vec<PickedFile>, HubError> {
        let cancel = news.cancel;
        let mut told = Told::default();
        Client::from_environment(&plan.id)?.fetch(plan, cancel, &mut |done, file| {
            told.tell(news, Stage::Fetch, done, plan.total(), file);
        })
    }

    pub(super) fn described(
        plan: &FetchPlan,
        news: &mut News<'_>,
    ) -> Result<Option<Described>, HubError> {
        let remote = Client::from_environment(&plan.id)?.remote(plan, news.cancel)?;
        let remote = Arc::new(remote);
        let mut told = Told::default();
        remote.read_descriptions(&mut |done, total, file| {
            told.tell(news, Stage::Fetch, done, total, file);
        })?;
        Ok(Some(Described {
            source: remote.clone(),
            name: plan.name(),
            came: Box::new(move || remote.came()),
        }))
    }
}

/// With the page's means.
#[cfg(all(feature = "app", target_arch = "wasm32"))]
mod client {
    use super::{Described, FetchPlan, HubError, HubModel, News, PickedFile};
    use crate::{
        engine::{Stage, news::Told},
        hub::page,
    };

    pub(super) const READS_IN_PLACE: bool = false;

    pub(super) async fn plan(model: &HubModel, _news: &News<'_>) -> Result<FetchPlan, HubError> {
        page::plan(&model.id, model.offline).await
    }

    pub(super) async fn fetch(
        model: &HubModel,
        plan: &FetchPlan,
        news: &mut News<'_>,
    ) -> Result<Vec<PickedFile>, HubError> {
        let mut told = Told::default();
        let mut progress =
            |done, file: &str| told.tell(news, Stage::Fetch, done, plan.total(), file);
        page::fetch(plan, model.offline, &mut progress).await
    }

    pub(super) fn described(
        _plan: &FetchPlan,
        _news: &mut News<'_>,
    ) -> Result<Option<Described>, HubError> {
        Ok(None)
    }
}

/// Without any.
#[cfg(not(any(
    all(feature = "hub", not(target_arch = "wasm32")),
    all(feature = "app", target_arch = "wasm32")
)))]
mod client {
    use super::{Described, FetchPlan, HubError, HubModel, News, PickedFile, Refusal};

    pub(super) const READS_IN_PLACE: bool = false;

    pub(super) async fn plan(model: &HubModel, _news: &News<'_>) -> Result<FetchPlan, HubError> {
        Err(HubError::new(&model.id, Refusal::NotBuilt))
    }

    pub(super) async fn fetch(
        model: &HubModel,
        _plan: &FetchPlan,
        _news: &mut News<'_>,
    ) -> Result<Vec<PickedFile>, HubError> {
        Err(HubError::new(&model.id, Refusal::NotBuilt))
    }

    pub(super) fn described(
        _plan: &FetchPlan,
        _news: &mut News<'_>,
    ) -> Result<Option<Described>, HubError> {
        Ok(None)
    }
}
