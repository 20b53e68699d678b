//! The studies of checkpoints: their results, and opening a checkpoint.

use std::{sync::Arc, task::Poll};

use super::Store;
use crate::{
    engine::{
        DeviceSettings, MeasureRequest, MeasureSettings, MetricChoice, ModelSource, PairSource,
    },
    platform::{self, FileError, Later, Shipped},
    study::{Protocol, RealParts, RecordedModel, StudyAxis, StudyError, StudyResults, Variant},
};

/// What is known of a study of checkpoints.
pub type KnownStudy = Known<StudyResults>;

/// What is known of connectors between published models.
pub type KnownReal = Known<RealParts>;

/// What is known of results that ship with the app.
#[derive(Debug, Default)]
pub enum Known<T> {
    /// Nobody has looked yet.
    #[default]
    Unasked,
    /// The results are on their way.
    Coming(Later<Result<Option<String>, FileError>>),
    /// There are none here.
    Absent,
    /// They are there.
    There(Arc<T>),
    /// They cannot be read, with the reason.
    Wrong(String),
}

impl<T> Known<T> {
    /// Asks for the results where nobody has, and takes them when they are there; called in every frame
    /// that shows them. `wake` is called when there is something new.
    fn poll(
        &mut self,
        what: Shipped,
        parse: impl FnOnce(&str, &str) -> Result<T, StudyError>,
        wake: impl FnOnce() + Send + 'static,
    ) {
        if matches!(self, Self::Unasked) {
            *self = Self::Coming(platform::shipped(what, wake));
        }
        let Self::Coming(coming) = self else { return };
        if let Poll::Ready(outcome) = coming.poll() {
            *self = match outcome {
                Some(Ok(Some(json))) => match parse(&json, what.file()) {
                    Ok(results) => Self::There(Arc::new(results)),
                    Err(error) => Self::Wrong(error.to_string()),
                },
                Some(Ok(None)) | None => Self::Absent,
                Some(Err(error)) => Self::Wrong(error.to_string()),
            };
        }
    }

    /// The results, where they are there.
    pub fn results(&self) -> Option<&Arc<T>> {
        match self {
            Self::There(results) => Some(results),
            _ => None,
        }
    }
}

impl Store {
    /// Asks for what the study's tab shows; called in every frame that shows it. `wake` is called when there
    /// is something new.
    pub fn poll_studies(&mut self, wake: impl Fn() + Clone + Send + 'static) {
        self.study
            .poll(Shipped::Study, StudyResults::parse, wake.clone());
        self.papers
            .poll(Shipped::Papers, StudyResults::parse, wake.clone());
        self.real.poll(Shipped::RealParts, RealParts::parse, wake);
    }

    /// The study of a protocol.
    pub fn study_of(&self, protocol: Protocol) -> &KnownStudy {
        match protocol {
            Protocol::OneStage => &self.study,
            Protocol::TwoStages => &self.papers,
        }
    }

    /// The results of the study whose numbers are shown.
    pub fn shown_study(&self) -> Option<&Arc<StudyResults>> {
        self.study_of(self.view.protocol).results()
    }

    /// The axis that is chosen; none for all variants.
    pub fn study_axis<'a>(&self, results: &'a StudyResults) -> Option<&'a StudyAxis> {
        results.study.axis(&self.view.axis)
    }

    /// The selected variant.
    pub fn study_variant<'a>(&self, results: &'a StudyResults) -> Option<&'a Variant> {
        results.study.variant(&self.view.variant)
    }

    /// Orders a measurement of a variant as the study was measured, with the states kept for exploring;
    /// of at most so many pairs where that is said.
    pub fn run_variant(
        &mut self,
        results: &StudyResults,
        variant: &Variant,
        num_pairs: Option<usize>,
    ) {
        let study = &results.study;
        let list = variant.documents.as_ref().unwrap_or(&study.pairs);
        let settings = results.settings;
        let request = MeasureRequest {
            model: ModelSource::Study(variant.folder.clone()),
            pairs: PairSource::Study(list.clone()),
            device: DeviceSettings::default(),
            settings: MeasureSettings {
                num_pairs: Some(num_pairs.unwrap_or(settings.num_pairs)),
                seed: settings.seed,
                text_mask: settings.text_mask,
                metrics: MetricChoice::All,
                intervals: true,
                ..MeasureSettings::default()
            },
            keep: true,
        };
        let model = RecordedModel::Study(variant.folder.clone());
        self.order(format!("Study, {}", variant.name), request, Some(model));
    }
}
