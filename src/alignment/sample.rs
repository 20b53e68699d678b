//! The rate of some of the pairs that were pushed.

use super::{AlignmentError, Mir, MirSettings};
use crate::{gpu::Recording, kernels::gather_rows::gather_rows, platform::Cancel};

impl Mir {
    /// Another one with copies of the tokens of some pairs, by their place in the order of pushing; it has neither
    /// intervals nor ranks. `budget` bounds its own memory.
    ///
    /// # Errors
    /// As [`Mir::new`], and what the device reports.
    pub async fn of_pairs(
        &self,
        pairs: &[usize],
        budget: Option<u64>,
        cancel: &Cancel,
    ) -> Result<Self, AlignmentError> {
        let mut rows = [Vec::new(), Vec::new()];
        let mut end = [0; 2];
        let firsts = self.pairs.iter().map(|counts| {
            let begin = end;
            end = [0, 1].map(|side| begin[side] + counts[side]);
            begin
        });
        let firsts: Vec<[usize; 2]> = firsts.collect();
        let mut sampled = Vec::with_capacity(pairs.len());
        for &pair in pairs {
            let (Some(first), Some(counts)) = (firsts.get(pair), self.pairs.get(pair)) else {
                return Err(AlignmentError::States {
                    expected: format!("a pair below {}", self.pairs.len()),
                    found: pair.to_string(),
                });
            };
            for side in 0..2 {
                rows[side].extend((first[side]..first[side] + counts[side]).map(|row| row as u32));
            }
            sampled.push(*counts);
        }
        let settings = MirSettings {
            intervals: false,
            ranks: false,
            ..self.settings
        };
        let [vision, text] = [rows[0].len(), rows[1].len()];
        let (layers, width) = (self.stores.len(), self.hidden_size);
        let mut sample = Self::new(&self.gpu, settings, layers, width, vision, text, budget)?;
        let mut recording = Recording::new();
        for (side, rows) in rows.iter().enumerate() {
            let indices = self.gpu.upload_indices(rows)?;
            for (from, to) in self.stores.iter().zip(&sample.stores) {
                recording.push(gather_rows(&indices, &from[side], 0, &to[side], 0)?);
            }
        }
        self.gpu
            .run_with(&recording, cancel, &mut |_, _| {})
            .await?;
        sample.fill(sampled);
        Ok(sample)
    }
}
