//! Whether the rows of a shard's file are still those that its run wrote.

use super::{SUMS, StatesFile, order, refused, rows::PairRows};
use crate::{
    engine::{EngineError, Stage, news::News, sum::Sum},
    platform,
};

const UNIT: &str = "pairs";

impl StatesFile {
    /// Compares the rows of all `pairs` of the file with the sums that its run has left of them.
    ///
    /// # Errors
    /// There are no sums, or others than pairs; a pair has another one; the file cannot be read; or somebody asked to
    /// stop.
    pub(super) async fn check_sums(
        &self,
        pairs: &[PairRows],
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        let again = "measure the shard again";
        let Some(sums) = self.tensors.get(SUMS) else {
            let reason = format!(
                "expected a tensor `{SUMS}`, a sum of each pair's rows, found none; {again}"
            );
            return Err(refused(&self.name, reason));
        };
        if sums.shape != [pairs.len()] {
            let reason = format!(
                "tensor `{SUMS}`: expected one number for each of {} pairs, found shape {:?}; {again}",
                pairs.len(),
                sums.shape
            );
            return Err(refused(&self.name, reason));
        }
        let said = sums.numbers()?;
        let total = pairs.len() as u64;
        let detail = format!("checking {}", self.name);
        for ((index, pair), (said, done)) in
            (pairs.iter().enumerate()).zip(said.into_iter().zip(1..))
        {
            let mut sum = Sum::default();
            for tensor in order(self.layers)
                .iter()
                .filter_map(|name| self.tensors.get(name))
            {
                sum.add(&tensor.stored_rows(pair.rows.clone())?);
                platform::yield_now().await;
            }
            for (tensor, values) in self.kept.places(index) {
                sum.add(&tensor.stored_rows(values)?);
            }
            if sum.number() != said.cast_unsigned() {
                let reason = format!(
                    "pair {}: expected the rows that its run has written, found others by their sum in `{SUMS}`; \
                     copy the file again, or {again}",
                    pair.number
                );
                return Err(refused(&self.name, reason));
            }
            news.progress_at(Stage::States, done, total, UNIT, detail.clone());
            news.check()?;
        }
        Ok(())
    }
}
