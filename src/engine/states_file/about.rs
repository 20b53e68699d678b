//! What a file of states says of its model and its pairs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{FORMAT, refused};
use crate::{
    engine::EngineError,
    report::{DataSummary, ModelSummary},
};

/// The key of the format's number.
pub(super) const FORMAT_KEY: &str = "states_format";
/// The key of [`ModelAbout`].
pub(super) const MODEL_KEY: &str = "model";
/// The key of [`DataAbout`].
pub(super) const DATA_KEY: &str = "data";

/// The model that the states come from; what a writer does not know is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ModelAbout {
    pub(super) name: String,
    pub(super) architecture: String,
    pub(super) parts: Vec<String>,
    pub(super) parameters: u64,
    pub(super) dtype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hidden_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) num_hidden_layers: Option<usize>,
}

impl From<&ModelSummary> for ModelAbout {
    fn from(model: &ModelSummary) -> Self {
        let model = model.clone();
        Self {
            name: model.name,
            architecture: model.architecture,
            parts: model.parts,
            parameters: model.parameters,
            dtype: model.dtype,
            hidden_size: Some(model.hidden_size),
            num_hidden_layers: Some(model.num_hidden_layers),
        }
    }
}

/// The pairs that the states come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DataAbout {
    pub(super) source: String,
    pub(super) seed: u64,
    pub(super) prompt: String,
    /// Vision tokens of each image of each pair, where a prompt shows several; else nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) images: Vec<Vec<usize>>,
}

impl DataAbout {
    /// What a file says of a run over `data` whose pairs have these `images`.
    pub(super) fn of(data: &DataSummary, mut images: Vec<Vec<usize>>) -> Self {
        if images.iter().all(|images| images.len() < 2) {
            images.clear();
        }
        Self {
            source: data.source.clone(),
            seed: data.seed,
            prompt: data.prompt.clone(),
            images,
        }
    }
}

/// What the header's texts say.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) model: ModelAbout,
    pub(super) data: DataAbout,
}

impl About {
    /// Reads the texts of `file`, whose states have these sizes.
    ///
    /// # Errors
    /// It is of another format; a text is not what it should be; or it contradicts the states.
    pub(super) fn parse(
        file: &str,
        texts: &BTreeMap<String, String>,
        [layers, width]: [usize; 2],
    ) -> Result<Self, EngineError> {
        // Files of older versions of the tool do not say it, and are the same.
        if let Some(found) = texts.get(FORMAT_KEY).filter(|found| *found != FORMAT) {
            let reason = format!(
                "`{FORMAT_KEY}` in the header: expected {FORMAT}, found {found}; export the states with this \
                 version of mirscope"
            );
            return Err(refused(file, reason));
        }
        let about = Self {
            model: json(file, texts, MODEL_KEY)?,
            data: json(file, texts, DATA_KEY)?,
        };
        let sizes = [
            ("num_hidden_layers", about.model.num_hidden_layers, layers),
            ("hidden_size", about.model.hidden_size, width),
        ];
        for (field, said, found) in sizes {
            if let Some(said) = said.filter(|said| *said != found) {
                let reason = format!(
                    "`{field}` in the header's `{MODEL_KEY}` is {said}, but the states have {found}; export \
                     them again"
                );
                return Err(refused(file, reason));
            }
        }
        Ok(about)
    }

    /// The model as a report has it, and what is missing there.
    pub(super) fn model(
        &self,
        file: &str,
        [layers, width]: [usize; 2],
    ) -> (ModelSummary, Vec<&'static str>) {
        let about = self.model.clone();
        let known = [
            ("its name", about.name.is_empty()),
            ("architecture", about.architecture.is_empty()),
            ("parts", about.parts.is_empty()),
            ("number of parameters", about.parameters == 0),
            ("dtype", about.dtype.is_empty()),
        ];
        let missing = known.into_iter().filter(|(_, absent)| *absent);
        let missing = missing.map(|(what, _)| what).collect();
        let or = |text: String, other: &str| match text.is_empty() {
            true => other.to_owned(),
            false => text,
        };
        let summary = ModelSummary {
            name: or(about.name, file),
            architecture: or(about.architecture, "unknown architecture"),
            parts: about.parts,
            parameters: about.parameters,
            dtype: or(about.dtype, "unknown dtype"),
            hidden_size: width,
            num_hidden_layers: layers,
        };
        (summary, missing)
    }
}

/// The text `key` as JSON; the default where there is none.
fn json<T: DeserializeOwned + Default>(
    file: &str,
    texts: &BTreeMap<String, String>,
    key: &str,
) -> Result<T, EngineError> {
    let Some(text) = texts.get(key) else {
        return Ok(T::default());
    };
    serde_json::from_str(text).map_err(|error| {
        let reason = format!(
            "`{key}` in the header: expected a JSON object that says where the states come from, found an \
             error ({error}); export the states again"
        );
        refused(file, reason)
    })
}
