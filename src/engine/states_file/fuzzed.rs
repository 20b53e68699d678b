//! What happens to a file of states or statistics before a device is asked for.

use std::path::PathBuf;

use super::{StatesFile, kept::words_in, measure::images, merge::gathered, source::measured, sums};
use crate::{
    alignment::LOGIT_LENS,
    engine::{EngineError, MeasureSettings, news::News},
    platform::{Cancel, native::block_on},
    report::TextMask,
};

/// Opens the file at `path` as a measurement of states and as a merge do, and reads all its rows.
///
/// # Errors
/// What either of them reports.
pub fn tried(path: PathBuf) -> Result<(), EngineError> {
    let states = || -> Result<(), EngineError> {
        let settings = MeasureSettings::default();
        let file = StatesFile::open(&path, TextMask::Official)?;
        file.check((measured(&settings, file.layers).iter()).map(|state| state.id))?;
        let all = file.marks.pairs()?;
        images(&file, &all)?;
        file.kept.check(all.len())?;
        for (index, pair) in all.iter().enumerate() {
            file.kept.pair(&LOGIT_LENS, index, pair.tokens)?;
        }
        if file.kept.words.is_some() {
            words_in(&file.name, file.kept.words.as_deref())?;
        }
        file.about.model(&file.name, file.sizes());
        for pair in &all {
            file.marks.positions(pair.rows.clone())?;
        }
        for tensor in file.tensors.values() {
            tensor.read()?;
        }
        Ok(())
    };
    let (cancel, mut ignored) = (Cancel::default(), |_| ());
    let mut news = News::new(&cancel, &mut ignored);
    let merged = block_on(gathered(std::slice::from_ref(&path), &mut news)).map(|_| ());
    states().and(merged).and(sums::tried(&path))
}
