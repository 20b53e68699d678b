//! What a folder is that is no checkpoint which can be loaded: one sentence each, with what to do. It is long because
//! there are many such folders.

use super::{
    error::WeightsError,
    fields::parse_object,
    file_names::{INDEX, MAX_JSON, TORCH, TORCH_INDEX, WEIGHTS},
    shards,
    source::{ByteSource, read_text, stand_in::shortened},
};

const CONFIG: &str = "config.json";
const ADAPTER_CONFIG: &str = "adapter_config.json";
/// Names that hold changes to a model, or a part of one.
const ADAPTERS: [&str; 5] = [
    ADAPTER_CONFIG,
    "adapter_model.safetensors",
    "adapter_model.bin",
    "pytorch_lora_weights.safetensors",
    "non_lora_trainables.bin",
];
/// The same of a connector alone, as LLaVA's first stage of training writes it.
const CONNECTORS: [&str; 2] = ["mm_projector.bin", "mm_projector.safetensors"];
/// Most names that a message lists.
const MOST_NAMED: usize = 5;

/// The reason why a folder without `config.json` is no checkpoint.
pub(crate) fn without_config(source: &dyn ByteSource) -> WeightsError {
    let names = visible(source);
    let (found, advice) = adapter(source, &names)
        .or_else(|| elsewhere(source, &names))
        .or_else(|| other_format(&names))
        .unwrap_or_else(|| match names.is_empty() {
            true => (
                "an empty folder".into(),
                "choose the folder of a checkpoint, or download one first".into(),
            ),
            false => (
                format!("no {CONFIG} among {}", listed(&names)),
                format!("download {CONFIG} of the same checkpoint, too, or choose another folder"),
            ),
        });
    WeightsError::Packaging {
        folder: source.name(),
        expected: format!("a Hugging Face checkpoint with {CONFIG}"),
        found,
        advice,
    }
}

/// The reason why a folder with `config.json` has no weights that can be read.
pub(super) fn without_weights(source: &dyn ByteSource) -> WeightsError {
    let names = visible(source);
    let (found, advice) = unfinished(&names)
        .or_else(|| variant(&names))
        .or_else(|| adapter(source, &names))
        .or_else(|| renamed(&names))
        .or_else(|| other_format(&names))
        .or_else(|| renamed_torch(&names))
        .unwrap_or_else(|| {
            (
                "neither, only files that describe the model".into(),
                "download the weights, too: the files that end in .safetensors".into(),
            )
        });
    WeightsError::Packaging {
        folder: source.name(),
        expected: format!("{WEIGHTS} or {INDEX}"),
        found,
        advice,
    }
}

/// The reason why a checkpoint has no `tokenizer.json`.
pub(crate) fn without_tokenizer(source: &dyn ByteSource) -> WeightsError {
    let names = visible(source);
    let other = [
        "tokenizer.model",
        "spiece.model",
        "vocab.json",
        "tekken.json",
    ];
    let other = names.iter().find(|name| other.contains(&name.as_str()));
    let (found, advice) = match other {
        Some(name) => (
            format!("{name}, a tokenizer in another form"),
            "load it in transformers (AutoTokenizer) and write tokenizer.json with save_pretrained"
                .to_owned(),
        ),
        None => (
            "no such file".into(),
            match named_tokenizer(source) {
                Some(name) => format!(
                    "put tokenizer.json and tokenizer_config.json of {name} beside {CONFIG}, which names \
                     it (lm_tokenizer)"
                ),
                None => "download it: it belongs to the checkpoint".to_owned(),
            },
        ),
    };
    WeightsError::Packaging {
        folder: source.name(),
        expected: "tokenizer.json".into(),
        found,
        advice,
    }
}

/// The repository whose tokenizer a checkpoint takes, where it does not bring its own (nanoVLM).
fn named_tokenizer(source: &dyn ByteSource) -> Option<String> {
    let text = read_text(source, CONFIG, MAX_JSON).ok()??;
    Some(shortened(&tokenizer_named_in(&text)?))
}

/// The repository whose tokenizer a `config.json` names; none where it names none.
pub(crate) fn tokenizer_named_in(config: &str) -> Option<String> {
    let config = parse_object(CONFIG, config).ok()?;
    Some(config.get("lm_tokenizer")?.as_str()?.to_owned())
}

/// The error of a folder that holds an adapter and no model of its own.
pub(crate) fn check_adapter(source: &dyn ByteSource) -> Result<(), WeightsError> {
    let mut whole = false;
    for file in [WEIGHTS, INDEX, TORCH, TORCH_INDEX] {
        whole |= source.len(file)?.is_some();
    }
    if whole || shards::numbered(source).is_ok_and(|shards| shards.is_some()) {
        return Ok(());
    }
    match adapter(source, &visible(source)) {
        Some((found, advice)) => Err(WeightsError::Packaging {
            folder: source.name(),
            expected: "the weights of a whole model".into(),
            found,
            advice,
        }),
        None => Ok(()),
    }
}

