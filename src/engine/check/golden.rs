//! Whole models against the states that transformers gives: folders like those in `tests/golden`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use safetensors::{Dtype, SafeTensors};

use crate::{
    check::relative_error,
    engine::{
        DeviceSettings, EngineError, news::News, pair_list::pair_lines, session::request_device,
    },
    gpu::{Gpu, Recording},
    input::Processor,
    model::{CaptureRequest, ForwardInput, Hook, Vlm},
    platform::Cancel,
    report::StatesLine,
    weights::{Checkpoint, FolderSource, VlmConfig, WeightsError},
};

/// The required agreement with transformers in f32.
const BOUND: f64 = 1e-4;

const STATES: &str = "golden.safetensors";

/// The folders with states in `root` and in the folders below it, sorted.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub(super) fn folders(root: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let below = |folder: &Path| -> Result<Vec<PathBuf>, EngineError> {
        let unreadable = |error: std::io::Error| unreadable(folder, error.to_string());
        let entries = std::fs::read_dir(folder).map_err(unreadable)?;
        let paths = entries.map(|entry| Ok(entry.map_err(unreadable)?.path()));
        paths
            .filter(|path| path.as_ref().map_or(true, |path| path.is_dir()))
            .collect()
    };
    let mut all = below(root)?;
    for folder in all.clone() {
        all.extend(below(&folder)?);
    }
    all.retain(|folder| folder.join(STATES).is_file());
    all.sort();
    if all.is_empty() {
        let reason = format!("expected folders with {STATES}, found none");
        return Err(unreadable(root, reason));
    }
    Ok(all)
}

fn unreadable(path: &Path, reason: String) -> EngineError {
    EngineError::Unreadable {
        path: path.display().to_string(),
        reason,
    }
}

/// Runs the folder's checkpoint on its input and compares all states.
///
/// # Errors
/// [`EngineError::Cancelled`]; everything else is told in the line.
pub(super) async fn check(
    settings: &DeviceSettings,
    folder: &Path,
    news: &mut News<'_>,
) -> Result<StatesLine, EngineError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut line = StatesLine {
        name: name.into_owned(),
        states: 0,
        error: None,
        bound: BOUND,
        worst: String::new(),
        failure: None,
        ok: false,
    };
    match compare(settings, folder, news.cancel).await {
        Ok(errors) => {
            line.states = errors.len();
            line.ok = !errors.is_empty() && errors.iter().all(|(_, error)| *error <= BOUND);
            if let Some((state, error)) = errors.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)) {
                line.worst = state;
                line.error = Some(error).filter(|error| error.is_finite());
            }
        }
        Err(EngineError::Cancelled) => return Err(EngineError::Cancelled),
        Err(error) => line.failure = Some(error.to_string()),
    }
    Ok(line)
}

