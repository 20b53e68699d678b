//! A checkpoint with random weights, which takes no memory to speak of: matrices are made of one
//! block of numbers over and over.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    engine::{EngineError, SplitMix64},
    families,
    model::{Checkpoint, parameters},
    weights::{ByteSource, SourceError, StorageType},
};

/// Numbers in a block: a prime, so that no two rows of a matrix are equal.
const BLOCK: usize = 999_983;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// A checkpoint with this `config.json` and random weights, stored as `storage`, that keep the size of
/// what they multiply. It has no processor and no tokenizer.
///
/// # Errors
/// The configuration does not parse.
pub fn random_checkpoint(config: &str, storage: StorageType) -> Result<Checkpoint, EngineError> {
    let spec = families::parse(CONFIG, config)?;
    let mut header = Map::new();
    let mut blocks: BTreeMap<usize, Arc<Vec<u8>>> = BTreeMap::new();
    let mut pieces = Vec::new();
    let mut begin = 0u64;
    for tensor in parameters(&spec) {
        let (name, shape) = (tensor.name, tensor.shape);
        let count: usize = shape.iter().product();
        let norm = name.contains("norm") || name.contains(".bn.");
        let fan_in = shape.iter().skip(1).product::<usize>();
        let block = if shape.len() > 1 {
            let scale = (3.0 / fan_in as f32).sqrt();
            let block = blocks.entry(fan_in);
            let made = || numbers(BLOCK, 0.0, scale, storage);
            block.or_insert_with(made).clone()
        } else {
            let factor = norm && (name.ends_with("weight") || name.ends_with("scale"));
            let offset = if factor { 1.0 } else { 0.0 };
            numbers(count.max(1), offset, 0.1, storage)
        };
        let end = begin + storage.bytes(count) as u64;
        let dtype = storage.name().to_uppercase();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]});
        header.insert(name, entry);
        pieces.push(Piece {
            range: begin..end,
            block,
        });
        begin = end;
    }
    let header = Value::Object(header).to_string();
    let mut head = (header.len() as u64).to_le_bytes().to_vec();
    head.extend_from_slice(header.as_bytes());
    Ok(Checkpoint::open(Arc::new(RandomSource {
        config: config.as_bytes().to_vec(),
        head,
        pieces,
    }))?)
}

/// `count` numbers around `offset`.
fn numbers(count: usize, offset: f32, scale: f32, storage: StorageType) -> Arc<Vec<u8>> {
    let mut generator = SplitMix64::new(7);
    let mut bytes = Vec::with_capacity(storage.bytes(count));
    for _ in 0..count {
        let unit = (generator.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
        let value = offset + scale * unit;
        match storage {
            // Only floats are asked for.
            StorageType::F32 | StorageType::Blocks(_) => {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
            StorageType::F16 => {
                bytes.extend_from_slice(&half::f16::from_f32(value).to_le_bytes());
            }
            StorageType::BF16 => {
                bytes.extend_from_slice(&half::bf16::from_f32(value).to_le_bytes());
            }
        }
    }
    Arc::new(bytes)
}

/// A tensor: its bytes are those of the block, over and over.
struct Piece {
    /// Its place among the data.
    range: Range<u64>,
    block: Arc<Vec<u8>>,
}

/// The checkpoint's files.
struct RandomSource {
    config: Vec<u8>,
    /// Length of the header, and the header.
    head: Vec<u8>,
    pieces: Vec<Piece>,
}

impl RandomSource {
    fn weights_len(&self) -> u64 {
        self.head.len() as u64 + self.pieces.last().map_or(0, |piece| piece.range.end)
    }
}

impl ByteSource for RandomSource {
    fn name(&self) -> String {
        "random weights".to_owned()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        Ok(vec![CONFIG.to_owned(), WEIGHTS.to_owned()])
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(match file {
            CONFIG => Some(self.config.len() as u64),
            WEIGHTS => Some(self.weights_len()),
            _ => None,
        })
    }

    fn read_range(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let outside = || {
            let reason = format!("expected bytes {}..{}, found fewer", range.start, range.end);
            SourceError::new(file, reason)
        };
        let part = |bytes: &[u8]| {
            let (start, end) = (range.start as usize, range.end as usize);
            bytes.get(start..end).map(<[u8]>::to_vec)
        };
        if file == CONFIG {
            return part(&self.config).ok_or_else(outside);
        }
        let head = self.head.len() as u64;
        if range.end <= head {
            return part(&self.head).ok_or_else(outside);
        }
        if range.start < head || range.end > self.weights_len() {
            return Err(outside());
        }
        let (mut at, end) = (range.start - head, range.end - head);
        let mut bytes = Vec::with_capacity((end - at) as usize);
        let first = self.pieces.partition_point(|piece| piece.range.end <= at);
        for piece in &self.pieces[first..] {
            let until = end.min(piece.range.end);
            while at < until {
                let from = ((at - piece.range.start) % piece.block.len() as u64) as usize;
                let take = (piece.block.len() - from).min((until - at) as usize);
                bytes.extend_from_slice(&piece.block[from..from + take]);
                at += take as u64;
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_is_the_same_part_of_the_whole() {
        let config = super::super::decoder::CONFIG;
        let source = random_checkpoint(config, StorageType::F16)
            .unwrap()
            .source()
            .clone();
        let len = source.len(WEIGHTS).unwrap().unwrap();
        assert!(source.read_range(WEIGHTS, len - 4..len + 1).is_err());
        // Across the ends of blocks and tensors.
        let head = {
            let mut length = [0; 8];
            length.copy_from_slice(&source.read_range(WEIGHTS, 0..8).unwrap());
            8 + u64::from_le_bytes(length)
        };
        for start in [head, head + 1_999_960, len - 3_000_100] {
            let whole = source
                .read_range(WEIGHTS, start..start + 3_000_100)
                .unwrap();
            for part in [0..3_000_100, 7..9, 1_000_001..3_000_000] {
                let range = start + part.start as u64..start + part.end as u64;
                assert_eq!(source.read_range(WEIGHTS, range).unwrap(), whole[part]);
            }
        }
    }
}
