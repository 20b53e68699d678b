//! Writes the states of a measurement, pair by pair.
//!
//! Header, places and values have to agree, also where an interrupted file goes on.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{
    FORMAT, IDS, PAIR, SUMS, VISION,
    about::{DATA_KEY, DataAbout, FORMAT_KEY, MODEL_KEY, ModelAbout},
    every_state,
    kept::Keeping,
    mask_name, order,
    piece::{PIECE_KEY, Piece},
    planned::{Planned, header, planned, sums},
    refused, tensor_name,
    there::{is_whole, lost, piece_in},
};
use crate::{
    alignment::{AlignmentError, Metric, StateId},
    engine::{EngineError, measure::images, prepare::Prepared, sum::Sum},
    gpu::{Gpu, Tensor},
    platform::{Cancel, PlacedFile},
    report::{DataSummary, ModelSummary, TextMask},
    weights::safetensors::MAX_HEADER_BYTES,
};

/// A file of states under way; it appears with [`StatesWriter::finish`], whole, and not without it.
pub(in crate::engine) struct StatesWriter {
    file: PlacedFile,
    layers: usize,
    tensors: Vec<Planned>,
    /// Rows and pairs that are written.
    rows: usize,
    pairs: usize,
    /// The pairs' numbers, where they are not those of the file.
    numbers: Option<Vec<u64>>,
    /// What else is kept of each pair, in a file of statistics.
    keeping: Option<Keeping>,
}

/// A file of statistics that is to be written.
pub(super) enum Begun {
    /// It is there, whole.
    Whole,
    /// It has the pairs that an interrupted run left, or none.
    UnderWay(Box<StatesWriter>),
}

impl Begun {
    /// The file at `path` of a piece's `pairs`, which have these `numbers`. Another file in its place and an interrupted
    /// run of other settings are refused, or given up with `anew`.
    ///
    /// # Errors
    /// What the system says; that another process writes the file; that something else would be lost.
    pub(super) fn of(
        path: &Path,
        (piece, keeping): (&Piece, Keeping),
        pairs: &[Prepared],
        numbers: &[u64],
        anew: bool,
        cancel: &Cancel,
    ) -> Result<Self, EngineError> {
        let data = DataSummary {
            source: piece.source.clone(),
            num_pairs: pairs.len(),
            seed: piece.settings.seed,
            prompt: piece.prompt.clone(),
            protocol: None,
            skipped: Vec::new(),
        };
        let tokens: Vec<usize> = pairs.iter().map(|pair| tokens(pair).len()).collect();
        let (layers, width) = (piece.model.num_hidden_layers, piece.model.hidden_size);
        let mut tensors = planned(layers, width, tokens.iter().sum());
        tensors.insert(0, sums(pairs.len()));
        let masks = tensors.iter().position(|tensor| tensor.name == VISION);
        let masks = masks.unwrap_or(tensors.len());
        tensors.splice(masks..masks, keeping.planned());
        let mut about = about(&piece.model, &data, pairs);
        about.insert(PIECE_KEY.to_owned(), json!(piece).to_string().into());
        keeping.tell(&mut about);
        let header = header(&mut tensors, &about);
        let len = tensors
            .iter()
            .map(Planned::end)
            .max()
            .unwrap_or(header.len() as u64);
        if is_whole(path, &header, len) {
            return Ok(Self::Whole);
        }
        if !anew && path.is_file() {
            return Err(lost(path, piece));
        }
        let mut writer = StatesWriter {
            file: PlacedFile::resume(path)?,
            layers,
            tensors,
            rows: 0,
            pairs: 0,
            numbers: Some(numbers.to_vec()),
            keeping: Some(keeping),
        };
        let found = writer.found()?;
        if found == header && writer.file.size()? == len {
            writer.go_on(pairs, cancel)?;
        } else {
            if !anew && found.is_empty() && writer.holds_something()? {
                let under_way = writer.file.under_way().display().to_string();
                let reason = "expected what an interrupted run has left, found another file; move it away, or replace \
                              it with --force";
                return Err(refused(&under_way, reason.to_owned()));
            }
            if let Some([field, own, other]) =
                piece_in(&found).and_then(|text| piece.other_run(&text))
                && !anew
            {
                let under_way = writer.file.under_way().display().to_string();
                let reason = format!(
                    "an interrupted run has left it, whose `{field}` is {other}, not {own}; go on with the settings \
                     of that run, or begin anew with --force"
                );
                return Err(refused(&under_way, reason));
            }
            // Ours from now on: nothing is left of it where not even the header finds room.
            writer.file.keep(false);
            writer.file.reset(len)?;
            writer.file.write_at(0, &header)?;
        }
        let kept = writer.pairs > 0;
        writer.file.keep(kept);
        Ok(Self::UnderWay(Box::new(writer)))
    }
}

