//! What the engine is doing, and how long it still takes.

use web_time::Instant;

use crate::engine::Stage;

/// The latest news of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The stage.
    pub stage: Stage,
    /// Finished units.
    pub done: u64,
    /// All units.
    pub total: u64,
    /// For example `pairs`.
    pub unit: String,
    /// Where exactly; may be empty.
    pub detail: String,
}

/// A stage of the run under way.
#[derive(Clone, Debug)]
pub struct StageProgress {
    /// Its latest news.
    pub progress: Progress,
    /// Units that were done when it began: of a file that goes on where it stopped.
    before: u64,
    began: Instant,
    ended: Option<f64>,
}

impl StageProgress {
    /// Seconds that it took, or has taken so far.
    pub fn seconds(&self) -> f64 {
        self.ended
            .unwrap_or_else(|| self.began.elapsed().as_secs_f64())
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Seconds that it still takes at the pace so far; none where that cannot be told.
    pub fn remaining(&self) -> Option<f64> {
        let Progress { done, total, .. } = self.progress;
        (self.ended.is_none() && total > 1)
            .then(|| Some((total - done.min(total)) as f64 / self.rate()?))
            .flatten()
    }

    /// Units a second so far; none where that cannot be told.
    pub fn rate(&self) -> Option<f64> {
        let done = self.progress.done.saturating_sub(self.before);
        let seconds = self.seconds();
        (done > 0 && seconds > 0.5).then(|| done as f64 / seconds)
    }

    /// Share of its units that is done, 0 to 1.
    pub fn share(&self) -> f64 {
        if self.ended.is_some() {
            return 1.0;
        }
        self.progress.done as f64 / self.progress.total.max(1) as f64
    }
}

/// The stages of the command under way.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// The stages so far, in order.
    pub stages: Vec<StageProgress>,
    /// The reader asked to stop.
    pub(super) cancel_wanted: bool,
    began: Option<Instant>,
}

impl Work {
    pub(super) fn begin(&mut self) {
        *self = Self {
            began: Some(Instant::now()),
            ..Self::default()
        };
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn heard(&mut self, progress: Progress) {
        if let Some(current) = self.stages.last_mut()
            && current.progress.stage == progress.stage
        {
            current.progress = progress;
            return;
        }
        // A streamed measurement runs the forwards a second time, for the intervals.
        (self.stages).retain(|stage| stage.progress.stage != progress.stage);
        if let Some(last) = self.stages.last_mut() {
            last.ended.get_or_insert(last.began.elapsed().as_secs_f64());
        }
        self.stages.push(StageProgress {
            before: progress.done,
            progress,
            began: Instant::now(),
            ended: None,
        });
    }

    /// Seconds since the command was given.
    pub fn seconds(&self) -> f64 {
        self.began
            .map_or(0.0, |began| began.elapsed().as_secs_f64())
    }

    /// The stage under way.
    pub fn current(&self) -> Option<&StageProgress> {
        self.stages.last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_comes_again_is_the_one_under_way() {
        let mut work = Work::default();
        let heard = |work: &mut Work, stage, done| {
            work.heard(Progress {
                stage,
                done,
                total: 4,
                unit: "pairs".to_owned(),
                detail: String::new(),
            });
        };
        for (stage, done) in [(Stage::Forward, 4), (Stage::Metric, 4), (Stage::Forward, 1)] {
            heard(&mut work, stage, done);
        }
        let current = work.current().unwrap();
        assert_eq!(current.progress.stage, Stage::Forward);
        assert_eq!((current.ended, current.share()), (None, 0.25));
        let stages: Vec<Stage> = work.stages.iter().map(|it| it.progress.stage).collect();
        assert_eq!(stages, [Stage::Metric, Stage::Forward]);
        assert!(work.stages[0].ended.is_some());
    }
}
