//! The family of checkpoints: its results, and opening one of its checkpoints.

use std::{sync::Arc, task::Poll};

use super::Store;
use crate::{
    engine::{DeviceSettings, MeasureRequest, MeasureSettings, ModelSource, PairSource},
    platform::{self, FileError, Later},
    study::{FamilyAxis, FamilyResults, RecordedModel, Variant},
};

/// What is known of the family.
#[derive(Debug, Default)]
pub enum KnownFamily {
    /// Nobody has looked yet.
    #[default]
    Unasked,
    /// The results are on their way.
    Coming(Later<Result<Option<String>, FileError>>),
    /// There are none here.
    Absent,
    /// They are there.
    There(Arc<FamilyResults>),
    /// They cannot be read, with the reason.
    Wrong(String),
}

impl KnownFamily {
    /// Asks for the results where nobody has, and takes them when they are there; called in every frame
    /// that shows them. `wake` is called when there is something new.
    pub fn poll(&mut self, wake: impl FnOnce() + Send + 'static) {
        if matches!(self, Self::Unasked) {
            *self = Self::Coming(platform::family_results(wake));
        }
        let Self::Coming(coming) = self else { return };
        if let Poll::Ready(outcome) = coming.poll() {
            *self = match outcome {
                Some(Ok(Some(json))) => match FamilyResults::parse(&json, "results.json") {
                    Ok(results) => Self::There(Arc::new(results)),
                    Err(error) => Self::Wrong(error.to_string()),
                },
                Some(Ok(None)) | None => Self::Absent,
                Some(Err(error)) => Self::Wrong(error.to_string()),
            };
        }
    }

    /// The results, where they are there.
    pub fn results(&self) -> Option<&Arc<FamilyResults>> {
        match self {
            Self::There(results) => Some(results),
            _ => None,
        }
    }
}

impl Store {
    /// The axis that is chosen; none for all variants.
    pub fn family_axis<'a>(&self, results: &'a FamilyResults) -> Option<&'a FamilyAxis> {
        results.family.axis(&self.view.axis)
    }

    /// The selected variant.
    pub fn family_variant<'a>(&self, results: &'a FamilyResults) -> Option<&'a Variant> {
        results.family.variant(&self.view.variant)
    }

    /// Orders a measurement of a variant as the family was measured, with the states kept for exploring;
    /// of at most so many pairs where that is said.
    pub fn run_variant(
        &mut self,
        results: &FamilyResults,
        variant: &Variant,
        num_pairs: Option<usize>,
    ) {
        let family = &results.family;
        let list = variant.documents.as_ref().unwrap_or(&family.pairs);
        let settings = results.settings;
        let request = MeasureRequest {
            model: ModelSource::Family(variant.folder.clone()),
            pairs: PairSource::Family(list.clone()),
            device: DeviceSettings::default(),
            settings: MeasureSettings {
                num_pairs: Some(num_pairs.unwrap_or(settings.num_pairs)),
                seed: settings.seed,
                text_mask: settings.text_mask,
                ..MeasureSettings::default()
            },
            keep: true,
        };
        let model = RecordedModel::Family(variant.folder.clone());
        self.order(format!("Family, {}", variant.name), request, Some(model));
    }
}
