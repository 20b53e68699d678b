//! The tokens of one modality at all layers as they come and go.
//!
//! They are taken, decided about, summed and corrected, all in one set of tensors.

use super::{
    BINS, StreamPlan,
    layout::Layout,
    norms::{Fate, Norms},
    sums::Sign,
};
use crate::{
    alignment::{AlignmentError, covariance::Gram},
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        count_bins::count_bins, gather_rows::gather_rows, norm_stats::NormStats,
        token_norms::token_norms,
    },
    platform::Cancel,
    report::Outliers,
};

/// One modality.
pub(super) struct Side {
    pub(super) gpu: Gpu,
    pub(super) rule: Outliers,
    pub(super) width: usize,
    /// Tokens that will come in all.
    pub(super) expected: usize,
    /// Tokens of the pair that has most.
    largest: usize,
    /// Rows that `raw` takes once the first of them have been laid out.
    later_capacity: usize,
    /// The rows at hand of each layer, `[capacity, width]`.
    raw: Vec<Tensor>,
    /// Which tokens they are.
    at_hand: Vec<u32>,
    /// Rows of which nothing is decided yet, `[waiting, width]`; none before the first rows have been laid out.
    pub(super) doubtful: Vec<Tensor>,
    /// Rows that wait at the most.
    pub(super) waiting_capacity: usize,
    /// Which tokens they are.
    pub(super) waiting: Vec<Vec<u32>>,
    pub(super) norms: Vec<Norms>,
    /// Statistics of all norms of each layer, once they are known.
    known: Vec<Option<NormStats>>,
    pub(super) layout: Option<Layout>,
    /// Of the scaled rows that count, about the layout's centers; likewise.
    pub(super) grams: Vec<Option<Gram>>,
    /// Sums of both parts of those rows, `[layers, width]`.
    pub(super) sums: [Tensor; 2],
    /// `[BINS, width]`; likewise, and none where nothing is replaced.
    pub(super) bins: Vec<Tensor>,
}

/// Whether a pair with so many tokens (vision, text) still fits.
pub(super) fn have_room(sides: &[Side; 2], tokens: [usize; 2]) -> bool {
    (sides.iter().zip(tokens)).all(|(side, tokens)| tokens <= side.free())
}

impl Side {
    /// For so many layers of a width, as the plan has it for side `side`: 0 vision, 1 text; `widest` is the doubt about
    /// outliers before the norms of all are known.
    pub(super) fn new(
        gpu: &Gpu,
        (rule, widest): (Outliers, f64),
        [layers, width]: [usize; 2],
        plan: &StreamPlan,
        side: usize,
    ) -> Result<Self, GpuError> {
        let ([first, later], expected) = (plan.rows[side], plan.tokens[side]);
        let raw = (0..layers).map(|_| gpu.tensor(DType::F32, first, width));
        Ok(Self {
            gpu: gpu.clone(),
            rule,
            width,
            expected,
            later_capacity: later,
            largest: plan.largest[side],
            raw: raw.collect::<Result<_, _>>()?,
            at_hand: Vec::new(),
            doubtful: Vec::with_capacity(layers),
            waiting_capacity: plan.waiting[side],
            waiting: vec![Vec::new(); layers],
            known: vec![None; layers],
            norms: (0..layers)
                .map(|_| Norms::new(rule, expected, widest))
                .collect(),
            layout: None,
            grams: Vec::with_capacity(layers),
            sums: [
                gpu.upload(layers, width, &vec![0.0; layers * width])?,
                gpu.upload(layers, width, &vec![0.0; layers * width])?,
            ],
            bins: Vec::new(),
        })
    }

    /// Gives back what a layer's first rows take more than later ones.
    fn shrink(&mut self, layer: usize) -> Result<(), GpuError> {
        let later = self.later_capacity;
        if self.raw[layer].rows() > later {
            self.raw[layer] = self.gpu.tensor(DType::F32, later, self.width)?;
            // What they had is too large to be used again.
            self.gpu.trim();
        }
        Ok(())
    }

    /// Rows that still fit beside those at hand.
    pub(super) fn free(&self) -> usize {
        let capacity = self.raw.first().map_or(0, Tensor::rows);
        capacity - self.at_hand.len()
    }

    /// Whether the largest pair still fits beside them.
    pub(super) fn has_room_for_any(&self) -> bool {
        self.free() >= self.largest
    }

    /// Records the copying of the rows `positions` of `states` (one a layer): the tokens from `first` on.
    pub(super) fn take(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        positions: &[u32],
        first: usize,
    ) -> Result<(), GpuError> {
        if positions.is_empty() {
            return Ok(());
        }
        let indices = self.gpu.upload_indices(positions)?;
        for (raw, state) in self.raw.iter().zip(states) {
            recording.push(gather_rows(&indices, state, 0, raw, self.at_hand.len())?);
        }
        self.at_hand
            .extend((first..first + positions.len()).map(|token| token as u32));
        Ok(())
    }

