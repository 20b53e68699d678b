//! A checkpoint against states that somebody exported from PyTorch (`tools/export_states.py`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::golden::unreadable;
use crate::{
    engine::{
        Against, DeviceSettings, EngineError, Shown, checkpoint,
        forward::hook,
        news::News,
        pair_list::pair_lines,
        session::device::request as request_device,
        states_file::{BEFORE_NORM, STATE, every_state, tensor_name},
    },
    families::{ImagePlan, plan::rows_of},
    gpu::{Gpu, Recording},
    input::{Passage, Processor, Prompt},
    model::{Capture, CaptureRequest, ForwardInput, Hook, Vlm},
    report::StatesLine,
    weights::{
        ByteSource, FolderSource, TensorInfo, WeightsError, open_file, safetensors::read_metadata,
    },
};

/// The required agreement with transformers in f32.
const BOUND: f64 = 1e-4;

/// What the model was given: tensors of the file.
const GIVEN: [&str; 3] = ["input_ids", "is_vision", "is_text"];

/// The exported file.
struct Exported {
    tensors: BTreeMap<String, TensorInfo>,
    /// Of each token the number of its pair.
    owners: Vec<i64>,
    /// Of each token what [`GIVEN`] names.
    given: [Vec<i64>; 3],
    /// Pairs, one JSON object a line.
    pairs: String,
    /// Where the images lie.
    folder: PathBuf,
}

/// Sums over the tokens compared so far of a state.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    difference: f64,
    expected: f64,
}