impl StatesWriter {
    /// Begins the file at `path` for the states of `pairs`, and writes its header.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::engine) fn begin(
        path: &Path,
        model: &ModelSummary,
        data: &DataSummary,
        pairs: &[Prepared],
    ) -> Result<Self, EngineError> {
        let tokens: Vec<usize> = pairs.iter().map(|pair| tokens(pair).len()).collect();
        let (layers, width) = (model.num_hidden_layers, model.hidden_size);
        let mut tensors = planned(layers, width, tokens.iter().sum());
        let header = header(&mut tensors, &about(model, data, pairs));
        let mut file = PlacedFile::begin(path)?;
        file.write_at(0, &header)?;
        Ok(Self {
            file,
            layers,
            tensors,
            rows: 0,
            pairs: 0,
            numbers: None,
            keeping: None,
        })
    }

    /// The header of the file under way; what there is where there is none.
    fn found(&mut self) -> Result<Vec<u8>, EngineError> {
        let len = self.file.size()?;
        let mut size = [0; 8];
        if len < 8 {
            return Ok(Vec::new());
        }
        self.file.read_at(0, &mut size)?;
        let header = u64::from_le_bytes(size).saturating_add(8);
        if header > len.min(MAX_HEADER_BYTES) {
            return Ok(Vec::new());
        }
        let mut found = vec![0; usize::try_from(header).unwrap_or_default()];
        self.file.read_at(0, &mut found)?;
        Ok(found)
    }

    /// Whether the file under way, which has no header, has anything at its beginning: one that was cut off there has not.
    fn holds_something(&mut self) -> Result<bool, EngineError> {
        let mut first = [0; 8];
        if self.file.size()? < 8 {
            return Ok(false);
        }
        self.file.read_at(0, &mut first)?;
        Ok(first != [0; 8])
    }

    /// Counts the pairs whose rows are whole and of the same tokens as these `pairs`, up to the first that is not.
    fn go_on(&mut self, pairs: &[Prepared], cancel: &Cancel) -> Result<(), EngineError> {
        for pair in pairs {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            let ids = tokens(pair);
            let count = ids.len();
            let mut said = [0; 8];
            let Some(place) = self.place(SUMS, 0) else {
                return Ok(());
            };
            self.file.read_at(place, &mut said)?;
            let mut sum = Sum::default();
            for name in order(self.layers) {
                let Some((place, row)) = self.place(&name, 0).zip(self.row(&name)) else {
                    continue;
                };
                let bytes = usize::try_from(row * count as u64).unwrap_or_default();
                let mut found = vec![0; bytes];
                self.file.read_at(place, &mut found)?;
                // A template may have told another day.
                if name == IDS && found != bytes_of(ids) {
                    return Ok(());
                }
                sum.add(&found);
            }
            for (place, count) in self.places_kept() {
                let mut found = vec![0; 4 * count];
                self.file.read_at(place, &mut found)?;
                sum.add(&found);
            }
            if u64::from_le_bytes(said) != sum.number() {
                return Ok(());
            }
            self.rows += count;
            self.pairs += 1;
        }
        Ok(())
    }

    /// Where what else is kept of the next pair stands, and how many values.
    fn places_kept(&self) -> Vec<(u64, usize)> {
        let keeping = self.keeping.iter();
        let all = keeping.flat_map(|keeping| keeping.places(self.pairs));
        all.filter_map(|(name, values)| {
            let tensor = self.tensors.iter().find(|tensor| tensor.name == name)?;
            Some((
                tensor.begin + values.start as u64 * tensor.row,
                values.len(),
            ))
        })
        .collect()
    }

    /// Makes the metrics that keep something of the next pairs, whose forward pass is to be recorded.
    ///
    /// # Errors
    /// What the device refuses.
    pub(in crate::engine) fn begin_pairs(
        &mut self,
        gpu: &Gpu,
        pairs: &[&Prepared],
    ) -> Result<(), EngineError> {
        let keeping = self.keeping.as_mut();
        keeping.map_or(Ok(()), |keeping| keeping.begin(gpu, pairs))
    }

    /// Those metrics.
    pub(in crate::engine) fn metrics(&mut self) -> &mut [Box<dyn Metric>] {
        let keeping = self.keeping.as_mut();
        keeping.map_or(&mut [], |keeping| &mut keeping.metrics)
    }

    /// Reads what they kept, once the forward pass has run.
    ///
    /// # Errors
    /// What the device reports.
    pub(in crate::engine) async fn end_pairs(&mut self) -> Result<(), EngineError> {
        match &mut self.keeping {
            Some(keeping) => keeping.read().await,
            None => Ok(()),
        }
    }

    /// Pairs that are written.
    pub(super) fn pairs(&self) -> usize {
        self.pairs
    }

    /// The states to capture.
    pub(in crate::engine) fn states(&self) -> impl Iterator<Item = StateId> {
        every_state(self.layers)
    }

    /// Writes the next pairs, whose forward pass has run; `states` hold the tokens of all of them, one pair's below another's.
    ///
    /// # Errors
    /// What the device or the system says.
    pub(in crate::engine) async fn push(
        &mut self,
        gpu: &Gpu,
        states: &[(StateId, Tensor)],
        pairs: &[&Prepared],
    ) -> Result<(), EngineError> {
        let all: usize = pairs.iter().map(|pair| tokens(pair).len()).sum();
        let mut sums = vec![Sum::default(); pairs.len()];
        for id in every_state(self.layers) {
            let found = states.iter().find(|(name, _)| *name == id);
            // One at a time: all of them may be more than a transfer takes.
            let read = match found {
                Some((_, state)) => gpu.read(&[state]).await?.pop(),
                None => None,
            };
            let read = read.filter(|read| read.rows == all);
            let read = read.ok_or_else(|| AlignmentError::States {
                expected: format!("{id:?} of {all} tokens"),
                found: "none".to_owned(),
            })?;
            let (name, mut first) = (tensor_name(id, self.layers), 0);
            for (pair, sum) in pairs.iter().zip(&mut sums) {
                let end = first + tokens(pair).len();
                let values = read.values.get(first * read.cols..end * read.cols);
                let bytes = bytemuck::cast_slice(values.unwrap_or_default());
                self.write(&name, first, bytes, sum)?;
                first = end;
            }
        }
        for (pair, sum) in pairs.iter().zip(sums) {
            self.end(pair, sum)?;
        }
        Ok(())
    }

    /// Writes what else is told of the next pair, whose states have this sum.
    fn end(&mut self, pair: &Prepared, mut sum: Sum) -> Result<(), EngineError> {
        let ids = tokens(pair);
        let number = |number: i64| number.to_le_bytes();
        self.write(IDS, 0, &bytes_of(ids), &mut sum)?;
        let pairs = self.pairs as u64;
        let numbers = self.numbers.as_ref();
        let named = numbers.map_or(Some(pairs), |numbers| numbers.get(self.pairs).copied());
        let named = number(named.unwrap_or(pairs) as i64);
        self.write(PAIR, 0, &named.repeat(ids.len()), &mut sum)?;
        self.write(VISION, 0, &marked(&pair.prompt.vision, ids.len()), &mut sum)?;
        for mask in TextMask::ALL {
            let marked = marked(pair.text(mask), ids.len());
            self.write(mask_name(mask), 0, &marked, &mut sum)?;
        }
        let places = self.places_kept();
        if let Some(keeping) = &mut self.keeping {
            let kept = keeping.next(self.pairs)?;
            for ((place, _), values) in places.into_iter().zip(kept) {
                let bytes = bytemuck::cast_slice(&values);
                sum.add(bytes);
                self.file.write_at(place, bytes)?;
            }
        }
        if let Some(place) = self.place(SUMS, 0) {
            // After the rows that it says are whole.
            self.file.write_at(place, &sum.number().to_le_bytes())?;
            self.file.keep(true);
        }
        self.rows += ids.len();
        self.pairs += 1;
        Ok(())
    }

    /// Writes what a tensor says of the next pair, or of one whose rows are so many further `ahead`.
    fn write(
        &mut self,
        name: &str,
        ahead: usize,
        bytes: &[u8],
        sum: &mut Sum,
    ) -> Result<(), EngineError> {
        if let Some(place) = self.place(name, ahead) {
            sum.add(bytes);
            self.file.write_at(place, bytes)?;
        }
        Ok(())
    }

    /// Where the next pair stands in a tensor, or one so many rows further `ahead`.
    fn place(&self, name: &str, ahead: usize) -> Option<u64> {
        let before = ahead + if name == SUMS { self.pairs } else { self.rows };
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name)?;
        Some(tensor.begin + before as u64 * tensor.row)
    }

    /// Bytes of a token in a tensor.
    fn row(&self, name: &str) -> Option<u64> {
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name)?;
        Some(tensor.row)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::engine) fn finish(self) -> Result<(), EngineError> {
        Ok(self.file.finish()?)
    }
}