/// Whether files of an adapter lie in the folder.
pub(crate) fn has_adapter(source: &dyn ByteSource) -> bool {
    matches!(source.len(ADAPTER_CONFIG), Ok(Some(_)))
}

/// What is found, and what to do.
type Reason = (String, String);

/// The files that are not hidden.
fn visible(source: &dyn ByteSource) -> Vec<String> {
    let mut names = source.list().unwrap_or_default();
    names.retain(|name| !name.starts_with('.'));
    names
}

fn listed(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

fn adapter(source: &dyn ByteSource, names: &[String]) -> Option<Reason> {
    let find = |known: &[&str]| names.iter().find(|name| known.contains(&name.as_str()));
    if let Some(name) = find(&ADAPTERS) {
        let base = base_model(source);
        let of = base
            .as_ref()
            .map_or(String::new(), |base| format!(" of {base:?}"));
        let advice = format!(
            "merge it into {} first (merge_and_unload in PEFT, then save_pretrained) and use the \
             folder that this writes",
            base.map_or_else(|| "its base model".to_owned(), |base| format!("{base:?}"))
        );
        return Some((
            format!("an adapter (LoRA){of} in {name}, which only holds changes to that model"),
            advice,
        ));
    }
    let name = find(&CONNECTORS)?;
    Some((
        format!("only the connector of a model, in {name}"),
        "put it together with its tower and its language model first, and use the folder that this \
         writes"
            .into(),
    ))
}

/// The model that an adapter belongs to, where its configuration says so and can be read here.
fn base_model(source: &dyn ByteSource) -> Option<String> {
    let text = read_text(source, ADAPTER_CONFIG, MAX_JSON).ok()??;
    let config = parse_object(ADAPTER_CONFIG, &text).ok()?;
    let name = config.get("base_model_name_or_path")?.as_str()?;
    (!name.is_empty()).then(|| shortened(name))
}

/// Checkpoints in the folders below: of a hub's cache, of a training, of a collection.
fn elsewhere(source: &dyn ByteSource, names: &[String]) -> Option<Reason> {
    let folders = source.folders_with(CONFIG);
    let called = source.name();
    let called = called.trim_end_matches(['/', '\\']);
    let root = called.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_hub = root.starts_with("models--")
        || matches!(source.len("refs/main"), Ok(Some(_)))
        || folders
            .iter()
            .any(|folder| folder.starts_with("snapshots/"));
    let found = match is_hub {
        true => "the root of a Hugging Face cache".to_owned(),
        false => "none in this folder".to_owned(),
    };
    // The one that the cache calls its newest comes first.
    let newest = read_text(source, "refs/main", 4096).ok().flatten();
    let newest = newest.map(|hash| format!("snapshots/{}", hash.trim()));
    match (newest.filter(|newest| folders.contains(newest)), folders.as_slice()) {
        (Some(folder), _) => Some((
            found,
            format!("use the folder of the checkpoint itself: {folder}"),
        )),
        (None, [folder]) => Some((
            found,
            format!("use the folder of the checkpoint itself: {folder}"),
        )),
        (None, [_, ..]) => Some((
            found,
            format!("use one of the folders below that are checkpoints: {}", listed(&folders)),
        )),
        (None, []) if is_hub => Some((
            format!("{found} without a snapshot that holds {CONFIG}"),
            "its snapshots are links, which do not survive every copy: download the checkpoint into \
             a folder of its own (`hf download OWNER/NAME --local-dir FOLDER`) and use that"
                .into(),
        )),
        (None, []) if !names.is_empty() && names.iter().all(|name| is_hash(name)) => Some((
            "files named by their hashes, as in the folder `blobs` of a Hugging Face cache".into(),
            "use the folder in `snapshots` beside it".into(),
        )),
        (None, []) => None,
    }
}

fn is_hash(name: &str) -> bool {
    matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Weights whose download did not end.
fn unfinished(names: &[String]) -> Option<Reason> {
    const ENDINGS: [&str; 6] = [
        ".part",
        ".partial",
        ".crdownload",
        ".incomplete",
        ".download",
        ".aria2",
    ];
    let unfinished = |name: &&String| {
        name.contains(".safetensors") && ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    let name = names.iter().find(unfinished)?;
    Some((
        format!("{name}, a download that did not finish"),
        "go on with it, or download the file again".into(),
    ))
}

/// `model.fp16.safetensors`, `model.fp16-00001-of-00002.safetensors`,
/// `model-00001-of-00002.fp16.safetensors` and the index of either.
fn variant(names: &[String]) -> Option<Reason> {
    let variants = names.iter().filter_map(|name| {
        let rest = name.strip_prefix("model")?;
        let parts = rest.strip_suffix(".safetensors").or_else(|| {
            let (_, variant) = rest.split_once(".safetensors.index.")?;
            variant.strip_suffix(".json")
        })?;
        let mut words = parts.split(['.', '-']).filter(|word| {
            let number = word.bytes().all(|byte| byte.is_ascii_digit());
            !number && *word != "of"
        });
        Some((name, words.next()?.to_owned()))
    });
    let variants: Vec<(&String, String)> = variants.collect();
    let (name, word) = variants.first()?;
    let advice = match variants.as_slice() {
        [_] => format!("rename it to {WEIGHTS} to use it"),
        _ => format!(
            "take `.{word}` out of the names of the files to use them, and out of those that the \
             index names"
        ),
    };
    let files = match variants.len() {
        1 => (*name).clone(),
        count => format!("{name} and {} more", count - 1),
    };
    Some((
        format!("{files}, a variant (`{word}`), which is not taken by itself"),
        advice,
    ))
}

/// Weights in safetensors under another name.
fn renamed(names: &[String]) -> Option<Reason> {
    let weights = names.iter().filter(|name| name.ends_with(".safetensors"));
    let weights: Vec<String> = weights.cloned().collect();
    let advice = match weights.as_slice() {
        [] => return None,
        [_] => format!("rename it to {WEIGHTS} if it holds the whole model"),
        _ => format!("download {INDEX} as well, which says what lies in which file"),
    };
    Some((listed(&weights), advice))
}

/// Weights in PyTorch's format under another name. What a trainer keeps beside them is none.
fn renamed_torch(names: &[String]) -> Option<Reason> {
    const OTHERS: [&str; 5] = [
        "training_args",
        "optimizer",
        "scheduler",
        "scaler",
        "rng_state",
    ];
    let weights = names.iter().filter(|name| {
        let mut endings = [".bin", ".pth", ".pt", ".ckpt"].iter();
        endings.any(|ending| name.ends_with(ending))
            && !OTHERS.iter().any(|other| name.starts_with(other))
    });
    let weights: Vec<String> = weights.cloned().collect();
    let advice = match weights.as_slice() {
        [] => return None,
        [_] => "rename it to pytorch_model.bin if it holds the whole model",
        _ => "download pytorch_model.bin.index.json as well, which says what lies in which file",
    };
    let found = format!(
        "{}, in PyTorch's format, but under no name that a checkpoint has",
        listed(&weights)
    );
    Some((found, advice.to_owned()))
}

/// Models that are stored in another format.
fn other_format(names: &[String]) -> Option<Reason> {
    let ending = |endings: &[&str]| -> Vec<String> {
        let ends = |name: &&String| {
            let lower = name.to_lowercase();
            endings.iter().any(|ending| lower.ends_with(ending))
        };
        names.iter().filter(ends).cloned().collect()
    };
    let called = |name: &str| names.iter().any(|found| found == name);
    let reason = |files: &[String], what: &str, advice: &str| {
        Some((format!("{}, {what}", listed(files)), advice.to_owned()))
    };
    if called("model_index.json") {
        let files = ["model_index.json".to_owned()];
        return reason(
            &files,
            "a pipeline of Diffusers",
            "use the checkpoint of a vision-language model",
        );
    }
    if called("params.json") {
        let mut files = ending(&["params.json"]);
        files.extend(ending(&[".pth", ".safetensors"]));
        return reason(
            &files,
            "the layout of a model's makers",
            "use the checkpoint of the same model in Hugging Face's layout",
        );
    }
    let gguf = ending(&[".gguf"]);
    if !gguf.is_empty() {
        return reason(
            &gguf,
            "in GGUF format, beside the files of another checkpoint",
            "name the file itself, or put it into a folder of its own",
        );
    }
    let others = ending(&[".h5", ".msgpack", ".onnx", ".tflite", ".npz", ".ot"]);
    if !others.is_empty() {
        return reason(
            &others,
            "in the format of another framework",
            "use a version of the checkpoint that has model.safetensors",
        );
    }
    let archives = ending(&[".zip", ".tar", ".gz", ".tgz", ".xz", ".zst", ".7z", ".rar"]);
    if !archives.is_empty() {
        return reason(
            &archives,
            "an archive",
            "unpack it and use the folder with config.json",
        );
    }
    None
}