/// Runs the checkpoint on the exported pairs and compares token ids, masks and every state, each in a
/// line.
///
/// # Errors
/// The file or an image cannot be read; what the checkpoint or the device reports.
pub(super) async fn check(
    settings: &DeviceSettings,
    against: Against,
    news: &mut News<'_>,
    mut tell: impl FnMut(&mut News<'_>, String) -> Result<(), EngineError>,
) -> Result<Vec<StatesLine>, EngineError> {
    let exported = Exported::open(&against.states)?;
    let opened = checkpoint::open(against.model, news).await?;
    let (gpu, _) = request_device(settings).await?;
    let spec = &opened.checkpoint.spec;
    let processor = Processor::open(&**opened.checkpoint.source(), spec)?;
    let vlm = Vlm::load(&gpu, &opened.checkpoint, news.cancel, &mut |_, _| {}).await?;
    let layers = spec.text.num_hidden_layers;
    let hooks = hooks(layers, &exported);
    let request = CaptureRequest::new().with_all(hooks.iter().map(|(hook, _)| *hook));
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut masks = [0_usize; 3];
    let mut first = 0;
    let pairs = exported.pairs.clone();
    for (index, (number, line)) in pair_lines(&pairs).enumerate() {
        tell(news, format!("pair {number}"))?;
        let line = line.map_err(|reason| unreadable(&against.states, reason))?;
        let rows = (exported.owners.iter())
            .filter(|owner| **owner == index as i64)
            .count();
        let (mut pixels, mut plans) = (Vec::new(), Vec::new());
        for shown in line.turns.iter().flat_map(|turn| &turn.shown) {
            let Shown::Image(image) = shown else {
                let reason = format!("pair {number}: expected images, found a video");
                return Err(unreadable(&against.states, reason));
            };
            let path = exported.folder.join(image);
            let bytes =
                std::fs::read(&path).map_err(|error| unreadable(&path, error.to_string()))?;
            let prepared = processor.image(&path.display().to_string(), &bytes)?;
            pixels.extend(prepared.pixel_values);
            plans.push(prepared.plan);
        }
        let passages = line.turns.iter().map(|turn| Passage {
            images: turn.shown.len(),
            question: &turn.question,
            text: &turn.text,
        });
        let passages: Vec<Passage<'_>> = passages.collect();
        let taken = rows_of(&plans);
        let plans: Vec<&ImagePlan> = plans.iter().collect();
        let name = format!("pair {number}");
        let prompt = processor.passages(&name, &passages, &plans, false)?;
        exported.compare_masks(&prompt, first, rows, &mut masks);
        if prompt.input_ids.len() == rows {
            let input = ForwardInput {
                pixel_values: &pixels,
                rows: taken.as_ref(),
                input_ids: &prompt.input_ids,
                vision: &prompt.vision,
                layout: &prompt.layout,
            };
            let mut recording = Recording::new();
            let capture = vlm.forward(&mut recording, &input, &request)?;
            gpu.run(&recording).await?;
            compare(&gpu, &exported, &hooks, &capture, first, &mut sums).await?;
        }
        first += rows;
    }
    Ok(lines(&masks, sums, first))
}

/// Each state of the file with its hook.
fn hooks(layers: usize, exported: &Exported) -> Vec<(Hook, String)> {
    every_state(layers)
        .map(|id| (hook(id), tensor_name(id, layers)))
        .filter(|(_, name)| exported.tensors.contains_key(name))
        .collect()
}

/// Adds the differences of a pair's states, whose rows begin at `first` in the file.
async fn compare(
    gpu: &Gpu,
    exported: &Exported,
    hooks: &[(Hook, String)],
    capture: &Capture,
    first: usize,
    sums: &mut BTreeMap<String, Sums>,
) -> Result<(), EngineError> {
    for (hook, name) in hooks {
        let (Some(state), Some(info)) = (capture.get(*hook), exported.tensors.get(name)) else {
            continue;
        };
        let read = gpu.read(&[state]).await?.pop();
        let found = read.map(|read| read.values).unwrap_or_default();
        let expected = info.read_rows(first..first + state.rows())?.to_f32();
        let sums = sums.entry(name.clone()).or_default();
        if found.len() != expected.len() {
            sums.difference = f64::INFINITY;
        }
        for (found, expected) in found.iter().zip(&expected) {
            sums.difference += (f64::from(*found) - f64::from(*expected)).powi(2);
            sums.expected += f64::from(*expected).powi(2);
        }
    }
    Ok(())
}

/// One line for what the model was given, and one for each state.
fn lines(masks: &[usize; 3], sums: BTreeMap<String, Sums>, tokens: usize) -> Vec<StatesLine> {
    let line = |name: &str, error: f64, worst: String| StatesLine {
        name: name.to_owned(),
        states: tokens,
        error: Some(error).filter(|error| error.is_finite()),
        bound: BOUND,
        worst,
        failure: None,
        ok: error <= BOUND,
    };
    let given = GIVEN.iter().zip(masks);
    let mut lines: Vec<StatesLine> = given
        .map(|(name, wrong)| {
            let share = *wrong as f64 / tokens.max(1) as f64;
            let words = match wrong {
                0 => String::new(),
                wrong => format!("{wrong} of {tokens} tokens are others"),
            };
            line(name, share, words)
        })
        .collect();
    // The one before the final norm comes before the one after it.
    let number = |name: &str| {
        let number = name.strip_prefix(STATE)?;
        let before = number.strip_suffix(BEFORE_NORM);
        let parsed = before.unwrap_or(number).parse::<usize>().ok()?;
        Some((parsed, before.is_none()))
    };
    let mut states: Vec<(String, Sums)> = sums.into_iter().collect();
    states.sort_by_key(|(name, _)| number(name));
    lines.extend(states.into_iter().map(|(name, sums)| {
        let error = (sums.difference / sums.expected.max(f64::MIN_POSITIVE)).sqrt();
        line(&name, error, String::new())
    }));
    lines
}

impl Exported {
    fn open(file: &Path) -> Result<Self, EngineError> {
        let parent = file.parent().filter(|parent| *parent != Path::new(""));
        let folder = parent.unwrap_or(Path::new("."));
        let source: Arc<dyn ByteSource> =
            Arc::new(FolderSource::open(folder).map_err(WeightsError::from)?);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let tensors = open_file(&source, &name, &str::to_owned)?;
        let mut metadata = read_metadata(&*source, &name)?;
        let missing = |what: &str| {
            unreadable(
                file,
                format!("expected {what}, as tools/export_states.py writes it, found none"),
            )
        };
        let numbers = |tensor: &str| -> Result<Vec<i64>, EngineError> {
            let absent = || missing(&format!("a tensor `{tensor}`"));
            Ok(tensors.get(tensor).ok_or_else(absent)?.numbers()?)
        };
        let [ids, vision, text] = GIVEN.map(numbers);
        let given = [ids?, vision?, text?];
        let owners = numbers("pair")?;
        let images = metadata.remove("folder").map(PathBuf::from);
        Ok(Self {
            tensors,
            owners,
            given,
            pairs: metadata
                .remove("pairs")
                .ok_or_else(|| missing("the list of pairs"))?,
            // A file that was moved with its images is looked at where it lies.
            folder: images
                .filter(|folder| folder.is_dir())
                .unwrap_or_else(|| folder.to_owned()),
        })
    }

    /// Counts the tokens of a pair whose id or mask is another one than in the file.
    fn compare_masks(&self, prompt: &Prompt, first: usize, rows: usize, wrong: &mut [usize; 3]) {
        let count = prompt.input_ids.len();
        let marked = |positions: &[u32]| {
            let mut mask = vec![0_i64; count];
            for position in positions {
                if let Some(mark) = mask.get_mut(*position as usize) {
                    *mark = 1;
                }
            }
            mask
        };
        let ids = prompt.input_ids.iter().map(|id| i64::from(*id)).collect();
        let own = [ids, marked(&prompt.vision), marked(&prompt.text_official)];
        for ((all, own), wrong) in self.given.iter().zip(own).zip(wrong) {
            let theirs = all.get(first..first + rows).unwrap_or_default();
            let differing = own.iter().zip(theirs).filter(|(own, theirs)| own != theirs);
            *wrong += differing.count() + count.abs_diff(rows);
        }
    }
}
