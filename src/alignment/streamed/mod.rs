//! The Modality Integration Rate of any number of tokens in bounded memory.
//!
//! Nothing is kept of a token but its norm and what was decided about it (5 bytes, on the CPU) once it is in the sums:
//! half of the Gram matrix, in two parts, about a point that the first tokens tell, the sum of the rows, and counts in [`BINS`] bins per dimension, of which the medians
//! come. Whether a token is an outlier is known only when all norms are; so rows whose norm is near the limit wait,
//! and at the end every decision is compared with what the norms of all tokens say. The pairs of tokens about which
//! was decided otherwise run again ([`Streamed::conclude`]).

mod clouds;
mod layout;
mod merged;
mod middle;
mod norms;
mod plan;
mod saved;
mod second;
mod side;
mod sums;

use super::{
    AlignmentError, LayerDistance, MirSettings, Modality,
    factors::{Factored, factored},
    frechet::Cloud,
    group::distances,
    mir::no_intervals,
    spectrum::EffectiveRank,
};
use crate::{
    gpu::{Gpu, Recording, Tensor},
    platform::Cancel,
};

use clouds::Summed;
pub use merged::{MergeError, MergedSums, Merging};
use norms::WIDEST;
pub use plan::StreamPlan;
pub use saved::{SavedSize, SavedSums};
pub use second::Second;
use second::{Known, Layer};
use side::{Side, have_room};

/// Both modalities of a layer, and what a second run has to know of them.
type Clouds = ([Cloud; 2], [Known; 2]);

/// Bins per dimension.
const BINS: usize = 512;
/// Pairs whose tokens say where a cloud lies.
pub(super) const FIRST_PAIRS: usize = 8;

/// Takes the states of some layers pair by pair, holds sums of them, and computes the distance of each layer.
///
/// After each recording that [`Streamed::push`] wrote to has run, [`Streamed::settle`] has to make room where
/// [`Streamed::has_room`] denies it for the next pair.
pub struct Streamed {
    gpu: Gpu,
    settings: MirSettings,
    width: usize,
    layers: usize,
    sides: [Side; 2],
    /// Layers that are factored together.
    together: usize,
    /// Tokens of each pair: vision, text.
    pairs: Vec<[usize; 2]>,
    no_intervals: Option<String>,
    /// First token of each pair pushed: vision, text.
    firsts: Vec<[usize; 2]>,
    next: [usize; 2],
    /// Pairs that run again, the next one last.
    again: Option<Vec<usize>>,
}

