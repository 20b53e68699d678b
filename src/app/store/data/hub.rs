//! Checkpoints of a model hub: what is offered by name, and what is known before their files are fetched.

use super::{Data, Inspected, ModelChoice};
use crate::engine::{Command, DeviceSettings, FetchPlan, HubModel, InspectRequest, RepoId};

/// A small model that is offered by name. What its repository says about itself is told before anything
/// is fetched; the figures here are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What people call it.
    pub name: &'static str,
    /// Its repository.
    pub id: &'static str,
    /// What is fetched.
    pub size: &'static str,
    /// What a run takes of the device's memory.
    pub memory: &'static str,
    /// Under which licence it may be used.
    pub licence: &'static str,
}

/// The models on offer, small ones first.
pub const OFFERS: [Offer; 3] = [
    Offer {
        name: "SmolVLM-256M",
        id: "HuggingFaceTB/SmolVLM-256M-Instruct",
        size: "about 0.5 GB",
        memory: "about 1 GB",
        licence: "Apache 2.0",
    },
    Offer {
        name: "SmolVLM-500M",
        id: "HuggingFaceTB/SmolVLM-500M-Instruct",
        size: "about 1 GB",
        memory: "about 2 GB",
        licence: "Apache 2.0",
    },
    Offer {
        name: "LLaVA-OneVision-0.5B",
        id: "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
        size: "about 1.8 GB",
        memory: "about 3 GB",
        licence: "Apache 2.0",
    },
];

/// The field for a repository's name.
#[derive(Clone, Debug, Default)]
pub struct HubField {
    /// What was typed.
    pub typed: String,
    /// Why it is no repository.
    pub refusal: Option<String>,
}

impl Data {
    /// Chooses a repository of a hub; nothing is fetched before the reader agrees.
    pub fn choose_repository(&mut self, text: &str) {
        match text.trim().parse::<RepoId>() {
            Ok(id) => {
                self.hub.refusal = None;
                self.choose_model(ModelChoice::Hub(id));
            }
            Err(error) => self.hub.refusal = Some(error.to_string()),
        }
    }

    /// The reader agrees to fetch what the plan names.
    pub fn agree(&mut self) {
        if matches!(self.inspected, Inspected::Planned(_)) {
            self.inspected = Inspected::Wanted;
        }
    }

    /// Stops what is under way about the checkpoint: a transfer, above all.
    pub fn stop(&mut self) {
        self.stop_wanted |= self.inspecting.is_some();
    }

    /// Whether the engine's command about a checkpoint is to be stopped; says so once.
    pub(in crate::app::store) fn take_stop(&mut self) -> bool {
        std::mem::take(&mut self.stop_wanted)
    }

    /// What to ask the engine about the checkpoint now, if something is waiting and nothing is under way.
    pub(in crate::app::store) fn next_inspection(&mut self) -> Option<Command> {
        if self.inspecting.is_some() {
            return None;
        }
        let command = match (&self.inspected, &self.model) {
            (Inspected::PlanWanted, ModelChoice::Hub(id)) => Command::Plan(hub_model(id)),
            (Inspected::Wanted, model) => Command::Inspect(Box::new(InspectRequest {
                model: model.source(),
                device: DeviceSettings::default(),
                image: None,
                // What the reader agreed to.
                fetch: true,
            })),
            _ => return None,
        };
        self.inspecting = Some(self.model_number);
        Some(command)
    }

    /// Takes what would be fetched; where nothing is missing, there is nothing to agree to.
    pub(in crate::app::store) fn planned(&mut self, plan: Box<FetchPlan>) {
        if self.inspecting.take() != Some(self.model_number) {
            return;
        }
        self.inspected = match plan.missing() {
            0 => Inspected::Wanted,
            _ => Inspected::Planned(plan),
        };
    }

    /// The engine was stopped: what there is to fetch now has to be asked anew.
    pub(in crate::app::store) fn inspection_stopped(&mut self) {
        if self.inspecting.take() != Some(self.model_number) {
            return;
        }
        self.inspected = match self.model {
            ModelChoice::Hub(_) => Inspected::PlanWanted,
            _ => Inspected::Refused("Looking at it was stopped; choose it again.".to_owned()),
        };
    }
}

/// A repository, with the network.
pub(super) fn hub_model(id: &RepoId) -> HubModel {
    HubModel {
        id: id.clone(),
        offline: false,
    }
}
