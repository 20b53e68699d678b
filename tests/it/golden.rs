//! The golden cases in `tests/golden/`; its README.md says what is in them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use mirscope::weights::{Checkpoint, FolderSource};
use safetensors::{Dtype, SafeTensors};

/// The folder of all golden data.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A small checkpoint with one image-text pair and all states of a forward pass over it.
pub struct GoldenCase {
    /// Name of the folder.
    pub name: String,
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// The pair's text.
    pub text: String,
    states: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    ids: BTreeMap<String, Vec<u32>>,
}

impl GoldenCase {
    fn load(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let read = |file: &str| std::fs::read(folder.join(file));
        let mut files = vec![read("golden.safetensors").unwrap()];
        files.extend(read("looks.safetensors"));
        let files = files.iter().map(|f| SafeTensors::deserialize(f).unwrap());
        let (mut states, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for (key, view) in files.flat_map(|file| file.tensors()) {
            let data = view.data();
            match view.dtype() {
                Dtype::F32 => {
                    let values = data.as_chunks::<4>().0.iter();
                    let values = values.map(|b| f32::from_le_bytes(*b)).collect();
                    states.insert(key, (view.shape().to_vec(), values));
                }
                Dtype::I64 => {
                    let values = data.as_chunks::<8>().0.iter();
                    let values = values.map(|b| i64::from_le_bytes(*b) as u32).collect();
                    ids.insert(key, values);
                }
                other => panic!("{name}: {key} is {other:?}"),
            }
        }
        Self {
            text: std::fs::read_to_string(folder.join("text.txt")).unwrap(),
            name,
            folder,
            states,
            ids,
        }
    }

    /// Shape and values of a tensor, for example `hidden_states.3`.
    pub fn tensor(&self, name: &str) -> (&[usize], &[f32]) {
        let (shape, values) = self
            .states
            .get(name)
            .unwrap_or_else(|| panic!("{}: no {name}", self.name));
        (shape, values)
    }

    /// A tensor of numbers, for example `lens_id.3`, row by row.
    pub fn numbers(&self, name: &str) -> &[u32] {
        &self.ids[name]
    }

    /// The prompt's token ids.
    pub fn input_ids(&self) -> &[u32] {
        &self.ids["input_ids"]
    }

    /// Positions of the tokens of the text itself.
    pub fn text_content(&self) -> &[u32] {
        &self.ids["text_content"]
    }

    /// The pair's image, as a PNG file.
    pub fn image(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("image.png")).unwrap()
    }

    /// The checkpoint's files.
    pub fn source(&self) -> Arc<FolderSource> {
        Arc::new(FolderSource::open(&self.folder).unwrap())
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::open(self.source()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// All golden cases, by name.
pub fn cases() -> Vec<GoldenCase> {
    below(&root(), 6)
}

/// The golden cases of connectors beside LLaVA's own, by name. They have no looks.
pub fn connectors() -> Vec<GoldenCase> {
    below(&root().join("connectors"), 7)
}

/// The cases in a folder, at least so many.
fn below(folder: &Path, least: usize) -> Vec<GoldenCase> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("golden.safetensors").exists())
        .collect();
    folders.sort();
    assert!(folders.len() >= least, "found only {folders:?}");
    folders.into_iter().map(GoldenCase::load).collect()
}
