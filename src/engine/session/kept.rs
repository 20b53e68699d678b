//! The tokens of all pairs at all states, kept on the device.

use crate::{
    alignment::{AlignmentError, Mir},
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::gather_rows::gather_rows,
    report::format_bytes,
};

/// Most that the states of all pairs take where no budget says otherwise.
pub(in crate::engine) const DEFAULT_BYTES: u64 = 1 << 30;

/// What is to be kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Room {
    /// States, state 0 included.
    pub(in crate::engine) states: usize,
    /// Width of each.
    pub(in crate::engine) width: usize,
    /// Tokens of all pairs: vision, text.
    pub(in crate::engine) tokens: [usize; 2],
    /// Device memory that other quantities than the rate take, in bytes.
    pub(in crate::engine) others: u64,
}

impl Room {
    fn rows(&self) -> usize {
        self.tokens[0] + self.tokens[1]
    }

    fn bytes_per_state(&self) -> u64 {
        DType::F32.row_bytes(self.width) * self.rows() as u64
    }

    /// Device memory for all of it.
    pub(in crate::engine) fn bytes(&self) -> u64 {
        self.bytes_per_state().saturating_mul(self.states as u64)
    }

    /// Why the states are not kept where only so many bytes are allowed.
    pub(in crate::engine) fn too_large(&self, allowed: u64) -> String {
        format!(
            "keeping the states needs {} of device memory, {} are allowed; measure fewer pairs",
            format_bytes(self.bytes()),
            format_bytes(allowed)
        )
    }

    /// Whether the states fit beside the metric over all but the first of them within the budget, and
    /// within 1 GiB unless somebody asked for that budget; the reason where they do not.
    ///
    /// # Errors
    /// Why the metric has no value, whether states are kept or not.
    pub(in crate::engine) fn check(
        &self,
        gpu: &Gpu,
        budget: Option<u64>,
        asked: bool,
    ) -> Result<Result<(), String>, AlignmentError> {
        let layers = self.states - 1;
        let [vision, text] = self.tokens;
        let budget = budget.map(|budget| budget.saturating_sub(self.others));
        let metric = Mir::plan(gpu, layers, self.width, vision, text, budget)?;
        let needed = format_bytes(self.bytes());
        if let Err(error) = gpu.check_size("keeping one state", self.bytes_per_state()) {
            return Ok(Err(error.to_string()));
        }
        if !asked && self.bytes() > DEFAULT_BYTES {
            return Ok(Err(self.too_large(DEFAULT_BYTES)));
        }
        let Some(budget) = budget else {
            return Ok(Ok(()));
        };
        let rest = budget.saturating_sub(self.bytes());
        match Mir::plan(gpu, layers, self.width, vision, text, Some(rest)) {
            Ok(_) => Ok(Ok(())),
            Err(_) => Ok(Err(format!(
                "keeping the states needs {needed} of device memory beside {} for the metric, the \
                 memory budget is {}; measure fewer pairs",
                format_bytes(metric.total()),
                format_bytes(budget)
            ))),
        }
    }
}

/// The measured tokens of all pairs at each state, on the device: pair by pair, first a pair's vision
/// tokens, then its text tokens.
pub(in crate::engine) struct KeptStates {
    gpu: Gpu,
    /// `[tokens, width]` each; state 0 is `inputs_embeds`.
    pub(in crate::engine) states: Vec<Tensor>,
    /// First row and number of vision and text tokens of each pair.
    pairs: Vec<PairRows>,
    room: Room,
}

/// Where a pair's tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PairRows {
    first: usize,
    tokens: [usize; 2],
}

/// Some pairs' tokens at all states.
pub(in crate::engine) struct KeptRows {
    /// `[rows, width]` each; state 0 is `inputs_embeds`.
    pub(in crate::engine) states: Vec<Tensor>,
    /// The rows of the vision tokens and of the text tokens, ascending.
    pub(in crate::engine) rows: [Vec<u32>; 2],
}

impl KeptStates {
    /// Takes the memory; [`Room::check`] says whether it may.
    ///
    /// # Errors
    /// [`GpuError::TooLarge`].
    pub(in crate::engine) fn new(gpu: &Gpu, room: Room) -> Result<Self, GpuError> {
        let state = || gpu.tensor(DType::F32, room.rows(), room.width);
        Ok(Self {
            gpu: gpu.clone(),
            states: (0..room.states)
                .map(|_| state())
                .collect::<Result<_, _>>()?,
            pairs: Vec::new(),
            room,
        })
    }

    /// Device memory in use.
    pub(in crate::engine) fn bytes(&self) -> u64 {
        self.room.bytes()
    }

    /// Records the copying of some pairs' tokens. `states[k]` holds all of their tokens at state `k`; of each pair the rows
    /// of its vision and of its text tokens are taken.
    ///
    /// # Errors
    /// [`GpuError::Shape`] where they are more than were announced.
    pub(in crate::engine) fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        pairs: &[[Vec<u32>; 2]],
    ) -> Result<(), GpuError> {
        let indices = self.gpu.upload_indices(&pairs.as_flattened().concat())?;
        for (store, state) in self.states.iter().zip(states) {
            recording.push(gather_rows(&indices, state, 0, store, self.filled())?);
        }
        for pair in pairs {
            let first = self.filled();
            let tokens = [0, 1].map(|side: usize| pair[side].len());
            self.pairs.push(PairRows { first, tokens });
        }
        Ok(())
    }

    fn filled(&self) -> usize {
        (self.pairs.last()).map_or(0, |pair| pair.first + pair.tokens[0] + pair.tokens[1])
    }

    /// The tokens of the first `pairs` pairs.
    pub(in crate::engine) fn first(&self, pairs: usize) -> KeptRows {
        let taken = &self.pairs[..pairs.min(self.pairs.len())];
        let mut rows = [Vec::new(), Vec::new()];
        let mut end = 0;
        for pair in taken {
            for (rows, count) in rows.iter_mut().zip(pair.tokens) {
                rows.extend((end..end + count).map(|row| row as u32));
                end += count;
            }
        }
        // Fewer rows always fit the memory.
        let states = (self.states.iter()).filter_map(|state| state.reshaped(end, state.cols()));
        KeptRows {
            states: states.collect(),
            rows,
        }
    }
}
