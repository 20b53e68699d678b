//! Which checkpoint is asked.

use crate::{
    app::store::{
        Origin, Run, Store, TRAINED,
        data::{Inspected, ModelChoice},
    },
    engine::{ImageInput, MeasureRequest, ModelSource, PairInput, PairSource},
    platform,
    study::RecordedModel,
};

/// Which checkpoint is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// That of the run that is shown.
    #[default]
    Run,
    /// The one that the reader chose among their data.
    Data,
}

/// Tells one checkpoint from another as long as the app is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// That of a run, by the run's number.
    Run(u64),
    /// One of the reader's, by its number.
    Data(u64),
}

/// A checkpoint that can be asked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Names it.
    pub key: Key,
    /// What it is called.
    pub name: String,
    /// The checkpoint.
    pub model: ModelSource,
    /// The images to ask about; none where those are the demo's pictures.
    pub images: Option<Vec<ImageInput>>,
    /// Decoder layers.
    pub layers: usize,
    /// Whether it was trained to answer questions about the demo's pictures in the form of the right answers.
    pub ours: bool,
}

/// The checkpoint and the images of a run that the reader's own data gave.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The checkpoint.
    pub model: ModelSource,
    /// The images that were measured; none where those are the demo's.
    pub images: Option<Vec<ImageInput>>,
}

impl Brought {
    /// What a measurement of the reader's own data is made of.
    pub fn of(request: &MeasureRequest) -> Self {
        let images = match &request.pairs {
            PairSource::Pairs { pairs, .. } => Some(
                (pairs.iter())
                    .flat_map(PairInput::images)
                    .cloned()
                    .collect(),
            ),
            PairSource::Unpaired { images, .. } => Some(images.clone()),
            PairSource::Demo | PairSource::Study(_) => None,
        };
        Self {
            model: request.model.clone(),
            images,
        }
    }
}

impl Run {
    /// The checkpoint that was measured, where it is at hand.
    pub fn source(&self) -> Option<ModelSource> {
        match &self.model {
            Some(RecordedModel::Demo(step)) => Some(ModelSource::Demo {
                connector: (step != TRAINED).then(|| step.clone()),
            }),
            Some(RecordedModel::Study(folder)) => {
                platform::has_study().then(|| ModelSource::Study(folder.clone()))
            }
            None => (self.brought.as_ref()).map(|brought| brought.model.clone()),
        }
    }
}

/// Whether two sources are the same checkpoint, as the engine takes them.
fn same(one: &ModelSource, other: &ModelSource) -> bool {
    match (one, other) {
        (ModelSource::Demo { connector: one }, ModelSource::Demo { connector: other }) => {
            one == other
        }
        (ModelSource::Study(one), ModelSource::Study(other)) => one == other,
        (ModelSource::Picked(one), ModelSource::Picked(other)) => one == other,
        (ModelSource::Hub(one), ModelSource::Hub(other)) => one == other,
        _ => false,
    }
}

impl Store {
    /// The checkpoint that is asked.
    ///
    /// # Errors
    /// Why it cannot be, in a sentence or two.
    pub fn target(&self) -> Result<Target, String> {
        match self.ask.whom {
            Whom::Data if self.has_own_model() => {
                let images: Vec<ImageInput> = self.data.usable_images().collect();
                Ok(Target {
                    key: Key::Data(self.data.model_number()),
                    name: self.data.model.name(),
                    model: self.data.model.source(),
                    images: (!images.is_empty()).then_some(images),
                    layers: match &self.data.inspected {
                        Inspected::Known(inspection) => inspection.model.num_hidden_layers,
                        _ => 1,
                    },
                    ours: false,
                })
            }
            _ => self.target_of_run(),
        }
    }

    /// Whether the reader chose a checkpoint that can run.
    pub fn has_own_model(&self) -> bool {
        let own = !matches!(self.data.model, ModelChoice::Demo(_));
        let runs = match &self.data.inspected {
            Inspected::Known(inspection) => inspection.obstacle.is_none(),
            _ => false,
        };
        own && runs
    }

    fn target_of_run(&self) -> Result<Target, String> {
        let run = self.run().ok_or("No run selected.")?;
        let Some(model) = run.source() else {
            return Err(match (&run.model, run.origin) {
                (Some(_), _) => "The checkpoints of the study are not part of this copy. The demo can be asked.",
                (None, Origin::Opened) => {
                    "A report holds numbers, not the model. Choose another run, or bring the checkpoint \
                     under “Your data”."
                }
                (None, _) => "The checkpoint of this run is not at hand.",
            }
            .to_owned());
        };
        Ok(Target {
            key: Key::Run(run.number),
            name: run.name.clone(),
            model,
            layers: run.report.model.num_hidden_layers,
            ours: run.model.is_some(),
            images: (run.brought.as_ref()).and_then(|brought| brought.images.clone()),
        })
    }

    /// Whether the run whose states the engine keeps is of this checkpoint.
    pub(in crate::app::store) fn is_live_model(&self, model: &ModelSource) -> bool {
        let live = self.runs.iter().find(|run| Some(run.number) == self.live);
        let source = live.and_then(Run::source);
        source.is_some_and(|source| same(&source, model))
    }
}
