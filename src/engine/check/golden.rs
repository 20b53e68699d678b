//! Whole models against the states that transformers gives: folders like those in `tests/golden`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::golden_input::{Given, GoldenStates};
use crate::{
    check::relative_error,
    engine::{
        DeviceSettings, EngineError, GoldenCase, news::News,
        session::device::request as request_device,
    },
    families::ModelSpec,
    gpu::{Gpu, Recording},
    model::{Assembly, CaptureRequest, Checkpoint, Hook, Vlm},
    platform::Cancel,
    report::StatesLine,
    weights::{BelowSource, ByteSource, FolderSource, MemorySource, WeightsError},
};

/// The required agreement with transformers in f32.
const BOUND: f64 = 1e-4;

const STATES: &str = "golden.safetensors";

/// A small checkpoint with the states that transformers gives of it.
pub(super) struct Case {
    pub(super) name: String,
    source: Arc<dyn ByteSource>,
}

impl Case {
    /// One whose files were handed over.
    pub(super) fn handed_over(case: GoldenCase) -> Self {
        let mut source = MemorySource::new(case.name.clone());
        for file in case.files {
            source.insert(file.name, file.bytes);
        }
        Self {
            name: case.name,
            source: Arc::new(source),
        }
    }
}

/// Those in the folders with states in `root` and below it, sorted.
///
/// # Errors
/// The folder cannot be read, or holds none.
pub(super) fn cases(root: &Path) -> Result<Vec<Case>, EngineError> {
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
    let case = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Case {
            name: name.into_owned(),
            source: Arc::new(FolderSource::open(&folder).map_err(WeightsError::from)?),
        })
    };
    all.into_iter().map(case).collect()
}

pub(super) fn unreadable(path: &Path, reason: String) -> EngineError {
    EngineError::Unreadable {
        path: path.display().to_string(),
        reason,
    }
}

/// Runs a case's checkpoint on its input and compares all states. The device is taken from `kept` and
/// left there for the next case, unless it came to grief.
///
/// # Errors
/// [`EngineError::Cancelled`]; everything else is told in the line.
pub(super) async fn check(
    settings: &DeviceSettings,
    kept: &mut Option<Gpu>,
    case: &Case,
    news: &mut News<'_>,
) -> Result<StatesLine, EngineError> {
    let mut line = StatesLine {
        name: case.name.clone(),
        states: 0,
        error: None,
        bound: BOUND,
        worst: String::new(),
        failure: None,
        ok: false,
    };
    let gpu = match kept.take() {
        Some(gpu) => Ok(gpu),
        None => request_device(settings).await.map(|(gpu, _)| gpu),
    };
    let outcome = match gpu {
        Ok(gpu) => compare(&gpu, &case.source, news.cancel)
            .await
            .map(|errors| (gpu, errors)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok((gpu, errors)) => {
            *kept = Some(gpu);
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
    gpu: &Gpu,
    source: &Arc<dyn ByteSource>,
    cancel: &Cancel,
) -> Result<Vec<(String, f64)>, EngineError> {
    let checkpoint = checkpoint(source)?;
    let expected = GoldenStates::open(&**source, STATES)?;
    let given = Given::of(&**source, &checkpoint, &expected)?;
    let input = given.input();
    let vlm = Vlm::load(gpu, &checkpoint, cancel, &mut |_, _| {}).await?;
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
                Some(state) => read(gpu, state).await?,
                None => Vec::new(),
            };
            errors.push((name, relative_error(&found, values)));
        }
    }
    if let (Some(logits), Some(values)) = (logits, expected.floats.get("logits")) {
        let found = read(gpu, &logits).await?;
        let last = &found[found.len().saturating_sub(values.len())..];
        errors.push(("logits".to_owned(), relative_error(last, values)));
    }
    Ok(errors)
}

/// The checkpoint of a case, put together where its parts lie in folders of their own.
fn checkpoint(source: &Arc<dyn ByteSource>) -> Result<Checkpoint, EngineError> {
    let within =
        |folder: &str| -> Result<Option<Arc<dyn ByteSource>>, EngineError> {
            let config = format!("{folder}/config.json");
            let there = source.len(&config).map_err(WeightsError::from)?.is_some();
            Ok(there
                .then(|| Arc::new(BelowSource::new(source.clone(), folder)) as Arc<dyn ByteSource>))
        };
    let Some(tower) = within("tower")? else {
        return Ok(Checkpoint::open(source.clone())?);
    };
    Ok(Checkpoint::assemble(match within("llm")? {
        None => Assembly {
            base: source.clone(),
            tower,
            connector: None,
        },
        Some(llm) => Assembly {
            base: llm,
            tower,
            connector: Some((source.clone(), "mm_projector.bin".to_owned())),
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
