//! Where the checkpoint comes from.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::CliError;
use crate::engine::{ModelSource, demo_connectors};

/// Parts that a checkpoint is put together of.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Parts {
    /// Folder of a language model alone, which sees with --vision-tower and --connector: what a
    /// pre-training of the connector leaves, as MIR's authors load it
    #[arg(long, value_name = "DIR", conflicts_with = "model", requires_all = ["vision_tower", "connector"])]
    pub(crate) base_llm: Option<PathBuf>,
    /// Folder of the vision tower, for --base-llm or a checkpoint in LLaVA's original layout
    #[arg(long, value_name = "DIR")]
    pub(crate) vision_tower: Option<PathBuf>,
    /// The demo's connector as of this step of its training: untrained, halfway or trained. With
    /// --base-llm or a checkpoint: a file that holds a connector (.bin or .safetensors)
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) connector: Option<String>,
}

/// The checkpoint in a folder, or put together of parts, or the demo's.
pub(crate) fn model_source(
    folder: Option<&PathBuf>,
    parts: &Parts,
) -> Result<ModelSource, CliError> {
    let Some(base) = folder.or(parts.base_llm.as_ref()) else {
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
    check_folder(base)?;
    if parts.vision_tower.is_none() && parts.connector.is_none() {
        return Ok(ModelSource::Folder(base.clone()));
    }
    if let Some(tower) = &parts.vision_tower {
        check_folder(tower)?;
    }
    if let Some(file) = connector.as_ref().filter(|file| !file.is_file()) {
        return Err(CliError::Input(format!(
            "{}: expected a file that holds a connector (.bin or .safetensors), found {}",
            file.display(),
            if file.exists() { "a folder" } else { "nothing" }
        )));
    }
    Ok(ModelSource::Assembled {
        base: base.clone(),
        tower: parts.vision_tower.clone(),
        connector,
    })
}

/// Whether this is the name of one of the demo's connectors, and of no file.
fn of_demo(name: &str) -> bool {
    let mut connectors = demo_connectors().into_iter();
    connectors.any(|connector| connector.name == name) && !Path::new(name).exists()
}

fn check_folder(folder: &Path) -> Result<(), CliError> {
    let is_gguf = folder
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    if folder.is_dir() || folder.is_file() && is_gguf {
        return Ok(());
    }
    Err(CliError::Input(format!(
        "{}: expected a folder with config.json, or a .gguf file, {}",
        folder.display(),
        if folder.exists() {
            "found a file"
        } else {
            "found nothing"
        }
    )))
}
