//! Describes a checkpoint without running it.

use super::{
    DeviceSettings, EngineError, ImageInput, InspectRequest, checkpoint, describe, news::News,
    pairs::image_bytes, session::device::grant,
};
use crate::{
    families::plan::Piece,
    gpu::GpuError,
    input::{ImageProcessor, Processor, decode_image},
    model::{Checkpoint, Part},
    report::{DeviceGrant, ImageInspection, Inspection},
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
    let (opened, reading) = match request.fetch {
        true => (checkpoint::open(request.model, news).await?, Vec::new()),
        false => checkpoint::open_described(request.model, news).await?,
    };
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
    notes.extend(reading);
    notes.extend(choice);
    let largest_buffer_bytes = largest.as_ref().map_or(0, |(_, bytes)| *bytes);
    if let (Some((name, bytes)), Some(device)) = (largest, &device)
        && bytes > device.max_storage_buffer_binding_size
    {
        notes.push(format!(
            "{name} is larger than one binding of this adapter and is split"
        ));
    }
    let image = match &request.image {
        Some(image) => Some(planned(checkpoint, image)?),
        None => None,
    };
    let image_tokens = square_tokens(checkpoint, &mut notes);
    Ok(Inspection {
        model: describe::summary(checkpoint, &opened.name),
        family: spec.family.to_owned(),
        part_bytes: part_bytes(checkpoint),
        unused: checkpoint.unused().map(str::to_owned).collect(),
        image,
        connector_parameters: describe::connector_parameters(checkpoint),
        image_tokens,
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

/// Bytes of the weights, part by part.
fn part_bytes(checkpoint: &Checkpoint) -> Vec<(String, u64)> {
    let parts = [
        (Part::Tower, describe::TOWER),
        (Part::Connector, describe::CONNECTOR),
        (Part::Decoder, describe::DECODER),
    ];
    let size = |part| {
        let own = checkpoint.used().filter(|(used, _)| used.part == part);
        own.map(|(_, info)| info.bytes()).sum::<u64>()
    };
    let parts = parts
        .into_iter()
        .map(|(part, name)| (name.to_owned(), size(part)));
    parts.filter(|(_, size)| *size > 0).collect()
}

/// What becomes of an image.
fn planned(checkpoint: &Checkpoint, image: &ImageInput) -> Result<ImageInspection, EngineError> {
    let processor = Processor::open(checkpoint.source().as_ref(), &checkpoint.spec)?;
    let name = image.name();
    let (decoded, _) = decode_image(&name, &image_bytes(image)?)?;
    let plan = processor.plan(&name, decoded.height, decoded.width)?;
    let pieces = plan.pieces.iter().map(|piece| match piece {
        Piece::Placeholders(count) => format!("<image> x {count}"),
        Piece::Scaffold(text) | Piece::Text(text) => text.clone(),
    });
    Ok(ImageInspection {
        size: [decoded.height, decoded.width],
        pictures: plan.pictures.iter().map(|picture| picture.padded).collect(),
        grids: plan.views.iter().map(|view| view.cells).collect(),
        tokens: plan.tokens(),
        prompt: pieces.collect::<Vec<_>>().join(" "),
        name,
    })
}

/// Image tokens of an image; where its proportions decide about them, of a square one, with a note.
fn square_tokens(checkpoint: &Checkpoint, notes: &mut Vec<String>) -> usize {
    let Some(vision) = &checkpoint.spec.vision else {
        return 0;
    };
    let side = vision.tower.picture_size;
    let tokens = vision.any_resolution.as_ref().and_then(|_| {
        let processor = ImageProcessor::open(&**checkpoint.source(), &checkpoint.spec).ok()?;
        Some(processor.plan("a square", side, side).ok()?.tokens())
    });
    if let Some(tokens) = tokens {
        notes.push(format!(
            "the tokens of an image depend on its proportions: {tokens} are those of a square of \
             {side} pixels"
        ));
    }
    tokens.unwrap_or_else(|| vision.num_image_tokens())
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
