//! Checkpoints of a hub, against a server that behaves like one and lies like one.

mod fetching;
#[cfg(target_os = "linux")]
mod full_disk;
mod gguf;
mod in_place;
mod lent;
mod lie;
mod lies;
mod program;
mod server;
mod wanted;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use mirscope::{
    hub::{FetchPlan, HubError, RepoId, native::Client},
    platform::{Cancel, FilePlace, PickedFile},
};
use server::{COMMIT, Hub, hash};

use crate::golden;

fn id() -> RepoId {
    "tiny/model".parse().unwrap()
}

/// A small checkpoint with what else lies in a repository.
fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = golden::root().join("clip_mlp_gqa_tied_f32");
    let names = [
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    let read = |name: &str| (name.to_owned(), fs::read(folder.join(name)).unwrap());
    let mut files: BTreeMap<String, Vec<u8>> = names.into_iter().map(read).collect();
    for (name, content) in [
        ("README.md", &b"a model"[..]),
        ("model.fp16.safetensors", b"a variant"),
        ("onnx/model.onnx", b"of another program"),
        ("pytorch_model.bin", b"the same in another format"),
    ] {
        files.insert(name.to_owned(), content.to_vec());
    }
    files
}

/// The names that are wanted of [`files`].
const WANTED: [&str; 6] = [
    "chat_template.jinja",
    "config.json",
    "model.safetensors",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
];

/// A client of a server, with its cache in `folder` and little patience.
fn client(hub: &Hub, folder: &Path) -> Client {
    let variables = [
        ("HF_ENDPOINT", hub.address.clone()),
        ("HF_HOME", folder.to_str().unwrap().to_owned()),
        ("HF_HUB_ETAG_TIMEOUT", "1".to_owned()),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "1".to_owned()),
    ];
    Client::with_variables(&id(), |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    })
    .unwrap()
}

fn plan(hub: &Hub, folder: &Path) -> Result<FetchPlan, HubError> {
    client(hub, folder).plan(&id(), &Cancel::default())
}

fn fetch(hub: &Hub, folder: &Path) -> Result<PathBuf, HubError> {
    let plan = plan(hub, folder)?;
    let files = client(hub, folder).fetch(&plan, &Cancel::default(), &mut |_, _| {})?;
    Ok(snapshot(&files))
}

/// The folder of fetched files.
fn snapshot(files: &[PickedFile]) -> PathBuf {
    let place = files.iter().find_map(|file| match &file.place {
        FilePlace::Disk(path) if file.name() == "config.json" => path.parent(),
        _ => None,
    });
    place.unwrap().to_owned()
}

/// The cache's folder of the repository.
fn shelf(folder: &Path) -> PathBuf {
    folder.join("hub/models--tiny--model")
}

/// Fails unless every blob has the content that its name says; whether the snapshot is a checkpoint.
#[track_caller]
fn check_cache(hub: &Hub, folder: &Path) -> bool {
    let known = hub.files().iter();
    let known: BTreeMap<String, &Vec<u8>> = known
        .map(|(path, content)| (hash(path, content).digits().to_owned(), content))
        .collect();
    let blobs = fs::read_dir(shelf(folder).join("blobs"));
    for entry in blobs.into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".incomplete") {
            let content = fs::read(entry.path()).unwrap();
            assert!(known[&name] == &content, "{name} is not what its name says");
        }
    }
    let snapshot = shelf(folder).join("snapshots").join(COMMIT);
    let is_checkpoint = snapshot.join("config.json").exists();
    if is_checkpoint {
        for name in WANTED {
            let found = fs::read(snapshot.join(name));
            assert_eq!(found.ok().as_ref(), hub.files().get(name), "{name}");
        }
    }
    is_checkpoint
}
