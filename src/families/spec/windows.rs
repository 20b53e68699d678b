//! Which layers of a decoder have a sliding window.

use serde_json::Value;

use super::{DecoderKind, Defaults};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// Width of the window, and which layers have it.
pub(super) fn windows(
    f: &Fields<'_>,
    kind: DecoderKind,
    d: &Defaults,
    layers: usize,
) -> Result<(Option<usize>, Vec<bool>), WeightsError> {
    const KEY: &str = "sliding_window";
    let full = (None, vec![false; layers]);
    let used = match kind {
        DecoderKind::Llama | DecoderKind::Gemma => false,
        DecoderKind::Mistral | DecoderKind::Gemma3 => true,
        DecoderKind::Qwen2 | DecoderKind::Qwen3 => f.flag("use_sliding_window")?.unwrap_or(false),
    };
    let window = f
        .count(KEY, 1..=1 << 24)?
        .or(d.sliding_window.filter(|_| !f.is_null(KEY)));
    let Some(window) = window.filter(|_| used) else {
        return Ok(full);
    };
    let windowed = match (kind, layer_types(f, layers)?) {
        (DecoderKind::Mistral, _) => vec![true; layers],
        (_, Some(listed)) => listed,
        (DecoderKind::Gemma3, None) => {
            let pattern = f.count("sliding_window_pattern", 1..=1024)?.unwrap_or(6);
            (1..=layers).map(|layer| layer % pattern != 0).collect()
        }
        (_, None) => {
            let first = f.count("max_window_layers", 0..=1024)?;
            let first = first.unwrap_or(d.max_window_layers);
            (0..layers).map(|layer| layer >= first).collect()
        }
    };
    Ok((Some(window), windowed))
}

/// `layer_types`: for each layer whether it has the window.
fn layer_types(f: &Fields<'_>, layers: usize) -> Result<Option<Vec<bool>>, WeightsError> {
    const KEY: &str = "layer_types";
    let expected = || format!("{layers} names, each sliding_attention or full_attention");
    let Some(value) = f.value(KEY) else {
        return Ok(None);
    };
    let Value::Array(list) = value else {
        return Err(f.invalid(KEY, expected(), describe(value)));
    };
    let types = list.iter().map(|name| match name.as_str() {
        Some("sliding_attention") => Some(true),
        Some("full_attention") => Some(false),
        _ => None,
    });
    let types: Option<Vec<bool>> = types.collect();
    match types.filter(|types| types.len() == layers) {
        Some(types) => Ok(Some(types)),
        None => Err(f.invalid(KEY, expected(), describe(value))),
    }
}
