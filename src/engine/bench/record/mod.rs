//! A record of the adapter's speed: from single kernels to whole models, what matters most first.

mod kernels;
mod metric;
mod models;
mod overhead;
mod recorder;
mod share;

use web_time::{SystemTime, UNIX_EPOCH};

use crate::{
    engine::{EngineError, RecordRequest, Stage, news::News},
    gpu::Gpu,
    report::BenchRecord,
};
use recorder::Recorder;

/// What its progress counts.
const UNIT: &str = "seconds";

/// Times everything that the budget of `request` allows; the rest is named in the record.
///
/// # Errors
/// [`EngineError::Cancelled`]; what else goes wrong is left out, by name.
pub(in crate::engine) async fn record(
    gpu: &Gpu,
    request: &RecordRequest,
    news: &mut News<'_>,
) -> Result<BenchRecord, EngineError> {
    let budget = if request.budget.is_finite() {
        request.budget.max(0.0)
    } else {
        f64::MAX
    };
    news.begin(Stage::Forward, budget as u64, UNIT)?;
    let mut recorder = Recorder::new(gpu, budget, today(), news);
    kernels::matmuls(&mut recorder, &[256, 512, 1024]).await?;
    kernels::matvecs(&mut recorder).await?;
    kernels::attentions(&mut recorder, &[64, 256, 1024]).await?;
    overhead::overhead(&mut recorder).await?;
    models::demo(&mut recorder).await?;
    metric::metric(&mut recorder, 10, 128, 4096).await?;
    share::demo(&mut recorder).await?;
    models::decoder(&mut recorder, &models::SMOLLM2_135M).await?;
    metric::metric(&mut recorder, 30, 576, 4096).await?;
    share::decoder(&mut recorder).await?;
    kernels::layer_products(&mut recorder).await?;
    kernels::matmuls(&mut recorder, &[2048, 4096, 8192]).await?;
    kernels::attentions(&mut recorder, &[4096]).await?;
    models::tower(&mut recorder).await?;
    models::decoder(&mut recorder, &models::ONE_BILLION).await?;
    metric::metric(&mut recorder, 10, 1024, 4096).await?;
    Ok(recorder.finish())
}

/// The day in UTC.
fn today() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The day so many days after 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> String {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_become_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
            (20_783, "2026-11-26"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