/// The relative error of each state.
async fn compare(
    settings: &DeviceSettings,
    folder: &Path,
    cancel: &Cancel,
) -> Result<Vec<(String, f64)>, EngineError> {
    let (gpu, _) = request_device(settings).await?;
    let source = FolderSource::open(folder).map_err(WeightsError::from)?;
    let checkpoint = Checkpoint::open(Arc::new(source))?;
    let expected = states(&folder.join(STATES))?;
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.config)?;
    let turns = turns(folder)?;
    let mut pixels = None;
    for (image, _) in &turns {
        let bytes = std::fs::read(image).map_err(|error| unreadable(image, error.to_string()))?;
        let next = processor
            .image(&image.display().to_string(), &bytes)?
            .pixel_values;
        match &mut pixels {
            None => pixels = Some(next),
            Some(pixels) => pixels.append(next),
        }
    }
    let Some(pixels) = pixels else {
        return Err(unreadable(
            folder,
            "expected an image, found none".to_owned(),
        ));
    };
    let texts: Vec<&str> = turns.iter().map(|(_, text)| text.as_str()).collect();
    let prompt = processor.document(&folder.display().to_string(), &texts)?;
    let input = ForwardInput {
        pixel_values: &pixels.data,
        pixel_shape: pixels.shape(),
        input_ids: &prompt.input_ids,
        vision: &prompt.vision,
    };
    let vlm = Vlm::load(&gpu, &checkpoint, cancel, &mut |_, _| {}).await?;
    let hooks = hooks(vlm.config());
    let request = CaptureRequest::new().with_all(hooks.iter().map(|(hook, _)| *hook));
    let mut recording = Recording::new();
    let capture = vlm.forward(&mut recording, &input, &request)?;
    let normed = capture.get(Hook::FinalNorm);
    let logits = normed
        .map(|normed| vlm.logits(&mut recording, normed))
        .transpose()?;
    gpu.run(&recording).await?;
    let mut errors = Vec::new();
    for (hook, name) in hooks {
        if let Some(values) = expected.get(&name) {
            let found = match capture.get(hook) {
                Some(state) => read(&gpu, state).await?,
                None => Vec::new(),
            };
            errors.push((name, relative_error(&found, values)));
        }
    }
    if let (Some(logits), Some(values)) = (logits, expected.get("logits")) {
        let found = read(&gpu, &logits).await?;
        let last = &found[found.len().saturating_sub(values.len())..];
        errors.push(("logits".to_owned(), relative_error(last, values)));
    }
    Ok(errors)
}

async fn read(gpu: &Gpu, tensor: &crate::gpu::Tensor) -> Result<Vec<f32>, EngineError> {
    let mut read = gpu.read(&[tensor]).await?;
    Ok(read.pop().map(|read| read.values).unwrap_or_default())
}

/// Every state of a forward pass and what the files call it.
fn hooks(config: &VlmConfig) -> Vec<(Hook, String)> {
    let (towers, layers) = (
        config.vision.num_hidden_layers,
        config.text.num_hidden_layers,
    );
    let mut hooks: Vec<(Hook, String)> = (0..=towers)
        .map(|i| (Hook::VisionState(i), format!("vision_hidden_states.{i}")))
        .collect();
    hooks.push((Hook::ImageFeatures, "image_features".into()));
    hooks.push((Hook::InputsEmbeds, "inputs_embeds".into()));
    hooks.extend((1..layers).map(|k| (Hook::Layer(k), format!("hidden_states.{k}"))));
    hooks.push((
        Hook::Layer(layers),
        format!("hidden_states.{layers}.pre_norm"),
    ));
    hooks.push((Hook::FinalNorm, format!("hidden_states.{layers}")));
    hooks
}

/// The f32 tensors of a file.
fn states(file: &Path) -> Result<BTreeMap<String, Vec<f32>>, EngineError> {
    let bytes = std::fs::read(file).map_err(|error| unreadable(file, error.to_string()))?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| unreadable(file, format!("expected tensors, found {error}")))?;
    let floats = tensors
        .iter()
        .filter(|(_, view)| view.dtype() == Dtype::F32);
    Ok(floats
        .map(|(name, view)| {
            let values = view.data().as_chunks::<4>().0.iter();
            (
                name.to_owned(),
                values.map(|b| f32::from_le_bytes(*b)).collect(),
            )
        })
        .collect())
}

/// The images of a folder, each with the text that follows it.
fn turns(folder: &Path) -> Result<Vec<(PathBuf, String)>, EngineError> {
    let text = folder.join("text.txt");
    if let Ok(text) = std::fs::read_to_string(&text) {
        return Ok(vec![(folder.join("image.png"), text)]);
    }
    let file = folder.join("document.jsonl");
    let list =
        std::fs::read_to_string(&file).map_err(|error| unreadable(&file, error.to_string()))?;
    let Some((_, line)) = pair_lines(&list).next() else {
        return Err(unreadable(
            &file,
            "expected a document, found none".to_owned(),
        ));
    };
    let turns = line
        .map_err(|reason| unreadable(&file, reason.to_string()))?
        .turns;
    Ok(turns
        .into_iter()
        .map(|(image, text)| (folder.join(image), text))
        .collect())
}
