//! Opens a file of states, and reads it pair by pair.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    sync::Arc,
};

use super::{
    STATE, about::About, kept::Kept, piece::PIECE_KEY, refused, rows::Marks, sums::SUMS_KEY,
    tensor_name,
};
use crate::{
    alignment::StateId,
    engine::EngineError,
    gpu::{DType, Gpu, Tensor},
    platform,
    report::TextMask,
    weights::{
        ByteSource, FolderSource, StorageType, TensorInfo, WeightsError, open_file,
        safetensors::read_metadata,
    },
};

/// Bytes of a state that are read together, about.
const PART: usize = 4 << 20;

/// Texts and tensors of a file, by name.
pub(super) type Contents = (BTreeMap<String, String>, BTreeMap<String, TensorInfo>);

/// A file of states whose header has been checked.
pub(super) struct StatesFile {
    /// Its path, for messages.
    pub(super) name: String,
    /// Decoder layers.
    pub(super) layers: usize,
    /// Width of a state.
    pub(super) width: usize,
    /// What it says of model and pairs.
    pub(super) about: About,
    /// What it says where it is a piece of a measurement.
    pub(super) piece: Option<String>,
    /// What it has of metrics that need the model.
    pub(super) kept: Kept,
    /// Where its tokens belong.
    pub(super) marks: Marks,
    states: BTreeMap<StateId, TensorInfo>,
    /// Everything in it, by name.
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

impl StatesFile {
    /// Opens the file at `path` for a text mask.
    ///
    /// # Errors
    /// It cannot be read, is no safetensors file or one whose header contradicts itself, or holds no
    /// states that can be measured.
    pub(super) fn open(path: &Path, mask: TextMask) -> Result<Self, EngineError> {
        let name = path.display().to_string();
        let (mut texts, tensors) = contents(path)?;
        let layers = last_state(&tensors);
        if texts.contains_key(SUMS_KEY) {
            return Err(missing(
                &name,
                "sums of states, which `mirscope merge` takes",
            ));
        }
        if layers == 0 {
            let found = format!("no tensor `{STATE}1`");
            return Err(missing(&name, &found));
        }
        // More layers than tensors: one is missing, and counting up to them could take forever.
        if layers > tensors.len() {
            let mut all = (1..layers).map(|k| format!("{STATE}{k}"));
            let lacking = all.find(|name| !tensors.contains_key(name));
            let lacking = lacking.unwrap_or_default();
            let found = format!("no tensor `{lacking}` beside `{STATE}{layers}`");
            return Err(missing(&name, &found));
        }
        let marks = Marks::of(&name, &tensors, mask)?;
        let states = (super::every_state(layers))
            .filter_map(|id| Some((id, tensors.get(&tensor_name(id, layers))?.clone())))
            .collect();
        let mut opened = Self {
            width: 0,
            about: About::default(),
            piece: texts.get(PIECE_KEY).cloned(),
            kept: Kept::of(&name, &mut texts, &tensors)?,
            name,
            layers,
            marks,
            states,
            tensors,
        };
        opened.check_shapes()?;
        opened.about = About::parse(&opened.name, &texts, opened.sizes())?;
        Ok(opened)
    }

