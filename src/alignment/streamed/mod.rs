//! The Modality Integration Rate of any number of tokens in bounded memory.
//!
//! Nothing is kept of a token but its norm (4 bytes) once it is in the sums: the Gram matrix, in two parts, about a point
//! that the first tokens tell, the sum of the rows, and counts in [`BINS`] bins per dimension, of which the medians
//! come. Whether a token is an outlier is known only when all norms are; so rows whose norm is near the limit wait,
//! and at the end every decision is compared with what the norms of all tokens say. The pairs of tokens about which
//! was decided otherwise run again ([`Streamed::conclude`]).

mod clouds;
mod layout;
mod norms;
mod plan;
mod side;

use super::{AlignmentError, LayerDistance, MirSettings, Modality, group::distances, plan::PIECE};
use crate::{
    gpu::{Gpu, Recording, Tensor},
    platform::Cancel,
};

pub use plan::StreamPlan;
use side::Side;

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
        let plan = StreamPlan::new(gpu, width, pairs)?;
        let mut sides = Vec::with_capacity(2);
        for side in 0..2 {
            let [rows, waiting] = [plan.rows[side], [plan.waiting[side]; 2]];
            let side = Side::new(
                gpu,
                settings.outliers,
                layers,
                width,
                plan.tokens[side],
                rows,
                waiting[0],
            );
            sides.push(side.await?);
        }
        let [vision, text] = <[Side; 2]>::try_from(sides).map_err(|_| AlignmentError::States {
            expected: "two modalities".to_owned(),
            found: "others".to_owned(),
        })?;
        Ok(Self {
            gpu: gpu.clone(),
            settings,
            width,
            layers,
            sides: [vision, text],
            firsts: Vec::with_capacity(pairs.len()),
            next: [0, 0],
            again: None,
        })
    }

    /// Whether a pair with so many tokens (vision, text) can be pushed before [`Streamed::settle`].
    pub fn has_room(&self, tokens: [usize; 2]) -> bool {
        (self.sides.iter().zip(tokens)).all(|(side, tokens)| tokens <= side.free())
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

    /// Takes the tokens at hand into the sums and lets go of them.
    ///
    /// # Errors
    /// What the device reports, [`GpuError::Cancelled`](crate::gpu::GpuError::Cancelled) included.
    pub async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        for side in &mut self.sides {
            match self.again {
                Some(_) => side.correct(cancel).await?,
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
            let wrong = own.conclude(cancel).await?;
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

    /// The distance of each layer; `first` is the index of the first of them, for messages. `progress` hears how many
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
    ) -> Result<Vec<LayerDistance>, AlignmentError> {
        self.settle(cancel).await?;
        let Self { gpu, sides, .. } = &self;
        let ranks = self.settings.ranks;
        let mut found = Vec::with_capacity(self.layers);
        for layer in 0..self.layers {
            let [vision, text] = sides;
            let of_vision = vision
                .cloud(gpu, layer, first, Modality::Vision, ranks, cancel)
                .await?;
            let of_text = text
                .cloud(gpu, layer, first, Modality::Text, ranks, cancel)
                .await?;
            let scalars = [[of_vision.0, of_text.0]];
            let factors = vec![[of_vision.1, of_text.1]];
            let own = distances(
                gpu,
                self.settings,
                (self.width, 1),
                first + layer,
                &scalars,
                factors,
                cancel,
                &mut |_| {},
            )
            .await?;
            found.extend(own);
            progress(layer + 1);
        }
        Ok(found)
    }
}
