//! The sums of a modality at a layer as they are saved, for a merge with those of other pairs.

use super::{
    BINS, Streamed,
    norms::{Fate, Norms, WIDEST_OF_PART},
    side::Side,
};
use crate::{
    alignment::{AlignmentError, MirSettings, Modality},
    gpu::{Gpu, GpuError},
    kernels::matmul::Packed,
    platform::Cancel,
    report::Outliers,
};

/// What there is of a modality at a layer after some pairs; sums are of the scaled rows that count, about a point of their
/// own.
#[derive(Clone, Copy)]
pub(super) enum Part {
    /// Norms of all tokens.
    Norms,
    /// What has become of each: 0 left out, 1 counted, 2 waiting.
    Fates,
    /// Which tokens wait.
    Waiting,
    /// Their rows, `[waiting, width]`.
    Rows,
    /// The power of two that rows are scaled by.
    Scale,
    /// The point, in the units of the states, `[width]`.
    Center,
    /// Upper bounds of the sums of squares, `[width]`.
    Bounds,
    /// The larger part of the rows' sum, `[width]`.
    HighSum,
    /// The smaller one.
    LowSum,
    /// The larger part of their Gram matrix, half of it as [`Packed`] has it.
    High,
    /// The smaller one.
    Rest,
    /// Counts of all values, `[512, width]`; like the next two, nothing where nothing is replaced.
    Bins,
    /// What they are about, `[width]`.
    Medians,
    /// What distances to it are multiplied with, `[width]`.
    Inverse,
}

/// All of them.
const PARTS: usize = 14;

/// The sums of a modality at a layer after some pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedSums([Vec<f32>; PARTS]);

/// What decides how long each part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedSize {
    /// Of a row.
    pub width: usize,
    /// All of them.
    pub tokens: usize,
    /// Those that wait.
    pub waiting: usize,
    /// What becomes of outliers.
    pub outliers: Outliers,
}

impl SavedSize {
    /// The values of each of [`SavedSums::NAMES`].
    pub fn values(self) -> [usize; PARTS] {
        let Self {
            width,
            tokens,
            waiting,
            outliers,
        } = self;
        let half = Packed { side: width };
        let square = half.rows() * half.cols();
        let counted = usize::from(outliers == Outliers::Replace);
        [
            tokens,
            tokens,
            waiting,
            waiting * width,
            1,
            width,
            width,
            width,
            width,
            square,
            square,
            counted * BINS * width,
            counted * width,
            counted * width,
        ]
    }
}

impl SavedSums {
    /// What the parts are called, in the order in which they are given and taken.
    pub const NAMES: [&str; PARTS] = [
        "norms", "fates", "waiting", "rows", "scale", "center", "bounds", "high_sum", "low_sum",
        "high", "rest", "bins", "medians", "inverse",
    ];

    /// All parts.
    pub fn parts(&self) -> &[Vec<f32>; PARTS] {
        &self.0
    }

    pub(super) fn part(&self, part: Part) -> &[f32] {
        &self.0[part as usize]
    }

    /// From all parts.
    ///
    /// # Errors
    /// The name of the part that is not what it should be, what was expected, and what was found.
    pub fn from_parts(
        parts: [Vec<f32>; PARTS],
        size: SavedSize,
    ) -> Result<Self, (&'static str, String, String)> {
        let lens = Self::NAMES.into_iter().zip(&parts).zip(size.values());
        for ((name, part), len) in lens {
            if part.len() != len {
                return Err((name, format!("{len} values"), part.len().to_string()));
            }
            // Norms are what they are: a metric tells of states that are no numbers.
            if name != "norms"
                && let Some(found) = part.iter().find(|value| !value.is_finite())
            {
                return Err((name, "finite numbers".to_owned(), found.to_string()));
            }
        }
        let found = Self(parts);
        let fates = found.part(Part::Fates);
        if let Some(found) = fates.iter().find(|fate| ![0.0, 1.0, 2.0].contains(*fate)) {
            return Err(("fates", "0, 1 or 2".to_owned(), found.to_string()));
        }
        let own = (fates.iter().enumerate()).filter(|(_, fate)| **fate == WAITING);
        let mut own: Vec<f32> = own.map(|(token, _)| token as f32).collect();
        let mut said = found.part(Part::Waiting).to_vec();
        own.sort_by(f32::total_cmp);
        said.sort_by(f32::total_cmp);
        if own != said {
            let expected = "the tokens whose fate is 2".to_owned();
            return Err(("waiting", expected, "others".to_owned()));
        }
        if found.scale() <= 0.0 {
            let scale = found.scale().to_string();
            return Err(("scale", "a positive number".to_owned(), scale));
        }
        Ok(found)
    }

    /// Norms of all tokens.
    pub(super) fn norms(&self) -> &[f32] {
        self.part(Part::Norms)
    }

    /// What has become of a token.
    pub(super) fn fate(&self, token: usize) -> Fate {
        match self.part(Part::Fates).get(token) {
            Some(&COUNTED) => Fate::Counted,
            Some(&WAITING) => Fate::Waiting,
            _ => Fate::LeftOut,
        }
    }

