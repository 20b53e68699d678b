//! Why hidden states are no numbers.

use super::{
    EngineError, Stage,
    news::{MIB, News},
};
use crate::{alignment::AlignmentError, model::Checkpoint, platform};

/// Where `error` says that states hold NaN or infinity: the error that names the first tensor of
/// `checkpoint` that does. Any other error stays as it is.
///
/// Only a result that is no number makes the weights worth another reading: a NaN among weights that
/// a run never uses, as in the row of an unused token, is no fault.
pub(super) async fn explain(
    error: EngineError,
    checkpoint: &Checkpoint,
    news: &mut News<'_>,
) -> EngineError {
    match error {
        EngineError::Alignment(states @ AlignmentError::NotFinite { .. }) => {
            match search(&states, checkpoint, news).await {
                Ok(()) => EngineError::BrokenStates { states },
                Err(found) => found,
            }
        }
        other => other,
    }
}

/// Fails with the first tensor that holds NaN or infinity, in the order of a forward pass.
async fn search(
    states: &AlignmentError,
    checkpoint: &Checkpoint,
    news: &mut News<'_>,
) -> Result<(), EngineError> {
    let total: u64 = checkpoint.used().map(|(_, info)| info.bytes()).sum();
    let mut done = 0;
    for (_, info) in checkpoint.used() {
        for part in info.parts() {
            let begin = part.start;
            let bytes = info.read_elements(part)?;
            if let Some(found) = info.not_finite(begin, &bytes)? {
                return Err(EngineError::BrokenWeights {
                    states: Box::new(states.clone()),
                    file: info.file.clone(),
                    tensor: info.name.clone(),
                    value: found.value,
                    index: found.index,
                    elements: info.elements(),
                });
            }
            done += bytes.len() as u64;
            let detail = "looking for NaN among the weights".to_owned();
            news.progress_at(Stage::Load, done >> 20, total >> 20, MIB, detail);
            platform::yield_now().await;
            news.check()?;
        }
    }
    Ok(())
}
