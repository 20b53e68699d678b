//! The Modality Integration Rate as a consumer of states, pair by pair.

use super::{AlignmentError, MemoryPlan, MirResult, Modality, transport};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::gather_rows::gather_rows,
    platform::Cancel,
    report::{Definition, Outliers, format_bytes},
};

/// How the distance is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirSettings {
    /// Definition of the distance; it decides nothing about which states and tokens are pushed.
    pub definition: Definition,
    /// What becomes of tokens whose norm stands out.
    pub outliers: Outliers,
    /// Whether intervals over pairs are computed as well, which takes time and memory.
    pub intervals: bool,
    /// Whether the effective rank of each modality is computed as well, which takes the processors about as
    /// long as two more traces of square roots.
    pub ranks: bool,
}

impl Default for MirSettings {
    fn default() -> Self {
        Self {
            definition: Definition::default(),
            outliers: Outliers::Replace,
            intervals: false,
            ranks: false,
        }
    }
}

/// Collects the hidden states of both modalities on the device and computes the Modality Integration
/// Rate of them.
///
/// States go in with [`Mir::push`], pair by pair, and nothing but statistics comes out, with
/// [`Mir::finish`]. It knows no model: a state is a tensor, a token is a row.
pub struct Mir {
    pub(super) gpu: Gpu,
    pub(super) settings: MirSettings,
    plan: MemoryPlan,
    pub(super) hidden_size: usize,
    /// Rows of each layer: vision, text.
    pub(super) stores: Vec<[Tensor; 2]>,
    pub(super) expected: [usize; 2],
    filled: [usize; 2],
    /// Rows that each pair has: vision, text.
    pub(super) pairs: Vec<[usize; 2]>,
    no_intervals: Option<String>,
}