    /// The norms of the rows at hand, by layer.
    async fn norms_at_hand(&self, cancel: &Cancel) -> Result<Vec<Vec<f32>>, GpuError> {
        let count = self.at_hand.len();
        let norms = self.gpu.tensor(DType::F32, self.raw.len(), count)?;
        let mut recording = Recording::new();
        for layer in 0..self.raw.len() {
            if let Some(rows) = self.rows(layer) {
                recording.push(token_norms(self.gpu.kernels(), &rows, &norms, layer)?);
            }
        }
        let read = self.gpu.run_and_read(&recording, cancel, &[&norms]).await?;
        let values = read.first().map_or(&[][..], |read| &read.values);
        Ok(values
            .chunks_exact(count.max(1))
            .map(<[f32]>::to_vec)
            .collect())
    }

    /// Decides about the rows at hand, and lets them go.
    pub(super) async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        if self.at_hand.is_empty() {
            return Ok(());
        }
        let norms = self.norms_at_hand(cancel).await?;
        let mut counted = Vec::with_capacity(norms.len());
        let mut waiting = Vec::with_capacity(norms.len());
        for (own, norms) in self.norms.iter_mut().zip(&norms) {
            let fates = own.extend(norms);
            let of = |wanted: Fate| -> Vec<u32> {
                let rows = (0..).zip(fates).filter(|&(_, fate)| *fate == wanted);
                rows.map(|(row, _)| row).collect()
            };
            counted.push(of(Fate::Counted));
            waiting.push(of(Fate::Waiting));
        }
        let is_first = self.layout.is_none();
        let mut zeros = None;
        if is_first {
            self.lay_out(&counted, cancel).await?;
            self.gpu.trim();
            let of_bins = vec![0.0; BINS * self.width];
            zeros = Some([
                Gram::zeros(&self.gpu, self.width)?,
                self.gpu.upload(BINS, self.width, &of_bins)?,
            ]);
        }
        for layer in 0..self.raw.len() {
            let mut recording = Recording::new();
            if let Some(zeros) = &zeros {
                self.begin(&mut recording, zeros)?;
            }
            if let (Some(bins), Some(layout)) = (self.bins.get(layer), &self.layout) {
                let rows = (&self.raw[layer], self.at_hand.len());
                let Layout {
                    medians, inverse, ..
                } = layout;
                recording.push(count_bins(&self.gpu, rows, medians, inverse, layer, bins)?);
            }
            self.add(
                &mut recording,
                layer,
                &self.raw[layer],
                &counted[layer],
                Sign::Plus,
            )?;
            self.gpu
                .run_with(&recording, cancel, &mut |_, _| {})
                .await?;
            self.wait(layer, &waiting[layer], cancel).await?;
            if is_first {
                self.shrink(layer)?;
            }
        }
        self.at_hand.clear();
        Ok(())
    }

    async fn lay_out(&mut self, counted: &[Vec<u32>], cancel: &Cancel) -> Result<(), GpuError> {
        let any = |rows: &Vec<u32>| match rows.is_empty() {
            true => vec![0],
            false => rows.clone(),
        };
        let first: Vec<Vec<u32>> = counted.iter().map(any).collect();
        let scales = self
            .norms
            .iter()
            .map(|norms| norms.stats().map_or(1.0, |stats| stats.scale));
        let scales = scales.collect();
        let layout = Layout::new(&self.gpu, &self.raw, &first, self.expected, scales, cancel);
        self.layout = Some(layout.await?);
        Ok(())
    }

    /// Puts `rows` of those at hand where nothing is decided; makes room first where there is none.
    async fn wait(
        &mut self,
        layer: usize,
        rows: &[u32],
        cancel: &Cancel,
    ) -> Result<(), AlignmentError> {
        let capacity = self.doubtful[layer].rows();
        let mut left = rows.to_vec();
        while self.waiting[layer].len() + left.len() > capacity {
            // What waits, and what would, is decided about by all norms so far, in ever narrower doubt.
            let tokens: Vec<u32> = left.iter().map(|&row| self.at_hand[row as usize]).collect();
            let mut recording = Recording::new();
            self.norms[layer].narrow();
            let fates = self.norms[layer].decide(&tokens);
            let counted = chosen(&left, &fates, Fate::Counted);
            self.add(
                &mut recording,
                layer,
                &self.raw[layer],
                &counted,
                Sign::Plus,
            )?;
            left = chosen(&left, &fates, Fate::Waiting);

            let waiting = std::mem::take(&mut self.waiting[layer]);
            let again = self.norms[layer].decide(&waiting);
            let slots: Vec<u32> = (0..waiting.len() as u32).collect();
            let counted = chosen(&slots, &again, Fate::Counted);
            let doubtful = &self.doubtful[layer];
            self.add(&mut recording, layer, doubtful, &counted, Sign::Plus)?;
            let stay = chosen(&slots, &again, Fate::Waiting);
            if !stay.is_empty() {
                let moved = self.gpu.tensor(DType::F32, stay.len(), self.width)?;
                let indices = self.gpu.upload_indices(&stay)?;
                recording.push(gather_rows(&indices, doubtful, 0, &moved, 0)?);
                recording.copy_rows(&moved, 0, doubtful, 0, stay.len())?;
            }
            self.waiting[layer] = stay.iter().map(|&slot| waiting[slot as usize]).collect();
            self.gpu
                .run_with(&recording, cancel, &mut |_, _| {})
                .await?;
        }
        if left.is_empty() {
            return Ok(());
        }
        let own = &mut self.waiting[layer];
        let mut recording = Recording::new();
        let indices = self.gpu.upload_indices(&left)?;
        let (raw, doubtful) = (&self.raw[layer], &self.doubtful[layer]);
        recording.push(gather_rows(&indices, raw, 0, doubtful, own.len())?);
        own.extend(left.iter().map(|&row| self.at_hand[row as usize]));
        self.gpu
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        Ok(())
    }

    /// Decides about what still waits, now that all norms are known; or lets it wait, where they are those of a part.
    /// Gives the tokens about which was decided otherwise than the norms of all tell, whatever the layer.
    pub(super) async fn conclude(
        &mut self,
        is_whole: bool,
        cancel: &Cancel,
    ) -> Result<Vec<u32>, AlignmentError> {
        self.settle(cancel).await?;
        let mut wrong = Vec::new();
        for layer in 0..self.raw.len() {
            let Some(stats) = self.norms[layer].stats().filter(|stats| stats.broken == 0) else {
                continue;
            };
            self.known[layer] = Some(stats);
            let verdicts: Vec<bool> = self.norms[layer].verdicts(&stats).collect();
            if is_whole {
                self.decide_waiting(layer, &verdicts, cancel).await?;
            }
            let norms = &self.norms[layer];
            wrong.extend((0..).zip(&verdicts).filter_map(|(token, &verdict)| {
                let is_wrong = match norms.fate(token as usize) {
                    Fate::Counted => !verdict,
                    Fate::LeftOut => verdict,
                    Fate::Waiting => false,
                };
                is_wrong.then_some(token)
            }));
        }
        wrong.sort_unstable();
        wrong.dedup();
        Ok(wrong)
    }

    /// Takes what waits at a layer into the sums as the `verdicts` about all tokens say.
    async fn decide_waiting(
        &mut self,
        layer: usize,
        verdicts: &[bool],
        cancel: &Cancel,
    ) -> Result<(), AlignmentError> {
        let waiting = std::mem::take(&mut self.waiting[layer]);
        let slots = (0..).zip(&waiting);
        let counted = slots.filter(|&(_, &token)| verdicts[token as usize]);
        let counted: Vec<u32> = counted.map(|(slot, _)| slot).collect();
        let mut recording = Recording::new();
        let from = &self.doubtful[layer];
        self.add(&mut recording, layer, from, &counted, Sign::Plus)?;
        self.gpu
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        let norms = &mut self.norms[layer];
        for token in waiting {
            norms.settle(token as usize, verdicts[token as usize]);
        }
        Ok(())
    }

    /// Brings the rows at hand, which were there before, into or out of the sums, as the norms of all tokens tell.
    pub(super) async fn correct(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        for layer in 0..self.raw.len() {
            let Some(stats) = self.known[layer] else {
                continue;
            };
            let (mut more, mut less) = (Vec::new(), Vec::new());
            for (row, &token) in (0..).zip(&self.at_hand) {
                let token = token as usize;
                let verdict = self.norms[layer].verdict(&stats, token);
                match (verdict, self.norms[layer].fate(token)) {
                    // Its row waits where it is, for the norms of other parts.
                    (_, Fate::Waiting) => continue,
                    (true, Fate::LeftOut) => more.push(row),
                    (false, Fate::Counted) => less.push(row),
                    _ => {}
                }
                self.norms[layer].settle(token, verdict);
            }
            let mut recording = Recording::new();
            self.add(&mut recording, layer, &self.raw[layer], &more, Sign::Plus)?;
            self.add(&mut recording, layer, &self.raw[layer], &less, Sign::Minus)?;
            self.gpu
                .run_with(&recording, cancel, &mut |_, _| {})
                .await?;
        }
        self.at_hand.clear();
        Ok(())
    }

    /// The rows at hand of a layer; none where there are none.
    pub(super) fn rows(&self, layer: usize) -> Option<Tensor> {
        let count = self.at_hand.len();
        // Fewer rows always fit the memory.
        (count > 0).then(|| self.raw[layer].reshaped(count, self.width))?
    }

    /// Lets go of them.
    pub(super) fn let_go(&mut self) {
        self.at_hand.clear();
    }

    /// What becomes of outliers.
    pub(super) fn rule(&self) -> Outliers {
        self.rule
    }

    /// Statistics of the norms of a layer.
    pub(super) fn stats(&self, layer: usize) -> Option<NormStats> {
        self.norms[layer].stats()
    }
}

/// Those of `rows` whose fate is `wanted`.
fn chosen(rows: &[u32], fates: &[Fate], wanted: Fate) -> Vec<u32> {
    let own = rows.iter().zip(fates).filter(|(_, fate)| **fate == wanted);
    own.map(|(row, _)| *row).collect()
}
