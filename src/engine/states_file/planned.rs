//! Which tensors a file of states has, and where each begins.

use serde_json::{Map, Value, json};

use super::{IDS, PAIR, SUMS, VISION, every_state, mask_name, tensor_name};
use crate::report::TextMask;

/// A tensor of the file to be.
pub(super) struct Planned {
    pub(super) name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    /// Bytes of a token.
    pub(super) row: u64,
    /// Its first byte, from the start of the file.
    pub(super) begin: u64,
}

impl Planned {
    /// Its last byte's place and one.
    pub(super) fn end(&self) -> u64 {
        self.begin + self.shape.first().map_or(0, |rows| *rows as u64) * self.row
    }
}

/// The sums of the pairs' rows.
pub(super) fn sums(pairs: usize) -> Planned {
    Planned {
        name: SUMS.to_owned(),
        dtype: "I64",
        shape: vec![pairs],
        row: 8,
        begin: 0,
    }
}

/// So many values.
pub(super) fn values(name: String, count: usize) -> Planned {
    Planned {
        name,
        dtype: "F32",
        shape: vec![count],
        row: 4,
        begin: 0,
    }
}

/// All tensors in the order of their data: the widest types first, so that each is aligned.
pub(super) fn planned(layers: usize, width: usize, tokens: usize) -> Vec<Planned> {
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

/// The beginning of the file; enters where each tensor begins.
pub(super) fn header(tensors: &mut [Planned], about: &Map<String, Value>) -> Vec<u8> {
    let mut entries = Map::new();
    entries.insert("__metadata__".to_owned(), Value::Object(about.clone()));
    let mut end = 0;
    for tensor in &mut *tensors {
        tensor.begin = end;
        end = tensor.end();
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
