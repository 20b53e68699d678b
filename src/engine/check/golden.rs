//! Whole models against the states that transformers gives: folders like those in `tests/golden`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::golden_input::{Given, GoldenStates};
use crate::{
    check::relative_error,
    engine::{DeviceSettings, EngineError, news::News, session::request_device},
    families::ModelSpec,
    gpu::{Gpu, Recording},
    model::{Assembly, CaptureRequest, Checkpoint, Hook, Vlm},
    platform::Cancel,
    report::StatesLine,
    weights::{ByteSource, FolderSource, WeightsError},
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

pub(super) fn unreadable(path: &Path, reason: String) -> EngineError {
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

/// The relative error of each state, and of what the model is given.
async fn compare(
    settings: &DeviceSettings,
    folder: &Path,
    cancel: &Cancel,
) -> Result<Vec<(String, f64)>, EngineError> {
    let (gpu, _) = request_device(settings).await?;
    let checkpoint = checkpoint(folder)?;
    let expected = GoldenStates::open(&folder.join(STATES))?;
    let given = Given::of(folder, &checkpoint, &expected)?;
    let input = given.input();
    let vlm = Vlm::load(&gpu, &checkpoint, cancel, &mut |_, _| {}).await?;
    let hooks = hooks(vlm.spec());
    let request = CaptureRequest::new().with_all(hooks.iter().map(|(hook, _)| *hook));
    let mut recording = Recording::new();
    let capture = vlm.forward(&mut recording, &input, &request)?;
    let normed = capture.get(Hook::FinalNorm);
    let logits = normed
        .map(|normed| vlm.logits(&mut recording, normed))
        .transpose()?;
    gpu.run(&recording).await?;
    let mut errors = given.compared(&expected, vlm.spec());
    for (hook, name) in hooks {
        if let Some(values) = expected.floats.get(&name) {
            let found = match capture.get(hook) {
                Some(state) => read(&gpu, state).await?,
                None => Vec::new(),
            };
            errors.push((name, relative_error(&found, values)));
        }
    }
    if let (Some(logits), Some(values)) = (logits, expected.floats.get("logits")) {
        let found = read(&gpu, &logits).await?;
        let last = &found[found.len().saturating_sub(values.len())..];
        errors.push(("logits".to_owned(), relative_error(last, values)));
    }
    Ok(errors)
}

/// The checkpoint in a folder, put together where its parts lie in folders of their own.
fn checkpoint(folder: &Path) -> Result<Checkpoint, EngineError> {
    let open = |folder: &Path| -> Result<Arc<dyn ByteSource>, EngineError> {
        Ok(Arc::new(
            FolderSource::open(folder).map_err(WeightsError::from)?,
        ))
    };
    let (tower, llm) = (folder.join("tower"), folder.join("llm"));
    let connector = folder.join("mm_projector.bin");
    if !tower.is_dir() {
        return Ok(Checkpoint::open(open(folder)?)?);
    }
    let alone = llm.is_dir();
    let here = |file: &Path| {
        file.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    Ok(Checkpoint::assemble(Assembly {
        base: open(if alone { &llm } else { folder })?,
        tower: open(&tower)?,
        connector: match alone {
            true => Some((open(folder)?, here(&connector))),
            false => None,
        },
    })?)
}

async fn read(gpu: &Gpu, tensor: &crate::gpu::Tensor) -> Result<Vec<f32>, EngineError> {
    let mut read = gpu.read(&[tensor]).await?;
    Ok(read.pop().map(|read| read.values).unwrap_or_default())
}

/// Every state of a forward pass and what the files call it.
fn hooks(spec: &ModelSpec) -> Vec<(Hook, String)> {
    let layers = spec.text.num_hidden_layers;
    let mut hooks = Vec::new();
    if let Some(vision) = &spec.vision {
        let states = 0..=vision.tower.num_hidden_layers;
        hooks.extend(states.map(|i| (Hook::VisionState(i), format!("vision_hidden_states.{i}"))));
        hooks.push((Hook::ImageFeatures, "image_features".to_owned()));
        for layer in 1..=vision.deepstack.len() {
            let name = format!("deepstack_features.{}", layer - 1);
            hooks.push((Hook::DeepFeatures(layer), name));
            let name = format!("hidden_states.{layer}.deepstack");
            hooks.push((Hook::Continued(layer), name));
        }
    }
    hooks.push((Hook::InputsEmbeds, "inputs_embeds".into()));
    hooks.extend((1..layers).map(|k| (Hook::Layer(k), format!("hidden_states.{k}"))));
    hooks.push((
        Hook::Layer(layers),
        format!("hidden_states.{layers}.pre_norm"),
    ));
    hooks.push((Hook::FinalNorm, format!("hidden_states.{layers}")));
    hooks
}
