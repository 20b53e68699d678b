//! Whether a checkpoint or its data changed since they were measured.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::EngineError;
use crate::weights::INDEX;

/// Hashes of files, each read once: checkpoints of a study share most of their weights.
///
/// FNV-1a of 64 bits (G. Fowler, L. C. Noll, K.-P. Vo): it tells changes, it does not guard against
/// anybody.
#[derive(Debug, Default)]
pub struct Fingerprints {
    known: HashMap<PathBuf, u64>,
}

impl Fingerprints {
    /// The fingerprint of `settings`, of the files `data`, and of a checkpoint: the files in its folder
    /// and the shards outside of it that its index names. Sixteen digits.
    ///
    /// # Errors
    /// [`EngineError::Unreadable`] naming the file.
    pub fn of(
        &mut self,
        settings: &str,
        data: &[PathBuf],
        checkpoint: &Path,
    ) -> Result<String, EngineError> {
        let mut all = Fnv::default();
        all.add(settings.as_bytes());
        for path in data {
            all.add(&self.file(path)?.to_le_bytes());
        }
        for (name, path) in files(checkpoint)? {
            all.add(name.as_bytes());
            all.add(&self.file(&path)?.to_le_bytes());
        }
        Ok(format!("{:016x}", all.0))
    }

    fn file(&mut self, path: &Path) -> Result<u64, EngineError> {
        if let Some(known) = self.known.get(path) {
            return Ok(*known);
        }
        let hash = hash(path).map_err(|error| unreadable(path, &error))?;
        self.known.insert(path.to_owned(), hash);
        Ok(hash)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> EngineError {
    EngineError::Unreadable {
        path: path.display().to_string(),
        reason: format!("cannot read it: {error}"),
    }
}

/// Names and paths of the files that make a checkpoint, sorted.
fn files(folder: &Path) -> Result<BTreeSet<(String, PathBuf)>, EngineError> {
    let failed = |error: io::Error| unreadable(folder, &error);
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_file() && !name.starts_with('.') {
            files.insert((name.into_owned(), path.clone()));
        }
    }
    let index = std::fs::read(folder.join(INDEX)).unwrap_or_default();
    // A damaged index is told where the checkpoint is opened.
    let index: Value = serde_json::from_slice(&index).unwrap_or_default();
    let shards = index["weight_map"].as_object();
    for shard in shards.into_iter().flat_map(|map| map.values()) {
        let name = shard.as_str().unwrap_or_default();
        let path = folder.join(name);
        if path.is_file() {
            files.insert((name.to_owned(), path));
        }
    }
    Ok(files)
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        // Where one part ends and the next begins must count.
        self.0 = (self.0 ^ 0xff).wrapping_mul(0x0100_0000_01b3);
    }
}

fn hash(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut hash = Fnv::default();
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.0),
            count => hash.add(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts_and_files_without_a_part_do_not() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        write("a/config.json", "{}");
        write("base/tower.safetensors", "weights");
        write(
            "a/model.safetensors.index.json",
            r#"{"weight_map": {"t": "../base/tower.safetensors"}}"#,
        );
        let pairs = write("pairs.jsonl", "pairs");
        let folder = root.path().join("a");
        let data = [pairs];
        let of = |settings: &str| {
            Fingerprints::default()
                .of(settings, &data, &folder)
                .unwrap()
        };
        let before = of("s");
        assert_eq!(before, of("s"));
        assert_ne!(before, of("other settings"));
        write("a/.hidden", "nothing");
        write("base/other", "nothing");
        assert_eq!(before, of("s"));
        write("base/tower.safetensors", "Weights");
        let after = of("s");
        assert_ne!(before, after);
        write("pairs.jsonl", "more pairs");
        assert_ne!(after, of("s"));
        let missing = Fingerprints::default().of("", &[], &root.path().join("nobody"));
        assert!(missing.unwrap_err().to_string().contains("nobody"));
    }
}