    /// The tokens that wait, with their rows.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let width = self.part(Part::Center).len();
        let rows = self.part(Part::Rows).chunks_exact(width.max(1));
        let tokens = self.part(Part::Waiting).iter();
        tokens.map(|&token| token as usize).zip(rows)
    }

    pub(super) fn scale(&self) -> f32 {
        self.part(Part::Scale).first().copied().unwrap_or(1.0)
    }
}

const COUNTED: f32 = 1.0;
const WAITING: f32 = 2.0;

/// How a fate is saved.
fn number(fate: Fate) -> f32 {
    match fate {
        Fate::LeftOut => 0.0,
        Fate::Counted => COUNTED,
        Fate::Waiting => WAITING,
    }
}

impl Streamed {
    /// As [`Streamed::new`], for one of several parts whose sums are saved: intervals are none of its business.
    ///
    /// # Errors
    /// As [`Streamed::new`].
    pub fn of_part(
        gpu: &Gpu,
        settings: MirSettings,
        layers: usize,
        width: usize,
        pairs: &[[usize; 2]],
    ) -> Result<Self, AlignmentError> {
        let settings = MirSettings {
            intervals: false,
            ..settings
        };
        Self::with_doubt(gpu, (settings, WIDEST_OF_PART), [layers, width], pairs)
    }

    /// To be called when all pairs of this part of a measurement were pushed: names those that have to be pushed again, in
    /// this order, because the norms of this part tell of a token another fate than was decided. What is in doubt stays so,
    /// for the norms of all parts to decide.
    ///
    /// # Errors
    /// As [`Streamed::conclude`].
    pub async fn conclude_part(&mut self, cancel: &Cancel) -> Result<Vec<usize>, AlignmentError> {
        self.concluded(false, cancel).await
    }

    /// Takes the tokens at hand into the sums, however many there are, so that they can be saved.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn settle_all(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        for side in &mut self.sides {
            match self.again {
                Some(_) => side.correct(cancel).await?,
                None => side.settle(cancel).await?,
            }
        }
        Ok(())
    }

    /// Whether the first pairs are in the sums, so that they can be saved.
    pub fn can_be_saved(&self) -> bool {
        self.sides.iter().all(|side| side.layout.is_some())
    }

    /// Pairs that were pushed.
    pub fn pairs(&self) -> usize {
        self.firsts.len()
    }

    /// What [`Streamed::saved`] gives.
    pub fn saved_size(&self, layer: usize, modality: Modality) -> SavedSize {
        let side = &self.sides[modality.index()];
        SavedSize {
            width: self.width,
            tokens: self.next[modality.index()],
            waiting: side.waiting.get(layer).map_or(0, Vec::len),
            outliers: side.rule(),
        }
    }

    /// The sums of a modality at a layer after [`Streamed::settle_all`].
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`] where nothing was pushed; what the device reports.
    pub async fn saved(
        &self,
        layer: usize,
        modality: Modality,
    ) -> Result<SavedSums, AlignmentError> {
        let side = &self.sides[modality.index()];
        let found = side.saved(&self.gpu, layer).await?;
        found.ok_or(AlignmentError::TooFewTokens { modality, count: 0 })
    }
}

impl Side {
    /// None where no token was laid out.
    async fn saved(&self, gpu: &Gpu, layer: usize) -> Result<Option<SavedSums>, GpuError> {
        let gram = self.grams.get(layer).and_then(Option::as_ref);
        let (Some(layout), Some(gram)) = (&self.layout, gram) else {
            return Ok(None);
        };
        let width = self.width;
        let [high_sum, low_sum] = &self.sums;
        let mut tensors = vec![&gram.high, &gram.rest, high_sum, low_sum];
        tensors.extend(self.bins.get(layer));
        let waiting = &self.waiting[layer];
        tensors.extend(self.doubtful.get(layer).filter(|_| !waiting.is_empty()));
        let read = gpu.read(&tensors).await?;
        let mut read = read.into_iter().map(|read| read.values);
        let mut next = || read.next().unwrap_or_default();
        let own = layer * width..(layer + 1) * width;
        let of_layer = |values: &[f32]| values.get(own.clone()).unwrap_or_default().to_vec();
        let (high, rest, high_sum, low_sum) = (next(), next(), next(), next());
        let is_counted = self.bins.get(layer).is_some();
        let bins = if is_counted { next() } else { Vec::new() };
        let mut rows = next();
        rows.truncate(waiting.len() * width);
        let about = |values: &[f32]| match is_counted {
            true => of_layer(values),
            false => Vec::new(),
        };
        let norms: &Norms = &self.norms[layer];
        let all = 0..norms.len();
        Ok(Some(SavedSums([
            norms.of(all.clone()).to_vec(),
            all.map(|token| number(norms.fate(token))).collect(),
            waiting.iter().map(|&token| token as f32).collect(),
            rows,
            vec![layout.scales[layer]],
            of_layer(&layout.center_values),
            of_layer(&layout.bound_values),
            of_layer(&high_sum),
            of_layer(&low_sum),
            high,
            rest,
            bins,
            about(&layout.median_values),
            about(&layout.inverse_values),
        ])))
    }
}
