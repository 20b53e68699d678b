//! A measurement of a file of states, without a model.

use super::{
    StatesFile,
    about::DATA_KEY,
    refused,
    rows::PairRows,
    source::{FromFiles, Place, measured},
};
use crate::{
    engine::{EngineError, Session, StatesRequest, news::News, select},
    report::DataSummary,
    report::Report,
};

impl Session {
    /// Measures the states that `request` names.
    ///
    /// # Errors
    /// What the file or the device reports, before anything is computed where that can be known.
    pub(in crate::engine) async fn measure_states(
        &mut self,
        request: StatesRequest,
        news: &mut News<'_>,
    ) -> Result<Report, EngineError> {
        let settings = request.settings;
        settings.check()?;
        self.live = None;
        self.loaded = None;
        self.talk = None;
        let file = StatesFile::open(&request.file, settings.text_mask)?;
        file.check(
            measured(&settings, file.layers)
                .iter()
                .map(|state| state.id),
        )?;
        let all = file.marks.pairs()?;
        if all.is_empty() {
            let reason = file.name;
            return Err(EngineError::NoPairs { reason });
        }
        let gpu = self.device(&request.device, news).await?;
        let images_of = images(&file, &all)?;
        file.kept.check(all.len())?;
        let (mut pairs, mut images) = (Vec::new(), Vec::new());
        for index in select(all.len(), settings.num_pairs, settings.seed) {
            let rows = all.get(index).cloned();
            pairs.extend(rows.map(|rows| Place {
                file: 0,
                index,
                rows,
            }));
            images.extend(images_of.get(index).cloned());
        }
        let (model, missing) = file.about.model(&file.name, file.sizes());
        if !missing.is_empty() {
            let missing = missing.join(", ");
            news.note(format!(
                "the file of states does not say of the model: {missing}"
            ));
        }
        let chosen = pairs.len() < all.len();
        let data = data(&file, pairs.len(), chosen.then_some(settings.seed));
        let files = [file];
        let from = FromFiles {
            gpu: &gpu,
            files: &files,
            pairs: &pairs,
            images: &images,
        };
        from.report(&settings, model, data, news).await
    }
}

/// The vision tokens of each image of each pair, where the file says so.
///
/// # Errors
/// What it says is not of these `pairs`.
pub(super) fn images(
    file: &StatesFile,
    pairs: &[PairRows],
) -> Result<Vec<Vec<usize>>, EngineError> {
    let images = file.about.data.images.clone();
    let of =
        |own: &Vec<usize>| (own.iter()).fold(0, |sum: usize, tokens| sum.saturating_add(*tokens));
    let said: Vec<usize> = images.iter().map(of).collect();
    let found: Vec<usize> = pairs.iter().map(|pair| pair.tokens[0]).collect();
    if images.is_empty() || said == found {
        return Ok(images);
    }
    let number = (said.iter().zip(&found)).position(|(said, found)| said != found);
    let number = number.unwrap_or(said.len().min(found.len()));
    let named = |tokens: Option<&usize>| tokens.map_or("none".to_owned(), usize::to_string);
    let reason = format!(
        "`images` in the header's `{DATA_KEY}`: expected {} vision tokens of pair {number}, found {}; export the states \
         again",
        named(found.get(number)),
        named(said.get(number))
    );
    Err(refused(&file.name, reason))
}

/// Where the pairs came from.
fn data(file: &StatesFile, num_pairs: usize, seed: Option<u64>) -> DataSummary {
    let about = file.about.data.clone();
    let source = match about.source.as_str() {
        "" => format!("states in {}", file.name),
        source => format!("{source}, states in {}", file.name),
    };
    let prompt = match about.prompt.as_str() {
        "" => "unknown: the file of states does not say".to_owned(),
        prompt => prompt.to_owned(),
    };
    DataSummary {
        source,
        num_pairs,
        seed: seed.unwrap_or(about.seed),
        prompt,
        protocol: None,
        skipped: Vec::new(),
    }
}
