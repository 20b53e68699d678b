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
    add(
        "connector",
        &counted(inspection.connector_parameters as usize, "parameter"),
    );
    add(
        "prompt",
        &format!(
            "{} per image, {} at most",
            counted(inspection.image_tokens, "token"),
            counted(inspection.context, "token")
        ),
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
