//! A checkpoint described without running it.

use serde::{Deserialize, Serialize};

use super::{
    DeviceGrant, ModelSummary,
    layout::{Align, Column, TextStyle, columns, labeled},
    number::{bytes, count},
};
use crate::words::counted;

/// What a checkpoint is and what it needs, without running it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The checkpoint.
    pub model: ModelSummary,
    /// The family whose rules it follows.
    #[serde(default)]
    pub family: String,
    /// Number of tensors, parameters and bytes by storage type.
    pub dtypes: Vec<DtypeShare>,
    /// Parameters of the connector.
    #[serde(default)]
    pub connector_parameters: u64,
    /// Image tokens per image, as the configuration gives them.
    pub image_tokens: usize,
    /// Longest prompt the configuration allows.
    pub context: usize,
    /// Bytes of device memory: weights.
    pub weight_bytes: u64,
    /// The same by part of the model.
    #[serde(default)]
    pub part_bytes: Vec<(String, u64)>,
    /// Tensors of the files that the model does not use, by name.
    #[serde(default)]
    pub unused: Vec<String>,
    /// What becomes of an image that was asked about.
    #[serde(default)]
    pub image: Option<ImageInspection>,
    /// Bytes of device memory: largest single buffer.
    pub largest_buffer_bytes: u64,
    /// Bytes of device memory of the captured states, per thousand tokens.
    pub state_bytes_per_1000_tokens: u64,
    /// The adapter at hand and what it grants; absent where there is none.
    pub device: Option<DeviceGrant>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Why the checkpoint cannot be measured here; absent where it can.
    #[serde(default)]
    pub obstacle: Option<String>,
}

/// What becomes of one image.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageInspection {
    /// Its name.
    pub name: String,
    /// Pixels: height and width.
    pub size: [usize; 2],
    /// Height and width of each picture that goes through the tower, in order.
    pub pictures: Vec<[usize; 2]>,
    /// Rows and columns of tokens on what the reader sees of it, of each view; none where tokens stand
    /// for no place.
    pub grids: Vec<Option<[usize; 2]>>,
    /// Image tokens in the prompt.
    pub tokens: usize,
    /// What stands for it in the prompt; a run of n placeholders is written `<image> x n`.
    pub prompt: String,
}

/// Share of one storage type in a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DtypeShare {
    /// `f32`, `f16`, `bf16`.
    pub dtype: String,
    /// Number of tensors.
    pub tensors: usize,
    /// Number of parameters.
    pub parameters: u64,
    /// Bytes on disk.
    #[serde(default)]
    pub bytes: u64,
}

/// The description as text for a terminal; its last line says whether the checkpoint can be measured.
/// Ends with a newline.
pub fn inspection_text(inspection: &Inspection, style: TextStyle) -> String {
    let model = &inspection.model;
    let mut lines = vec![style.bold(&format!("{} ({})", model.name, model.architecture))];
    for part in &model.parts {
        lines.extend(labeled("", part, style));
    }
    let mut add = |label: &str, text: &str| lines.extend(labeled(label, text, style));
    add(
        "decoder",
        &format!(
            "{}, d = {}",
            counted(model.num_hidden_layers, "layer"),
            model.hidden_size
        ),
    );
    if !inspection.family.is_empty() {
        add("family", &inspection.family);
    }
    add(
        "connector",
        &counted(inspection.connector_parameters as usize, "parameter"),
    );
    let most = format!("{} at most", counted(inspection.context, "token"));
    add(
        "prompt",
        &match inspection.image_tokens {
            0 => most,
            tokens => format!("{} per image, {most}", counted(tokens, "token")),
        },
    );
    add(
        "needs",
        &format!(
            "{} for the weights, {} in the largest buffer, {} of states per 1,000 tokens",
            bytes(inspection.weight_bytes),
            bytes(inspection.largest_buffer_bytes),
            bytes(inspection.state_bytes_per_1000_tokens)
        ),
    );
    let parts = inspection.part_bytes.iter();
    let parts: Vec<String> = parts
        .map(|(part, size)| format!("{part} {}", bytes(*size)))
        .collect();
    if !parts.is_empty() {
        add("weights", &parts.join(", "));
    }
    if let Some(image) = &inspection.image {
        add("image", &image_words(image));
        add("in prompt", &image.prompt);
    }
    if !inspection.unused.is_empty() {
        add("unused", &unused_words(&inspection.unused));
    }
    lines.push(String::new());

    let share = |title, cell: &dyn Fn(&DtypeShare) -> String| {
        let cells: Vec<String> = inspection.dtypes.iter().map(cell).collect();
        Column::new(title, Align::Point, 0, cells)
    };
    let shares = vec![
        Column::new(
            "dtype",
            Align::Left,
            0,
            inspection.dtypes.iter().map(|share| share.dtype.clone()),
        ),
        share("tensors", &|share| count(share.tensors as u64)),
        share("parameters", &|share| count(share.parameters)),
        share("bytes", &|share| count(share.bytes)),
    ];
    lines.extend(columns(shares, style).0);
    lines.push(String::new());

    match &inspection.device {
        Some(grant) => {
            lines.extend(labeled("adapter", &grant.device.line(), style));
            lines.extend(grant.lines(style));
        }
        None => lines.extend(labeled("adapter", "none found", style)),
    }
    for note in &inspection.notes {
        lines.extend(labeled("note", note, style));
    }
    let verdict = match &inspection.obstacle {
        None => "yes, this checkpoint can be measured here".to_owned(),
        Some(obstacle) => format!("no: {obstacle}"),
    };
    lines.extend(labeled("measure", &verdict, style));
    lines.join("\n") + "\n"
}

/// Pictures and tokens of an image.
fn image_words(image: &ImageInspection) -> String {
    let [height, width] = image.size;
    let mut runs: Vec<([usize; 2], usize)> = Vec::new();
    for size in &image.pictures {
        match runs.last_mut() {
            Some((last, count)) if last == size => *count += 1,
            _ => runs.push((*size, 1)),
        }
    }
    let pictures = runs.iter().map(|([height, width], count)| {
        format!("{} of {width} x {height} px", counted(*count, "picture"))
    });
    let grids = image.grids.iter().flatten();
    let grids: Vec<String> = grids
        .map(|[rows, columns]| format!("{rows} x {columns}"))
        .collect();
    let grids = match grids.is_empty() {
        true => String::new(),
        false => format!(" in rows x columns of {}", grids.join(" and ")),
    };
    format!(
        "{}, {width} x {height} px: {}, {}{grids}",
        image.name,
        pictures.collect::<Vec<_>>().join(" and "),
        counted(image.tokens, "image token"),
    )
}

/// The first unused tensors, and how many there are.
fn unused_words(unused: &[String]) -> String {
    const SHOWN: usize = 4;
    let first = unused
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match unused.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {more} more tensors of the files"),
    }
}
