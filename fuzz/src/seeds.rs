//! Seeds, made from the tests' own files and from what ships.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;

/// Longest seed, in bytes: longer ones are slow, and changes rarely hit what matters in them.
const LONGEST: usize = 64 << 10;

/// The project's folder.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

/// A file of the project.
pub fn file(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files of the tests and of what ships whose names have one of these endings, in the order of their paths.
pub fn files(endings: &[&str]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for folder in ["tests/golden", "assets"] {
        walk(&root().join(folder), &mut |path| {
            let name = path.to_string_lossy();
            if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.to_owned());
            }
        });
    }
    found.sort();
    let mut contents: Vec<Vec<u8>> = found
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect();
    contents.sort();
    contents.dedup();
    contents
}

fn walk(folder: &Path, found: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => walk(&path, found),
            false => found(&path),
        }
    }
}

/// Those that are short enough.
pub fn short(mut seeds: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    seeds.retain(|seed| seed.len() <= LONGEST);
    seeds
}

/// JSON texts with no more than `most` members of each list, and of each object that has more than 40.
pub fn cut_json(texts: Vec<Vec<u8>>, most: usize) -> Vec<Vec<u8>> {
    let cut = |text: Vec<u8>| {
        let mut value: Value = serde_json::from_slice(&text).ok()?;
        cut_value(&mut value, most);
        Some(value.to_string().into_bytes())
    };
    texts.into_iter().filter_map(cut).collect()
}

fn cut_value(value: &mut Value, most: usize) {
    match value {
        Value::Array(list) => {
            list.truncate(most);
            list.iter_mut().for_each(|item| cut_value(item, most));
        }
        Value::Object(map) => {
            if map.len() > 40 {
                let all = std::mem::take(map);
                map.extend(all.into_iter().take(most));
            }
            map.values_mut().for_each(|item| cut_value(item, most));
        }
        _ => {}
    }
}

/// A safetensors file.
pub fn safetensors(header: &Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// The first few tensors of a safetensors file, small ones, laid out again.
pub fn cut_safetensors(file: &[u8], most: usize) -> Option<Vec<u8>> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (header, data) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(header).ok()?;
    let (mut kept, mut bytes) = (serde_json::Map::new(), Vec::new());
    for (name, mut entry) in header {
        if name != "__metadata__" {
            let offset = |at: usize| Some(entry["data_offsets"][at].as_u64()? as usize);
            let own = data.get(offset(0)?..offset(1)?)?;
            if own.len() > 1 << 10 || kept.len() > most {
                continue;
            }
            entry["data_offsets"] = serde_json::json!([bytes.len(), bytes.len() + own.len()]);
            bytes.extend_from_slice(own);
        }
        kept.insert(name, entry);
    }
    Some(safetensors(&Value::Object(kept), &bytes))
}

/// Several texts as one seed, parted by a zero byte.
pub fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&0)
}

/// So many parts of an input; the last ones are empty where it has fewer.
pub fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut split = data.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| split.next().unwrap_or_default())
}
