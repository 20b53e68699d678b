//! What the reader brings: a checkpoint, images, texts, a list of pairs. Files stay where they are and
//! are read when they are needed; nothing is ever sent anywhere.

mod hub;
mod items;
mod list;
mod reading;
mod request;
mod sort;

pub use hub::{HubField, OFFERS, Offer};
pub use items::{Item, ItemState};
pub use list::PairList;
pub use reading::Wake;
pub use request::Plan;

use crate::{
    engine::{FetchPlan, MeasureSettings, ModelSource, RepoId},
    platform::{FileError, Later, PickedFile},
    report::{Inspection, Picture},
};
use reading::Job;

/// What the reader brings, and how it is measured.
#[derive(Debug, Default)]
pub struct Data {
    /// The checkpoint.
    pub model: ModelChoice,
    /// The field for a repository of a hub.
    pub hub: HubField,
    /// Images, in the order in which they were added.
    pub images: Vec<Item<Option<Picture>>>,
    /// Text files, likewise.
    pub texts: Vec<Item<String>>,
    /// Texts that were typed, one a line.
    pub typed: String,
    /// A list of pairs; it takes the place of images and texts that are joined by the seed.
    pub list: Option<PairList>,
    /// Files that are of no use here, with the reason.
    pub rejected: Vec<FileError>,
    /// Everything else.
    pub settings: MeasureSettings,
    /// What is known about the checkpoint.
    pub inspected: Inspected,
    /// The inspection under way, by the number of the checkpoint.
    pub(super) inspecting: Option<u64>,
    /// What is under way about a checkpoint is to be stopped.
    stop_wanted: bool,
    /// The number of the checkpoint, so that news of an earlier one are not taken for its.
    model_number: u64,
    numbers: u64,
    jobs: Vec<Job>,
    picking: Option<Later<Vec<PickedFile>>>,
}

/// Which checkpoint is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// The demo's, with its connector as of a step of its training; as trained if absent.
    Demo(Option<String>),
    /// Files that were chosen or dropped.
    Picked {
        /// What the folder is called.
        name: String,
        /// The files.
        files: Vec<PickedFile>,
    },
    /// A repository of a model hub.
    Hub(RepoId),
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self::Demo(None)
    }
}

impl ModelChoice {
    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Self::Demo(None) => "Demo".to_owned(),
            Self::Demo(Some(connector)) => format!("Demo, {connector}"),
            Self::Picked { name, .. } => name.clone(),
            Self::Hub(id) => id.to_string(),
        }
    }

    /// As the engine takes it.
    pub fn source(&self) -> ModelSource {
        match self {
            Self::Demo(connector) => ModelSource::Demo {
                connector: connector.clone(),
            },
            Self::Picked { files, .. } => ModelSource::Picked(files.clone()),
            Self::Hub(id) => ModelSource::Hub(hub::hub_model(id)),
        }
    }
}

/// What is known about a checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Inspected {
    /// Nothing: the demo needs no inspection.
    #[default]
    Nothing,
    /// The engine has to be asked what would be fetched, or has been.
    PlanWanted,
    /// What would be fetched, which the reader has not agreed to.
    Planned(Box<FetchPlan>),
    /// The engine has to be asked, or has been.
    Wanted,
    /// Its description.
    Known(Box<Inspection>),
    /// It cannot be used, with the reason.
    Refused(String),
}

impl Data {
    /// Chooses a checkpoint; one of the reader's is inspected next.
    pub fn choose_model(&mut self, model: ModelChoice) {
        self.model_number += 1;
        // A transfer of another one could take minutes.
        self.stop();
        self.inspected = match model {
            ModelChoice::Demo(_) => Inspected::Nothing,
            ModelChoice::Picked { .. } => Inspected::Wanted,
            ModelChoice::Hub(_) => Inspected::PlanWanted,
        };
        self.model = model;
    }

    /// Takes the outcome of the inspection under way; that of another checkpoint than the present one
    /// is let go, and the present one will be asked for.
    pub(super) fn inspection_ended(&mut self, outcome: Result<Box<Inspection>, String>) {
        if self.inspecting.take() != Some(self.model_number) {
            return;
        }
        self.inspected = match outcome {
            Ok(inspection) => Inspected::Known(inspection),
            Err(reason) => Inspected::Refused(reason),
        };
    }

    /// The number of the checkpoint: another one's is another.
    pub(super) fn model_number(&self) -> u64 {
        self.model_number
    }

    /// Whether the reader brought images, texts or a list.
    pub fn has_pairs(&self) -> bool {
        !self.images.is_empty()
            || !self.texts.is_empty()
            || self.list.is_some()
            || !self.typed.trim().is_empty()
    }

    /// Forgets images, texts and the list.
    pub fn clear_pairs(&mut self) {
        self.images.clear();
        self.texts.clear();
        self.typed.clear();
        self.list = None;
        self.rejected.clear();
        self.jobs.clear();
    }

    /// Forgets an image or a text.
    pub fn remove(&mut self, number: u64) {
        self.images.retain(|item| item.number != number);
        self.texts.retain(|item| item.number != number);
        self.resolve_list();
    }

    fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Finds the list's images among the files at hand, after any of both changed.
    fn resolve_list(&mut self) {
        if let Some(list) = &mut self.list {
            let files: Vec<&PickedFile> = self.images.iter().map(|item| &item.file).collect();
            list.resolve(&files);
        }
    }
}
