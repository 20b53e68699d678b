//! Where the checkpoint comes from.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use crate::engine::{HubModel, ModelSource, Place, RepoId, demo_connectors};

/// Parts that a checkpoint is put together of.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Parts {
    /// Folder (or repository of the hub) of a language model alone, which sees with --vision-tower and --connector: what a
    /// pre-training of the connector leaves, as MIR's authors load it
    #[arg(long, value_name = "DIR|ID", conflicts_with = "model", requires_all = ["vision_tower", "connector"])]
    pub(crate) base_llm: Option<PathBuf>,
    /// Folder (or repository) of the vision tower, for --base-llm or a checkpoint in LLaVA's original layout
    #[arg(long, value_name = "DIR|ID")]
    pub(crate) vision_tower: Option<PathBuf>,
    /// The demo's connector as of this step of its training: untrained, halfway or trained. With
    /// --base-llm or a checkpoint: a file that holds a connector (.bin or .safetensors)
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) connector: Option<String>,
}

/// Whether the network may be used.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Network {
    /// Open no connection: take from the hub's cache what was fetched before
    #[arg(long)]
    pub(crate) offline: bool,
}

/// The checkpoint in a folder or of a hub, or put together of parts, or the demo's.
pub(crate) fn model_source(
    model: Option<&PathBuf>,
    parts: &Parts,
    offline: bool,
) -> Result<ModelSource, CliError> {
    let Some(base) = model.or(parts.base_llm.as_ref()) else {
        if let Some(tower) = &parts.vision_tower {
            return Err(CliError::Input(format!(
                "{}: expected the language model that it belongs to as well: --base-llm or --model",
                tower.display()
            )));
        }
        return Ok(ModelSource::Demo {
            connector: parts.connector.clone(),
        });
    };
    let connector = parts.connector.as_ref().map(PathBuf::from);
    if let Some(name) = parts.connector.as_ref().filter(|name| of_demo(name)) {
        return Err(CliError::Usage(format!(
            "--connector {name}: the name of one of the demo's connectors cannot be used with a \
             model of your own; leave out --model and --base-llm, or give a file (./{name})"
        )));
    }
    let base = place(base, offline)?;
    if parts.vision_tower.is_none() && parts.connector.is_none() {
        return Ok(match base {
            Place::Folder(folder) => ModelSource::Folder(folder),
            Place::Hub(model) => ModelSource::Hub(model),
        });
    }
    let tower = parts.vision_tower.as_ref();
    let tower = tower.map(|tower| place(tower, offline)).transpose()?;
    if let Some(file) = connector.as_ref().filter(|file| !file.is_file()) {
        return Err(CliError::Input(format!(
            "{}: expected a file that holds a connector (.bin or .safetensors), found {}",
            file.display(),
            if file.exists() { "a folder" } else { "nothing" }
        )));
    }
    Ok(ModelSource::Assembled {
        base,
        tower,
        connector,
    })
}

/// A repository to plan for, which has to be one of a hub.
pub(crate) fn hub_model(model: Option<&PathBuf>, offline: bool) -> Result<HubModel, CliError> {
    let Some(model) = model else {
        return Err(CliError::Usage(
            "--dry-run: expected a repository of a hub as owner/name, found none".to_owned(),
        ));
    };
    match place(model, offline)? {
        Place::Hub(model) => Ok(model),
        Place::Folder(folder) => Err(CliError::Usage(format!(
            "--dry-run: expected a repository of a hub as owner/name, found the folder {}, of \
             which nothing is fetched",
            folder.display()
        ))),
    }
}

/// Whether this is the name of one of the demo's connectors, and of no file.
fn of_demo(name: &str) -> bool {
    let mut connectors = demo_connectors().into_iter();
    connectors.any(|connector| connector.name == name) && !Path::new(name).exists()
}

/// A folder or a GGUF file, or where there is none of this name, a repository of a hub.
fn place(model: &Path, offline: bool) -> Result<Place, CliError> {
    let is_gguf = model
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    if model.is_dir() || model.is_file() && is_gguf {
        return Ok(Place::Folder(model.to_owned()));
    }
    let text = model.to_string_lossy();
    // What looks like a path is one, and so is what lies in a folder that is there.
    let deep = text.matches('/').count() > 1;
    let in_folder = deep
        && text
            .split('/')
            .next()
            .is_some_and(|top| Path::new(top).is_dir());
    let is_path = model.exists() || text.starts_with('.') || text.contains('\\') || in_folder;
    let is_id = !is_path && text.matches('/').count() >= 1 && !text.starts_with('/');
    let id = is_id.then(|| text.parse::<RepoId>());
    match id {
        Some(Ok(_)) if !cfg!(feature = "hub") => Err(CliError::Input(format!(
            "{text}: expected a folder, found nothing; to fetch a repository of this name from a hub \
             needs a build with the feature `hub`"
        ))),
        Some(Ok(id)) => Ok(Place::Hub(HubModel { id, offline })),
        // One slash, or a revision: meant as an id.
        Some(Err(error)) if text.matches('/').count() == 1 || text.contains('@') => Err(
            CliError::Input(format!("{error}, and no folder of this name")),
        ),
        _ => Err(CliError::Input(format!(
            "{}: expected a folder with config.json, or a .gguf file, {}",
            model.display(),
            if model.exists() {
                "found a file"
            } else {
                "found nothing"
            }
        ))),
    }
}