impl Mir {
    /// The device memory that [`Mir::new`] with the same numbers will take, in bytes.
    ///
    /// `n_vision` and `n_text` are the tokens of all pairs together; `budget` bounds the metric, not
    /// the model.
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`], [`AlignmentError::OverBudget`], and [`GpuError::TooLarge`]
    /// where the states of a layer exceed one buffer or binding of the device.
    pub fn plan(
        gpu: &Gpu,
        layers: usize,
        hidden_size: usize,
        n_vision: usize,
        n_text: usize,
        budget: Option<u64>,
    ) -> Result<MemoryPlan, AlignmentError> {
        MemoryPlan::new(gpu, layers, hidden_size, [n_vision, n_text], budget)
    }

    /// Prepares for `layers` states of width `hidden_size` and takes the memory for them.
    ///
    /// # Errors
    /// Those of [`Mir::plan`].
    pub fn new(
        gpu: &Gpu,
        settings: MirSettings,
        layers: usize,
        hidden_size: usize,
        n_vision: usize,
        n_text: usize,
        budget: Option<u64>,
    ) -> Result<Self, AlignmentError> {
        let tokens = [n_vision, n_text];
        let plan = MemoryPlan::new(gpu, layers, hidden_size, tokens, budget)?;
        let no_room = || {
            let found = no_room(&plan, (hidden_size, settings.ranks), tokens, budget);
            found.filter(|_| settings.intervals)
        };
        let no_intervals = no_intervals(settings, hidden_size, tokens).or_else(no_room);
        let settings = MirSettings {
            intervals: settings.intervals && no_intervals.is_none(),
            ..settings
        };
        let store = |rows| gpu.tensor(DType::F32, rows, hidden_size);
        let stores = (0..layers)
            .map(|_| Ok([store(n_vision)?, store(n_text)?]))
            .collect::<Result<_, GpuError>>()?;
        Ok(Self {
            gpu: gpu.clone(),
            settings,
            plan,
            hidden_size,
            stores,
            expected: [n_vision, n_text],
            filled: [0, 0],
            pairs: Vec::new(),
            no_intervals,
        })
    }

    /// Why there are no intervals although they were asked for.
    pub fn no_intervals(&self) -> Option<&str> {
        self.no_intervals.as_deref()
    }

    /// The memory in use.
    pub fn memory_plan(&self) -> &MemoryPlan {
        &self.plan
    }

    /// Records the copying of one pair's tokens; `states` may be overwritten by what is recorded
    /// afterwards.
    ///
    /// `states[layer]` holds all tokens of the pair, `vision` and `text` are the rows to take.
    ///
    /// # Shapes
    /// `states[layer] [tokens, hidden_size]` f32, one per layer.
    ///
    /// # Errors
    /// [`AlignmentError::States`], [`AlignmentError::TokenCount`], [`AlignmentError::Gpu`]; then
    /// nothing is recorded.
    pub fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        vision: &[u32],
        text: &[u32],
    ) -> Result<(), AlignmentError> {
        let tokens = states.first().map_or(0, Tensor::rows);
        self.check(states, tokens, vision.iter().chain(text))?;
        let mut calls = Vec::new();
        let mut filled = self.filled;
        for (side, positions) in [vision, text].into_iter().enumerate() {
            let found = filled[side] + positions.len();
            if found > self.expected[side] {
                return Err(AlignmentError::TokenCount {
                    modality: Modality::ALL[side],
                    expected: self.expected[side],
                    found,
                });
            }
            if positions.is_empty() {
                continue;
            }
            let indices = self.gpu.upload_indices(positions)?;
            for (store, state) in self.stores.iter().zip(states) {
                calls.push(gather_rows(&indices, state, 0, &store[side], filled[side])?);
            }
            filled[side] = found;
        }
        self.filled = filled;
        self.pairs.push([vision.len(), text.len()]);
        recording.extend(calls);
        Ok(())
    }

    /// All announced tokens are there, of pairs with so many.
    pub(super) fn fill(&mut self, pairs: Vec<[usize; 2]>) {
        self.filled = self.expected;
        self.pairs = pairs;
    }

    fn check<'a>(
        &self,
        states: &[Tensor],
        tokens: usize,
        mut positions: impl Iterator<Item = &'a u32>,
    ) -> Result<(), AlignmentError> {
        let fail =
            |expected: String, found: String| Err(AlignmentError::States { expected, found });
        if states.len() != self.stores.len() {
            return fail(
                format!("{} layers", self.stores.len()),
                format!("{} layers", states.len()),
            );
        }
        let fits = |state: &Tensor| {
            state.dtype() == DType::F32
                && state.cols() == self.hidden_size
                && state.rows() == tokens
        };
        if let Some(other) = states.iter().find(|state| !fits(state)) {
            return fail(
                format!("F32 [{tokens}, {}] at each layer", self.hidden_size),
                format!("{other:?}"),
            );
        }
        if let Some(position) = positions.find(|&&position| position as usize >= tokens) {
            return fail(
                format!("token positions below {tokens}"),
                format!("position {position}"),
            );
        }
        Ok(())
    }

    /// Fails where tokens are missing.
    pub(super) fn check_filled(&self) -> Result<(), AlignmentError> {
        for (side, modality) in Modality::ALL.into_iter().enumerate() {
            if self.filled[side] != self.expected[side] {
                return Err(AlignmentError::TokenCount {
                    modality,
                    expected: self.expected[side],
                    found: self.filled[side],
                });
            }
        }
        Ok(())
    }

    /// Computes the distance of each layer.
    ///
    /// `progress` hears how many layers' worth of the work is done, and of how many. There are two
    /// readbacks in all where the matrices of all layers fit the memory together, else two for each
    /// group of [`MemoryPlan::layers_per_group`] layers.
    ///
    /// # Errors
    /// [`AlignmentError::TokenCount`] where fewer tokens were pushed than announced,
    /// [`AlignmentError::NotFinite`], [`AlignmentError::ZeroNorms`], and what the device reports,
    /// [`GpuError::Cancelled`] included.
    pub async fn finish(
        mut self,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<MirResult, AlignmentError> {
        self.check_filled()?;
        let layers = self.stores.len();
        let mut told = 0;
        let mut distances = Vec::with_capacity(layers);
        while !self.stores.is_empty() {
            let first = layers - self.stores.len();
            let count = self.plan.layers_per_group.min(self.stores.len());
            let group: Vec<_> = self.stores.drain(..count).collect();
            let mut share = |share: f64| {
                let done = first + (share * count as f64) as usize;
                if done > told {
                    told = done;
                    progress(done, layers);
                }
            };
            distances.extend(self.group(first, group, cancel, &mut share).await?);
            share(1.0);
            self.gpu.trim();
        }
        Ok(MirResult::new(distances))
    }
}

/// Why intervals that were asked for cannot be given, whatever the memory.
pub(super) fn no_intervals(
    settings: MirSettings,
    hidden_size: usize,
    tokens: [usize; 2],
) -> Option<String> {
    if !settings.intervals {
        return None;
    }
    if settings.definition == Definition::OfficialFast {
        return Some(format!(
            "no interval: there is none for the definition {}",
            settings.definition.name()
        ));
    }
    let mut sides = Modality::ALL.into_iter().zip(tokens);
    let few = sides.find(|(_, count)| *count < 2 * hidden_size);
    few.map(|(modality, count)| {
        format!(
            "no interval: {count} {modality} tokens are fewer than two for each of {hidden_size} dimensions"
        )
    })
}

/// Why there is no memory for them beside states that are held.
fn no_room(
    plan: &MemoryPlan,
    (hidden_size, ranks): (usize, bool),
    tokens: [usize; 2],
    budget: Option<u64>,
) -> Option<String> {
    let needed = plan
        .total()
        .saturating_add(transport::working(hidden_size, tokens, ranks));
    let allowed = budget?;
    (needed > allowed).then(|| {
        format!(
            "no interval: it needs {} of device memory, {} are allowed",
            format_bytes(needed),
            format_bytes(allowed)
        )
    })
}
