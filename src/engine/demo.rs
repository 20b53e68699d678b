//! The demo: a checkpoint, its connector along its training, and pairs never trained on.

use serde::Deserialize;

use super::{EngineError, ImageInput, NamedBytes, PairInput, select};
use crate::{
    platform::{DemoFile, demo_files},
    weights::{Bytes, MemorySource},
};

const MODEL: &str = "model/";
const CONNECTORS: &str = "connectors/";
const INDEX: &str = "connectors/index.json";
const PAIRS: &str = "pairs.jsonl";

/// The demo's name in reports.
pub(super) const NAME: &str = "mirscope demo";

/// The demo's connector as of some step of its training.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct DemoConnector {
    /// Its name, for example `halfway`.
    pub name: String,
    /// File in `connectors/`; none for the one in the checkpoint itself.
    pub file: Option<String>,
    /// Image-text pairs it had seen.
    pub samples: u64,
    /// What it is, in one sentence.
    pub description: String,
}

/// The demo's connectors, in the order of training; known without fetching anything.
pub fn demo_connectors() -> Vec<DemoConnector> {
    // A test reads the same file, so that it is known to be good.
    serde_json::from_str(include_str!("../../assets/demo/connectors/index.json"))
        .unwrap_or_default()
}

/// The demo's checkpoint files, and the file of the connector that replaces the checkpoint's own.
pub(super) struct DemoModel {
    /// The files of the checkpoint folder.
    pub(super) source: MemorySource,
    /// A source with one safetensors file, and that file's name.
    pub(super) connector: Option<(MemorySource, String)>,
    /// The connector's name in reports, if it is not the trained one.
    pub(super) name: String,
}

/// The demo's checkpoint with the connector called `connector`.
///
/// # Errors
/// The demo is not part of the build, a file cannot be fetched, or there is no such connector.
pub(super) async fn model(
    connector: Option<&str>,
    progress: impl FnMut(u64, u64),
) -> Result<DemoModel, EngineError> {
    let replacement = match connector {
        Some(name) => connector_file(name).await?,
        None => None,
    };
    let replacement_path = replacement
        .as_ref()
        .map(|file| format!("{CONNECTORS}{file}"));
    let wanted = |path: &str| {
        path.starts_with(MODEL) || replacement_path.as_deref().is_some_and(|file| file == path)
    };
    let mut source = MemorySource::new(NAME);
    let mut overrides = MemorySource::new("assets/demo/connectors");
    let mut found = false;
    for DemoFile { path, bytes } in demo_files(wanted, progress).await? {
        let bytes: Bytes = match bytes {
            std::borrow::Cow::Borrowed(bytes) => bytes.into(),
            std::borrow::Cow::Owned(bytes) => bytes.into(),
        };
        if let Some(name) = path.strip_prefix(MODEL) {
            source.insert(name, bytes);
            found = true;
        } else if let Some(name) = path.strip_prefix(CONNECTORS) {
            overrides.insert(name, bytes);
        }
    }
    if !found {
        return Err(EngineError::NoDemo);
    }
    let name = match (connector, &replacement) {
        (Some(connector), Some(_)) => format!("{NAME}, connector {connector}"),
        _ => NAME.to_owned(),
    };
    Ok(DemoModel {
        source,
        connector: replacement.map(|file| (overrides, file)),
        name,
    })
}