/// Token ids as they stand in the file.
fn bytes_of(ids: &[u32]) -> Vec<u8> {
    let each = ids.iter().flat_map(|id| i64::from(*id).to_le_bytes());
    each.collect()
}

fn tokens(pair: &Prepared) -> &[u32] {
    &pair.prompt.input_ids
}

/// 1 at the positions, 0 elsewhere.
fn marked(positions: &[u32], tokens: usize) -> Vec<u8> {
    let mut mask = vec![0; tokens];
    for position in positions {
        if let Some(mark) = mask.get_mut(*position as usize) {
            *mark = 1;
        }
    }
    mask
}

/// The texts beside the tensors.
fn about(model: &ModelSummary, data: &DataSummary, pairs: &[Prepared]) -> Map<String, Value> {
    let tokens: Vec<usize> = pairs.iter().map(|pair| tokens(pair).len()).collect();
    let layers = model.num_hidden_layers;
    let states: Map<String, Value> = every_state(layers)
        .map(|id| (tensor_name(id, layers), id.name(layers).into()))
        .collect();
    let masks: Map<String, Value> = (TextMask::ALL.into_iter())
        .map(|mask| (mask.name().to_owned(), mask_name(mask).into()))
        .collect();
    let texts = [
        (MODEL_KEY, json!(ModelAbout::from(model))),
        (DATA_KEY, json!(DataAbout::of(data, images(pairs)))),
        ("states", json!(states)),
        ("text_masks", json!(masks)),
        ("tokens_by_pair", json!(tokens)),
    ];
    let texts = texts.map(|(key, value)| (key, value.to_string()));
    let own = [
        ("format", "pt"),
        (FORMAT_KEY, FORMAT),
        ("mirscope_version", env!("CARGO_PKG_VERSION")),
    ];
    let own = own.map(|(key, text)| (key, text.to_owned()));
    (own.into_iter().chain(texts))
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect()
}
