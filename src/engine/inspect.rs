//! Describes a checkpoint without running it.

use super::{
    DeviceSettings, EngineError, InspectRequest, checkpoint, describe, news::News, session::grant,
};
use crate::{
    families::ImagePlan,
    gpu::GpuError,
    input::Processor,
    model::Checkpoint,
    report::{DeviceGrant, Inspection},
};

/// Describes the checkpoint and the adapter it would run on.
///
/// # Errors
/// The checkpoint does not open, or no adapter has the name asked for. A machine without any
/// adapter is described as such.
pub(super) async fn inspect(
    request: InspectRequest,
    news: &mut News<'_>,
) -> Result<Inspection, EngineError> {
    let opened = checkpoint::open(request.model, |_, _| {}).await?;
    news.check()?;
    let (device, choice) = adapter(&request.device).await?;
    let checkpoint = &opened.checkpoint;
    let spec = &checkpoint.spec;
    let dtypes = describe::dtypes(checkpoint);
    let largest = checkpoint
        .used()
        .max_by_key(|(_, info)| info.bytes())
        .map(|(used, info)| (used.name.as_str(), info.bytes()));
    let mut notes = checkpoint.notes();
    notes.extend(choice);
    let largest_buffer_bytes = largest.as_ref().map_or(0, |(_, bytes)| *bytes);
    if let (Some((name, bytes)), Some(device)) = (largest, &device)
        && bytes > device.max_storage_buffer_binding_size
    {
        notes.push(format!(
            "{name} is larger than one binding of this adapter and is split"
        ));
    }
    Ok(Inspection {
        model: describe::summary(checkpoint, &opened.name),
        connector_parameters: describe::connector_parameters(checkpoint),
        image_tokens: image_tokens(checkpoint, &mut notes),
        context: spec.text.max_position_embeddings,
        weight_bytes: dtypes.iter().map(|share| share.bytes).sum(),
        largest_buffer_bytes,
        // One f32 state a layer.
        state_bytes_per_1000_tokens: 4000
            * spec.text.hidden_size as u64
            * spec.text.num_hidden_layers as u64,
        obstacle: obstacle(checkpoint, device.is_some(), &mut notes),
        dtypes,
        device,
        notes,
    })
}

/// Width and height of the image whose tokens are told where they depend on its size.
const TYPICAL: [usize; 2] = [640, 480];

/// Image tokens of an image.
fn image_tokens(checkpoint: &Checkpoint, notes: &mut Vec<String>) -> usize {
    let Some(vision) = &checkpoint.spec.vision else {
        return 0;
    };
    if vision.tower.blocks.is_none() {
        return vision.num_image_tokens();
    }
    let [width, height] = TYPICAL;
    let processor = Processor::open(checkpoint.source().as_ref(), &checkpoint.spec);
    let plan = processor.and_then(|processor| processor.plan("typical", height, width));
    notes.push(format!(
        "the number of image tokens depends on the image; the one given is for {width} x {height} pixels"
    ));
    plan.as_ref().map_or(0, ImagePlan::tokens)
}

/// Why this checkpoint, which opens, cannot be measured all the same; none where it can. What concerns
/// some images only is a note.
fn obstacle(checkpoint: &Checkpoint, has_device: bool, notes: &mut Vec<String>) -> Option<String> {
    let source = checkpoint.source().as_ref();
    let processor = match Processor::open(source, &checkpoint.spec) {
        Ok(processor) => processor,
        Err(error) => return Some(error.to_string()),
    };
    if let Err(error) = processor.try_out(48, 48) {
        return Some(error.to_string());
    }
    if let Err(error) = processor.try_out(64, 48) {
        notes.push(format!("only square images can be measured: {error}"));
    }
    (!has_device).then(|| "no adapter was found that could run it".to_owned())
}

/// What the adapter grants that a measurement would try first, with notes about the choice. Where none was
/// asked for and none opens, the notes say why.
async fn adapter(
    settings: &DeviceSettings,
) -> Result<(Option<DeviceGrant>, Vec<String>), EngineError> {
    match grant(settings).await {
        Ok((grant, notes)) => Ok((Some(grant), notes)),
        Err(GpuError::NoAdapter) => Ok((None, Vec::new())),
        Err(error) if settings.adapter.is_none() => Ok((None, vec![error.to_string()])),
        Err(error) => Err(error.into()),
    }
}