impl Streamed {
    /// Prepares for `layers` states of width `width` and pairs with so many tokens (vision, text).
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`]; what the device refuses.
    pub async fn new(
        gpu: &Gpu,
        settings: MirSettings,
        layers: usize,
        width: usize,
        pairs: &[[usize; 2]],
    ) -> Result<Self, AlignmentError> {
        Self::with_doubt(gpu, (settings, WIDEST), [layers, width], pairs)
    }

    fn with_doubt(
        gpu: &Gpu,
        (settings, widest): (MirSettings, f64),
        [layers, width]: [usize; 2],
        pairs: &[[usize; 2]],
    ) -> Result<Self, AlignmentError> {
        let plan = StreamPlan::new(gpu, width, pairs)?.with(settings);
        let no_intervals = no_intervals(settings, width, plan.tokens);
        let settings = MirSettings {
            intervals: settings.intervals && no_intervals.is_none(),
            ..settings
        };
        let rule = (settings.outliers, widest);
        let side = |side| Side::new(gpu, rule, [layers, width], &plan, side);
        Ok(Self {
            gpu: gpu.clone(),
            settings,
            width,
            layers,
            sides: [side(0)?, side(1)?],
            together: plan.together,
            pairs: pairs.to_vec(),
            no_intervals,
            firsts: Vec::with_capacity(pairs.len()),
            next: [0, 0],
            again: None,
        })
    }

    /// Why there are no intervals although they were asked for.
    pub fn no_intervals(&self) -> Option<&str> {
        self.no_intervals.as_deref()
    }

    /// Whether a pair with so many tokens (vision, text) can be pushed before [`Streamed::settle`].
    pub fn has_room(&self, tokens: [usize; 2]) -> bool {
        have_room(&self.sides, tokens)
    }

    /// Records the copying of the next pair's tokens: the rows `vision` and `text` of `states`, one a layer; after
    /// [`Streamed::conclude`] of the next of the pairs that it named.
    ///
    /// # Errors
    /// [`AlignmentError::States`], [`AlignmentError::TokenCount`], and what the device refuses.
    pub fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        vision: &[u32],
        text: &[u32],
    ) -> Result<(), AlignmentError> {
        if states.len() != self.layers {
            return Err(AlignmentError::States {
                expected: format!("{} layers", self.layers),
                found: format!("{} layers", states.len()),
            });
        }
        let firsts = match &mut self.again {
            Some(again) => again.pop().and_then(|pair| self.firsts.get(pair)).copied(),
            None => {
                self.firsts.push(self.next);
                Some(self.next)
            }
        };
        let Some(firsts) = firsts else {
            return Err(AlignmentError::States {
                expected: "no further pair".to_owned(),
                found: "one".to_owned(),
            });
        };
        for (side, positions) in [vision, text].into_iter().enumerate() {
            let end = firsts[side] + positions.len();
            let own = &mut self.sides[side];
            if end > own.expected || positions.len() > own.free() {
                return Err(AlignmentError::TokenCount {
                    modality: Modality::ALL[side],
                    expected: own.expected,
                    found: end,
                });
            }
            own.take(recording, states, positions, firsts[side])?;
            if self.again.is_none() {
                self.next[side] = end;
            }
        }
        Ok(())
    }

    /// Takes the tokens at hand into the sums and lets go of them, those of a modality that has still room for every
    /// pair excepted.
    ///
    /// # Errors
    /// What the device reports, [`GpuError::Cancelled`](crate::gpu::GpuError::Cancelled) included.
    pub async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        for side in &mut self.sides {
            match self.again {
                Some(_) => side.correct(cancel).await?,
                // More tokens together tell better where a cloud lies.
                None if side.has_room_for_any() => {}
                None => side.settle(cancel).await?,
            }
        }
        Ok(())
    }

    /// To be called when all pairs were pushed: compares every decision with the norms of all tokens, and names the
    /// pairs that have to be pushed again, in this order.
    ///
    /// # Errors
    /// [`AlignmentError::TokenCount`] where tokens are missing; what the device reports.
    pub async fn conclude(&mut self, cancel: &Cancel) -> Result<Vec<usize>, AlignmentError> {
        self.concluded(true, cancel).await
    }

    async fn concluded(
        &mut self,
        is_whole: bool,
        cancel: &Cancel,
    ) -> Result<Vec<usize>, AlignmentError> {
        let mut pairs = Vec::new();
        for (side, modality) in Modality::ALL.into_iter().enumerate() {
            let own = &mut self.sides[side];
            if self.next[side] != own.expected {
                return Err(AlignmentError::TokenCount {
                    modality,
                    expected: own.expected,
                    found: self.next[side],
                });
            }
            let wrong = own.conclude(is_whole, cancel).await?;
            pairs.extend(wrong.iter().map(|&token| {
                let after = self
                    .firsts
                    .partition_point(|firsts| firsts[side] <= token as usize);
                after.saturating_sub(1)
            }));
        }
        pairs.sort_unstable();
        pairs.dedup();
        self.again = Some(pairs.iter().rev().copied().collect());
        Ok(pairs)
    }

    /// The distance of each layer, and, where intervals are wanted, who takes all pairs once more; `first` is the index of the first of them, for messages. `progress` hears how many
    /// layers are done.
    ///
    /// # Errors
    /// [`AlignmentError::NotFinite`], [`AlignmentError::ZeroNorms`], [`AlignmentError::FirstPairs`], and what the
    /// device reports.
    pub async fn finish(
        mut self,
        first: usize,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize),
    ) -> Result<(Vec<LayerDistance>, Option<Second>), AlignmentError> {
        self.settle(cancel).await?;
        if self.again.as_ref().is_none_or(|again| !again.is_empty()) {
            return Err(AlignmentError::States {
                expected: "every pair that has to be pushed again".to_owned(),
                found: "fewer".to_owned(),
            });
        }
        let wanted = self.settings.intervals;
        let mut layers = Vec::new();
        let mut found = Vec::with_capacity(self.layers);
        while found.len() < self.layers {
            let begin = found.len();
            let count = self.together.min(self.layers - begin);
            let (own, known) = self.group((begin, count), first, cancel).await?;
            for ((clouds, known), distance) in known.into_iter().zip(&own) {
                if wanted {
                    let root = distance.moments.trace_root;
                    layers.push(Layer::new(&self.gpu, clouds, known, root, cancel).await?);
                }
            }
            found.extend(own);
            (begin..found.len()).for_each(|layer| progress(layer + 1));
        }
        if !wanted {
            return Ok((found, None));
        }
        let Self {
            gpu,
            settings,
            mut sides,
            pairs,
            ..
        } = self;
        sides.iter_mut().for_each(Side::give_back);
        gpu.trim();
        let second = Second::new(&gpu, settings.outliers, sides, layers, pairs)?;
        Ok((found, Some(second)))
    }

    /// The distances of `count` layers from `begin` on, and what the second run has to know of them.
    async fn group(
        &mut self,
        (begin, count): (usize, usize),
        first: usize,
        cancel: &Cancel,
    ) -> Result<(Vec<LayerDistance>, Vec<Clouds>), AlignmentError> {
        let (gpu, settings, width) = (&self.gpu, self.settings, self.width);
        let mut summed = Vec::with_capacity(count);
        for layer in begin..begin + count {
            let [vision, text] = &mut self.sides;
            let vision = vision.summed(gpu, (layer, first, Modality::Vision)).await?;
            let text = text.summed(gpu, (layer, first, Modality::Text)).await?;
            summed.push([vision, text]);
        }
        of_summed((gpu, settings, width), first + begin, summed, cancel).await
    }
}

/// The distances of some layers of width `width`, the first of which has index `first`, from the sums of both modalities;
/// and what a second run has to know of them.
async fn of_summed(
    (gpu, settings, width): (&Gpu, MirSettings, usize),
    first: usize,
    summed: Vec<[Summed; 2]>,
    cancel: &Cancel,
) -> Result<(Vec<LayerDistance>, Vec<Clouds>), AlignmentError> {
    let count = summed.len();
    // What comes now is larger than halves of Gram matrices.
    gpu.trim();
    let places = (0..count).flat_map(|layer| [0, 1].map(|side| (layer, side)));
    let tasks = places.map(|(layer, side)| summed[layer][side].task((layer, side)));
    let all = factored(gpu, width, settings, tasks.collect(), cancel, &mut |_| {}).await?;
    let mut parts = vec![[Factored::default(), Factored::default()]; count];
    for ((layer, side), found) in all {
        parts[layer][side] = found;
    }
    let factor = |of: &Factored| of.factor.clone();
    let factors = parts.iter().map(|parts| parts.each_ref().map(factor));
    let factors = factors.collect();
    let mut scalars = Vec::with_capacity(count);
    let mut known = Vec::with_capacity(count);
    for ([vision, text], parts) in summed.into_iter().zip(parts) {
        let [of_vision, of_text] = parts;
        let split = |summed: Summed, parts: Factored| {
            let (rank, slope) = match parts.rank {
                Some(EffectiveRank { value, slope }) => (Some(value), slope),
                None => (None, None),
            };
            let cloud = Cloud {
                rank,
                ..summed.cloud
            };
            let known = Known {
                factor: parts.factor.zip(parts.inverse),
                medians: summed.medians,
                slope,
            };
            (cloud, known)
        };
        let (vision, text) = (split(vision, of_vision), split(text, of_text));
        scalars.push([vision.0, text.0]);
        known.push([vision.1, text.1]);
    }
    let sizes = (width, count);
    let mut unheard = |_| {};
    let heard = &mut unheard;
    let distances = distances(
        gpu, settings, sizes, first, &scalars, factors, cancel, heard,
    );
    let distances = distances.await?;
    Ok((distances, scalars.into_iter().zip(known).collect()))
}
