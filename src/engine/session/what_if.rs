//! The alignment under other assumptions, from kept states.

use super::{
    super::{EngineError, Stage, metric, news::News},
    explore::Live,
};
use crate::{
    alignment::MirSettings,
    report::{Calibration, Outliers, WhatIf, WhatIfSettings},
};

impl Live<'_> {
    /// The run's metric over the pairs and with the changes that `settings` name.
    ///
    /// # Errors
    /// [`EngineError::StatesNotKept`], and what the metric reports.
    pub(super) async fn what_if(
        &self,
        settings: WhatIfSettings,
        news: &mut News<'_>,
    ) -> Result<WhatIf, EngineError> {
        let run = self.run;
        let kept = run.states()?;
        let all = run.prepared.len();
        let num_pairs = settings.num_pairs.map_or(all, |num| num.min(all));
        let changed = MirSettings {
            definition: run.definition,
            outliers: match (settings.outliers, run.outliers) {
                (false, _) => Outliers::Keep,
                (true, Outliers::Drop) => Outliers::Drop,
                (true, _) => Outliers::Replace,
            },
            intervals: false,
            ranks: false,
        };
        news.begin(Stage::Metric, run.states.len() as u64, metric::UNIT)?;
        let budget = run.budget.map(|budget| budget.saturating_sub(kept.bytes()));
        let rows = kept.first(num_pairs);
        let mut mir = metric::of_kept(self.gpu, changed, &rows, budget).await?;
        match settings.calibration {
            Calibration::None => {}
            Calibration::Moca => mir.calibrate(news.cancel).await?,
        }
        let result = metric::finish(mir, news).await?;
        news.end();
        Ok(WhatIf {
            settings,
            mir: result.mir,
            norm_matched_mir: result.norm_matched_mir,
            layers: metric::layers(&result, &run.states),
            num_pairs,
        })
    }
}
