//! The golden cases in `tests/golden/`; its README.md says what is in them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use mirscope::engine::pair_lines;
use mirscope::{
    model::{Assembly, Checkpoint},
    weights::FolderSource,
};
use safetensors::{Dtype, SafeTensors};

/// The folder of all golden data.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// A small checkpoint with one image-text pair or document and all states of a forward pass over it.
pub struct GoldenCase {
    /// Name of the folder.
    pub name: String,
    /// The checkpoint's folder.
    pub folder: PathBuf,
    /// The pair's text; of a document the first one.
    pub text: String,
    /// All texts.
    pub texts: Vec<String>,
    /// The images' files.
    pub images: Vec<PathBuf>,
    states: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    ids: BTreeMap<String, Vec<u32>>,
}

impl GoldenCase {
    /// The case in a folder of `tests/golden/`.
    pub fn at(folder: &str) -> Self {
        Self::load(root().join(folder))
    }

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
        let (images, texts) = turns(&folder);
        Self {
            text: texts[0].clone(),
            texts,
            images,
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

    /// Positions of the tokens after the first image that are none of an image.
    pub fn text_official(&self) -> &[u32] {
        &self.ids["text_official"]
    }

    /// The pair's image, as a PNG file; of a document the first one.
    pub fn image(&self) -> Vec<u8> {
        std::fs::read(&self.images[0]).unwrap()
    }

    /// The checkpoint's files.
    pub fn source(&self) -> Arc<FolderSource> {
        Arc::new(FolderSource::open(&self.folder).unwrap())
    }

    /// The checkpoint, put together where its parts lie in folders of their own.
    pub fn checkpoint(&self) -> Checkpoint {
        let folder = |folder: PathBuf| Arc::new(FolderSource::open(folder).unwrap());
        let [tower, llm] = ["tower", "llm"].map(|part| self.folder.join(part));
        let opened = match (tower.is_dir(), llm.is_dir()) {
            (false, _) => Checkpoint::open(self.source()),
            (true, alone) => Checkpoint::assemble(Assembly {
                base: if alone { folder(llm) } else { self.source() },
                tower: folder(tower),
                connector: alone.then(|| (self.source() as _, "mm_projector.bin".to_owned())),
            }),
        };
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }
}

/// Images and texts of a case.
fn turns(folder: &Path) -> (Vec<PathBuf>, Vec<String>) {
    if let Ok(text) = std::fs::read_to_string(folder.join("text.txt")) {
        return (vec![folder.join("image.png")], vec![text]);
    }
    let list = std::fs::read_to_string(folder.join("document.jsonl")).unwrap();
    let (_, line) = pair_lines(&list).next().unwrap();
    let turns = line.unwrap().turns.into_iter();
    turns
        .map(|turn| (folder.join(&turn.shown[0].paths()[0]), turn.text))
        .unzip()
}

/// All golden cases of one pair, by name.
pub fn cases() -> Vec<GoldenCase> {
    below(&root(), "text.txt", 9)
}

/// All golden cases of a document, by name.
pub fn documents() -> Vec<GoldenCase> {
    below(&root(), "document.jsonl", 2)
}

/// The golden cases of connectors beside LLaVA's own, by name. They have no looks.
pub fn connectors() -> Vec<GoldenCase> {
    below(&root().join("connectors"), "text.txt", 7)
}

/// All of them.
pub fn all() -> impl Iterator<Item = GoldenCase> {
    cases().into_iter().chain(connectors()).chain(documents())
}

/// The cases in a folder that have a file, at least so many.
fn below(folder: &Path, file: &str, least: usize) -> Vec<GoldenCase> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("golden.safetensors").exists() && path.join(file).exists())
        .collect();
    folders.sort();
    assert!(folders.len() >= least, "found only {folders:?}");
    folders.into_iter().map(GoldenCase::load).collect()
}
