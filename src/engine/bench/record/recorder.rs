//! The record while it is made.

use web_time::Instant;

use super::{
    super::{
        host::host,
        peak,
        timer::{Times, time},
    },
    UNIT,
};
use crate::{
    engine::{EngineError, Stage, news::News},
    gpu::{Dispatch, Gpu, Work},
    report::{BenchRecord, LeftOut, RECORD_SCHEMA, RecordEntry},
};

/// Operations a second that an adapter is trusted with before anything was measured.
const SOFTWARE: f64 = 5e9;
const HARDWARE: f64 = 5e11;

pub(super) struct Recorder<'a, 'n> {
    pub(super) gpu: &'a Gpu,
    pub(super) news: &'a mut News<'n>,
    record: BenchRecord,
    start: Instant,
    budget: f64,
    /// Operations a second of the large products so far.
    speed: f64,
}

impl<'a, 'n> Recorder<'a, 'n> {
    pub(super) fn new(gpu: &'a Gpu, budget: f64, date: String, news: &'a mut News<'n>) -> Self {
        let peak = peak::of(gpu.name());
        Self {
            gpu,
            news,
            record: BenchRecord {
                schema: RECORD_SCHEMA,
                mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
                date,
                device: gpu.grant(),
                host: host(),
                peak_gflops: peak.map(|peak| peak.gflops),
                peak_gbytes_per_second: peak.map(|peak| peak.gbytes_per_second),
                entries: Vec::new(),
                left_out: Vec::new(),
                seconds: 0.0,
            },
            start: Instant::now(),
            budget,
            speed: if gpu.is_software() {
                SOFTWARE
            } else {
                HARDWARE
            },
        }
    }

    pub(super) fn finish(mut self) -> BenchRecord {
        self.record.seconds = self.start.elapsed().as_secs_f64();
        self.news.end();
        self.record
    }

    /// Seconds that so many operations take, about.
    pub(super) fn estimate(&self, flops: f64) -> f64 {
        flops / self.speed
    }

    /// Whether the budget has room for so many seconds; if not, says what is left out.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub(super) fn affords(
        &mut self,
        group: &str,
        name: &str,
        seconds: f64,
    ) -> Result<bool, EngineError> {
        self.news.check()?;
        let elapsed = self.start.elapsed().as_secs_f64();
        if elapsed + seconds <= self.budget {
            let detail = format!("{group}: {name}");
            self.news.progress_at(
                Stage::Forward,
                elapsed as u64,
                self.budget as u64,
                UNIT,
                detail,
            );
            return Ok(true);
        }
        let left = (self.budget - elapsed).max(0.0);
        let reason = format!("would take about {seconds:.0} s here, {left:.0} s were left");
        self.leave_out(group, name, reason);
        Ok(false)
    }

    /// Says what is not in the record, and why.
    pub(super) fn leave_out(&mut self, group: &str, name: &str, reason: String) {
        self.record.left_out.push(LeftOut {
            name: format!("{group}: {name}"),
            reason,
        });
    }

    /// What a stage that failed leaves out.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub(super) fn unless_failed<T>(
        &mut self,
        group: &str,
        name: &str,
        outcome: Result<T, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(EngineError::Cancelled) => Err(EngineError::Cancelled),
            Err(error) => {
                self.leave_out(group, name, error.to_string());
                Ok(None)
            }
        }
    }

    /// Times the calls of one operation, and keeps its entry.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub(super) async fn call(
        &mut self,
        group: &str,
        name: &str,
        kernel: &str,
        calls: impl FnOnce(&Gpu) -> Result<Vec<Dispatch>, EngineError>,
        flops: f64,
    ) -> Result<(), EngineError> {
        // Two to become warm, some that count.
        let once = self.estimate(flops);
        if !self.affords(group, name, 2.0 * once + (5.0 * once).min(2.0 + once))? {
            return Ok(());
        }
        let outcome = async {
            let calls = calls(self.gpu)?;
            let times = time(self.gpu, &calls, self.news.cancel).await?;
            Ok((calls, times))
        }
        .await;
        let Some((calls, times)) = self.unless_failed(group, name, outcome)? else {
            return Ok(());
        };
        let mut entry = entry(group, name, &times);
        entry.kernel = kernel.to_owned();
        let sum = |of: fn(&Work) -> f64| calls.iter().map(|call| of(&call.work)).sum();
        let flops: f64 = sum(|work| work.flops);
        entry.flops = Some(flops);
        entry.bytes = Some(sum(|work| work.bytes));
        entry.dispatches = Some(calls.len());
        // Small calls say nothing about large ones.
        if flops > 1e8 && group == "matmul" {
            self.speed = flops / times.median();
        }
        self.push(entry);
        Ok(())
    }

    /// Keeps an entry, with its rates and shares.
    pub(super) fn push(&mut self, mut entry: RecordEntry) {
        let rate = |amount: Option<f64>| amount.map(|amount| amount / entry.seconds / 1e9);
        entry.gflops = rate(entry.flops);
        entry.gbytes_per_second = rate(entry.bytes);
        let share = |rate: Option<f64>, peak: Option<f64>| Some(rate? / peak?);
        entry.share_of_peak = share(entry.gflops, self.record.peak_gflops);
        let bandwidth = self.record.peak_gbytes_per_second;
        entry.share_of_bandwidth = share(entry.gbytes_per_second, bandwidth);
        entry.tokens_per_second = entry.tokens.map(|tokens| tokens as f64 / entry.seconds);
        self.record.entries.push(entry);
    }
}

/// An entry with its times.
pub(super) fn entry(group: &str, name: &str, times: &Times) -> RecordEntry {
    RecordEntry {
        group: group.to_owned(),
        name: name.to_owned(),
        runs: times.runs(),
        seconds: times.median(),
        fastest: times.fastest(),
        slowest: times.slowest(),
        ..RecordEntry::default()
    }
}