    /// Decoder layers and width.
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.layers, self.width]
    }

    /// Finds the width: the same for all states, each of which has a row for each token.
    fn check_shapes(&mut self) -> Result<(), EngineError> {
        let tokens = self.marks.tokens;
        for state in self.states.values() {
            let wrong = |expected: String, found: String| {
                let reason = format!(
                    "tensor `{}`: expected {expected}, found {found}; export the states again",
                    state.name
                );
                refused(&self.name, reason)
            };
            match state.storage() {
                Some(StorageType::F32 | StorageType::F16 | StorageType::BF16) => {}
                _ => {
                    let found = format!("{:?}", state.dtype);
                    return Err(wrong("F32, F16 or BF16".to_owned(), found));
                }
            }
            let shape = format!("{:?}", state.shape);
            match (&*state.shape, self.width) {
                ([rows, width], 0) if *rows == tokens && *width > 0 => self.width = *width,
                ([rows, width], known) if *rows == tokens && *width == known => {}
                (_, 0) => return Err(wrong(format!("shape [{tokens}, width]"), shape)),
                (_, width) => return Err(wrong(format!("shape [{tokens}, {width}]"), shape)),
            }
        }
        Ok(())
    }

    /// Whether the file has a state.
    pub(super) fn has(&self, id: StateId) -> bool {
        self.states.contains_key(&id)
    }

    /// A state.
    ///
    /// # Errors
    /// The file does not have it.
    fn state(&self, id: StateId) -> Result<&TensorInfo, EngineError> {
        self.states.get(&id).ok_or_else(|| {
            let advice = match id {
                StateId::Layer(k) if k == self.layers => {
                    "export the states again, or use an official definition, which takes the state after the \
                     final norm"
                }
                _ => "export the states again",
            };
            let reason = format!(
                "expected a tensor `{}`, which is {}, found none; {advice}",
                tensor_name(id, self.layers),
                id.name(self.layers)
            );
            refused(&self.name, reason)
        })
    }

    /// Fails where a state is missing.
    ///
    /// # Errors
    /// Naming the first.
    pub(super) fn check(&self, ids: impl IntoIterator<Item = StateId>) -> Result<(), EngineError> {
        ids.into_iter()
            .try_for_each(|id| self.state(id).map(|_| ()))
    }

    /// Bytes on the device of some states of so many tokens.
    pub(super) fn bytes(&self, states: usize, tokens: usize) -> u64 {
        let row = DType::F32.row_bytes(self.width);
        row.saturating_mul(tokens as u64)
            .saturating_mul(states as u64)
    }

    /// Some rows of the states, on the device.
    ///
    /// # Errors
    /// The file does not have a state, or can no longer be read; the device refuses the size.
    pub(super) async fn upload(
        &self,
        gpu: &Gpu,
        ids: &BTreeSet<StateId>,
        rows: Range<usize>,
    ) -> Result<Vec<(StateId, Tensor)>, EngineError> {
        let mut states = Vec::with_capacity(ids.len());
        let part = (PART / (4 * self.width)).max(1);
        for id in ids {
            let state = self.state(*id)?;
            let tensor = gpu.room(DType::F32, rows.len(), self.width)?;
            for begin in rows.clone().step_by(part) {
                let read = begin..rows.end.min(begin + part);
                let values = state.read_rows(read)?.to_f32();
                let bytes = bytemuck::cast_slice(&values);
                gpu.write_rows(&tensor, begin - rows.start, bytes)?;
                platform::yield_now().await;
            }
            states.push((*id, tensor));
        }
        Ok(states)
    }
}

/// A file that holds no states.
fn missing(name: &str, found: &str) -> EngineError {
    let reason = format!(
        "expected a file of hidden states in safetensors format, found {found}; a measurement that exports its states \
         writes one"
    );
    refused(name, reason)
}

/// The texts in the header of the file at `path`, and its tensors by name.
///
/// # Errors
/// It cannot be read, or is no safetensors file or one whose header contradicts itself.
pub(super) fn contents(path: &Path) -> Result<Contents, EngineError> {
    let name = path.display().to_string();
    if !path.is_file() {
        let found = match path.exists() {
            true => "a folder",
            false => "nothing there",
        };
        return Err(missing(&name, found));
    }
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let source = FolderSource::open(parent.unwrap_or(Path::new(".")));
    let source: Arc<dyn ByteSource> = Arc::new(source.map_err(WeightsError::from)?);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    if !file.ends_with(".safetensors") {
        return Err(missing(&name, "a file whose name has another ending"));
    }
    let texts = read_metadata(&*source, &file)?;
    Ok((texts, open_file(&source, &file, &str::to_owned)?))
}

/// The highest K of the states `hidden_states.K`; 0 where there is none.
fn last_state(tensors: &BTreeMap<String, TensorInfo>) -> usize {
    let number = |name: &String| -> Option<usize> { name.strip_prefix(STATE)?.parse().ok() };
    tensors.keys().filter_map(number).max().unwrap_or(0)
}