/// The file of the connector called `name`; none for the checkpoint's own.
async fn connector_file(name: &str) -> Result<Option<String>, EngineError> {
    let connectors: Vec<DemoConnector> =
        serde_json::from_str(&text(INDEX).await?).map_err(|error| demo_error(INDEX, error))?;
    match connectors.iter().find(|connector| connector.name == name) {
        Some(connector) => Ok(connector.file.clone()),
        None => Err(EngineError::UnknownConnector {
            name: name.to_owned(),
            known: connectors
                .iter()
                .map(|connector| connector.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// The demo's pairs that the seed selects, and how many there are.
///
/// # Errors
/// The demo is not part of the build, or a file cannot be fetched or read.
pub(super) async fn pairs(
    num: Option<usize>,
    seed: u64,
) -> Result<(Vec<PairInput>, usize), EngineError> {
    let lines = lines().await?;
    let available = lines.len();
    let chosen: Vec<&Line> = select(available, num, seed)
        .into_iter()
        .filter_map(|index| lines.get(index))
        .collect();
    Ok((with_images(&chosen).await?, available))
}

/// The first of the demo's pairs, at most `most`.
///
/// # Errors
/// As [`pairs`].
pub(super) async fn first_pairs(most: usize) -> Result<Vec<PairInput>, EngineError> {
    let lines = lines().await?;
    let first: Vec<&Line> = lines.iter().take(most).collect();
    with_images(&first).await
}

/// A line of the list of pairs.
#[derive(Deserialize)]
struct Line {
    image: String,
    text: String,
}

async fn lines() -> Result<Vec<Line>, EngineError> {
    (text(PAIRS).await?.lines())
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).map_err(|error| demo_error(PAIRS, error)))
        .collect()
}

async fn with_images(chosen: &[&Line]) -> Result<Vec<PairInput>, EngineError> {
    let wanted = |path: &str| chosen.iter().any(|line| line.image == path);
    let files = demo_files(wanted, |_, _| {}).await?;
    (chosen.iter())
        .map(|line| {
            let file = files
                .iter()
                .find(|file| file.path == line.image)
                .ok_or_else(|| demo_error(&line.image, "expected an image, found no file"))?;
            let image = ImageInput::Bytes(NamedBytes {
                name: line.image.clone(),
                bytes: file.bytes.to_vec(),
            });
            Ok(PairInput::new(image, line.text.clone()))
        })
        .collect()
}

/// A text file of the demo.
async fn text(path: &str) -> Result<String, EngineError> {
    let file = demo_files(|found| found == path, |_, _| {})
        .await?
        .into_iter()
        .next()
        .ok_or(EngineError::NoDemo)?;
    String::from_utf8(file.bytes.into_owned()).map_err(|error| demo_error(path, error))
}

fn demo_error(file: &str, reason: impl ToString) -> EngineError {
    EngineError::Demo {
        file: file.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Checkpoint, platform::native::block_on};
    use std::sync::Arc;

    #[test]
    fn every_connector_fits_the_checkpoint() {
        let index = block_on(text(INDEX)).unwrap();
        let connectors: Vec<DemoConnector> = serde_json::from_str(&index).unwrap();
        assert!(connectors.len() >= 3);
        assert_eq!(connectors, demo_connectors());
        for connector in connectors {
            let model = block_on(model(Some(&connector.name), |_, _| {})).unwrap();
            let checkpoint = Checkpoint::open(Arc::new(model.source)).unwrap();
            assert_eq!(model.connector.is_some(), connector.file.is_some());
            match model.connector {
                Some((source, file)) => {
                    let replaced = checkpoint.with_overrides(Arc::new(source), &file).unwrap();
                    let info = replaced
                        .info("multi_modal_projector.linear_1.weight")
                        .unwrap();
                    assert_eq!(info.file, file);
                    assert_eq!(model.name, format!("{NAME}, connector {}", connector.name));
                }
                None => assert_eq!(model.name, NAME),
            }
        }
    }

    #[test]
    fn unknown_connectors_are_refused_with_those_there_are() {
        let error = block_on(model(Some("better"), |_, _| {})).err().unwrap();
        let text = error.to_string();
        assert!(text.contains("no connector `better`"), "{text}");
        assert!(text.contains("untrained, halfway, trained"), "{text}");
    }

    #[test]
    fn pairs_are_selected_with_their_own_images() {
        let (all, available) = block_on(pairs(None, 0)).unwrap();
        assert!(available >= 100 && all.len() == available);
        let (some, _) = block_on(pairs(Some(5), 3)).unwrap();
        let expected = select(available, Some(5), 3);
        for (pair, index) in some.iter().zip(expected) {
            assert!(pair.texts().eq(all[index].texts()));
            let name = |pair: &PairInput| pair.images().next().unwrap().name();
            assert_eq!(name(pair), name(&all[index]));
        }
        let Some(ImageInput::Bytes(first)) = some[0].images().next() else {
            panic!("the demo's images are bytes");
        };
        assert!(first.bytes.starts_with(b"\x89PNG"));
    }
}
