//! Writes the states of a measurement, pair by pair.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    FORMAT, IDS, PAIR, VISION,
    about::{DATA_KEY, DataAbout, FORMAT_KEY, MODEL_KEY, ModelAbout},
    every_state, mask_name, tensor_name,
};
use crate::{
    alignment::{AlignmentError, StateId},
    engine::{EngineError, prepare::Prepared},
    gpu::{Gpu, Tensor},
    platform::PlacedFile,
    report::{DataSummary, ModelSummary, TextMask},
};

/// A file of states under way; it appears with [`StatesWriter::finish`], whole, and not without it.
pub(in crate::engine) struct StatesWriter {
    file: PlacedFile,
    layers: usize,
    tensors: Vec<Planned>,
    /// Rows and pairs that are written.
    rows: usize,
    pairs: usize,
}

/// A tensor of the file to be.
struct Planned {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    /// Bytes of a token.
    row: u64,
    /// Its first byte, from the start of the file.
    begin: u64,
}

impl StatesWriter {
    /// Begins the file at `path` for the states of `pairs`, and writes its header.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::engine) fn begin(
        path: &Path,
        model: &ModelSummary,
        data: &DataSummary,
        pairs: &[Prepared],
    ) -> Result<Self, EngineError> {
        let tokens: Vec<usize> = pairs.iter().map(|pair| tokens(pair).len()).collect();
        let (layers, width) = (model.num_hidden_layers, model.hidden_size);
        let mut tensors = planned(layers, width, tokens.iter().sum());
        let header = header(&mut tensors, &about(model, data, &tokens));
        let mut file = PlacedFile::begin(path)?;
        file.write_at(0, &header)?;
        Ok(Self {
            file,
            layers,
            tensors,
            rows: 0,
            pairs: 0,
        })
    }

    /// The states to capture.
    pub(in crate::engine) fn states(&self) -> impl Iterator<Item = StateId> {
        every_state(self.layers)
    }

    /// Writes the next pair, whose forward pass has run; `states` hold all its tokens.
    ///
    /// # Errors
    /// What the device or the system says.
    pub(in crate::engine) async fn push(
        &mut self,
        gpu: &Gpu,
        states: &[(StateId, Tensor)],
        pair: &Prepared,
    ) -> Result<(), EngineError> {
        let ids = tokens(pair);
        for id in every_state(self.layers) {
            let found = states.iter().find(|(name, _)| *name == id);
            // One at a time: all of them may be more than a transfer takes.
            let read = match found {
                Some((_, state)) => gpu.read(&[state]).await?.pop(),
                None => None,
            };
            let values = read.filter(|read| read.rows == ids.len());
            let values = values.ok_or_else(|| AlignmentError::States {
                expected: format!("{id:?} of {} tokens", ids.len()),
                found: "none".to_owned(),
            })?;
            let name = tensor_name(id, self.layers);
            self.write(&name, bytemuck::cast_slice(&values.values))?;
        }
        let number = |number: i64| number.to_le_bytes();
        let own: Vec<u8> = ids.iter().flat_map(|id| number(i64::from(*id))).collect();
        self.write(IDS, &own)?;
        self.write(PAIR, &number(self.pairs as i64).repeat(ids.len()))?;
        self.write(VISION, &marked(&pair.prompt.vision, ids.len()))?;
        for mask in TextMask::ALL {
            self.write(mask_name(mask), &marked(pair.text(mask), ids.len()))?;
        }
        self.rows += ids.len();
        self.pairs += 1;
        Ok(())
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), EngineError> {
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name);
        if let Some(tensor) = tensor {
            let place = tensor.begin + self.rows as u64 * tensor.row;
            self.file.write_at(place, bytes)?;
        }
        Ok(())
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::engine) fn finish(self) -> Result<(), EngineError> {
        Ok(self.file.finish()?)
    }
}

fn tokens(pair: &Prepared) -> &[u32] {
    &pair.prompt.input_ids
}

/// 1 at the positions, 0 elsewhere.
fn marked(positions: &[u32], tokens: usize) -> Vec<u8> {
    let mut mask = vec![0; tokens];
    for position in positions {
        if let Some(mark) = mask.get_mut(*position as usize) {
            *mark = 1;
        }
    }
    mask
}

/// All tensors in the order of their data: the widest types first, so that each is aligned.
fn planned(layers: usize, width: usize, tokens: usize) -> Vec<Planned> {
    let plan = |name: &str, dtype, row, shape: &[usize]| Planned {
        name: name.to_owned(),
        dtype,
        shape: shape.to_vec(),
        row,
        begin: 0,
    };
    let wide = [IDS, PAIR].map(|name| plan(name, "I64", 8, &[tokens]));
    let state = |id| {
        let name = tensor_name(id, layers);
        plan(&name, "F32", 4 * width as u64, &[tokens, width])
    };
    let masks = TextMask::ALL.map(mask_name).into_iter();
    let masks = std::iter::once(VISION).chain(masks);
    (wide.into_iter())
        .chain(every_state(layers).map(state))
        .chain(masks.map(|name| plan(name, "U8", 1, &[tokens])))
        .collect()
}

/// The texts beside the tensors.
fn about(model: &ModelSummary, data: &DataSummary, tokens: &[usize]) -> Map<String, Value> {
    let layers = model.num_hidden_layers;
    let states: Map<String, Value> = every_state(layers)
        .map(|id| (tensor_name(id, layers), id.name(layers).into()))
        .collect();
    let masks: Map<String, Value> = (TextMask::ALL.into_iter())
        .map(|mask| (mask.name().to_owned(), mask_name(mask).into()))
        .collect();
    let texts = [
        (MODEL_KEY, json!(ModelAbout::from(model))),
        (DATA_KEY, json!(DataAbout::from(data))),
        ("states", json!(states)),
        ("text_masks", json!(masks)),
        ("tokens_by_pair", json!(tokens)),
    ];
    let texts = texts.map(|(key, value)| (key, value.to_string()));
    let own = [
        ("format", "pt"),
        (FORMAT_KEY, FORMAT),
        ("mirscope_version", env!("CARGO_PKG_VERSION")),
    ];
    let own = own.map(|(key, text)| (key, text.to_owned()));
    (own.into_iter().chain(texts))
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect()
}

/// The beginning of the file; enters where each tensor begins.
fn header(tensors: &mut [Planned], about: &Map<String, Value>) -> Vec<u8> {
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), Value::Object(about.clone()));
    let mut end = 0;
    for tensor in &mut *tensors {
        tensor.begin = end;
        end += tensor.shape.first().map_or(0, |tokens| *tokens as u64) * tensor.row;
        let entry = json!({
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [tensor.begin, end],
        });
        entries.insert(tensor.name.clone(), entry);
    }
    let mut text = Value::Object(entries).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.append(&mut text);
    for tensor in tensors {
        tensor.begin += header.len() as u64;
    }
    header
}
