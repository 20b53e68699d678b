//! What the engine tells while it works.

use web_time::Instant;

use super::{EngineError, Event, Stage};
use crate::{platform::Cancel, report::StageTiming};

/// Notes kept of one stage; more of the same kind say nothing new.
const MOST_NOTES: usize = 10;

/// The observer of a command, its wish to stop, and what the report will keep of the way.
pub(super) struct News<'a> {
    emit: &'a mut dyn FnMut(Event),
    /// The wish to stop.
    pub(super) cancel: &'a Cancel,
    /// Notes for the report.
    pub(super) notes: Vec<String>,
    /// Time of each finished stage.
    pub(super) timings: Vec<StageTiming>,
    current: Option<(Stage, Instant)>,
    noted: usize,
}

impl<'a> News<'a> {
    pub(super) fn new(cancel: &'a Cancel, emit: &'a mut dyn FnMut(Event)) -> Self {
        Self {
            emit,
            cancel,
            notes: Vec::new(),
            timings: Vec::new(),
            current: None,
            noted: 0,
        }
    }

    /// Fails if somebody asked to stop.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        if self.cancel.is_cancelled() {
            Err(EngineError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Ends the stage before, if any, and begins `stage` with `total` units of work.
    pub(super) fn begin(
        &mut self,
        stage: Stage,
        total: u64,
        unit: &str,
    ) -> Result<(), EngineError> {
        self.check()?;
        self.end();
        self.current = Some((stage, Instant::now()));
        self.progress(stage, 0, total, unit);
        Ok(())
    }

    /// Ends the stage under way and keeps its time.
    pub(super) fn end(&mut self) {
        if self.noted > MOST_NOTES {
            let more = self.noted - MOST_NOTES;
            self.notes.push(match more {
                1 => "... and 1 more like this".to_owned(),
                _ => format!("... and {more} more like these"),
            });
        }
        self.noted = 0;
        if let Some((stage, start)) = self.current.take() {
            self.timings.push(StageTiming {
                stage: stage.name().to_owned(),
                seconds: start.elapsed().as_secs_f64(),
            });
        }
    }

    /// Tells that `done` of `total` units are done.
    pub(super) fn progress(&mut self, stage: Stage, done: u64, total: u64, unit: &str) {
        self.progress_at(stage, done, total, unit, String::new());
    }

    /// As [`News::progress`], and where exactly the work is.
    pub(super) fn progress_at(
        &mut self,
        stage: Stage,
        done: u64,
        total: u64,
        unit: &str,
        detail: String,
    ) {
        (self.emit)(Event::Progress {
            stage,
            done,
            total,
            unit: unit.to_owned(),
            detail,
        });
    }

    /// Tells something that does not end the command.
    pub(super) fn tell(&mut self, event: Event) {
        (self.emit)(event);
    }

    /// Tells a note and keeps it for the report, unless the stage has many.
    pub(super) fn note(&mut self, note: String) {
        self.noted += 1;
        if self.noted <= MOST_NOTES {
            (self.emit)(Event::Note(note.clone()));
            self.notes.push(note);
        }
    }

    /// [`News::note`] for each.
    pub(super) fn note_all(&mut self, notes: impl IntoIterator<Item = String>) {
        notes.into_iter().for_each(|note| self.note(note));
    }
}

/// Tells bytes in MiB, each number once.
#[derive(Debug, Default)]
pub(super) struct Told(Option<(u64, u64, String)>);

impl Told {
    /// Tells that `done` of `total` bytes of a stage are done, `at` this file; begins the stage with the
    /// first. A wish to stop is heard where errors can be returned.
    pub(super) fn tell(
        &mut self,
        news: &mut News<'_>,
        stage: Stage,
        done: u64,
        total: u64,
        at: &str,
    ) {
        let now = (mib(done), mib(total), at.to_owned());
        if self.0.is_none() && news.current.is_none_or(|(current, _)| current != stage) {
            news.begin(stage, now.1, MIB).ok();
        }
        if self.0.as_ref() != Some(&now) {
            news.progress_at(stage, now.0, now.1, MIB, now.2.clone());
            self.0 = Some(now);
        }
    }
}

/// Unit of what is fetched and loaded.
pub(super) const MIB: &str = "MiB";

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_timed_and_notes_limited() {
        let cancel = Cancel::default();
        let mut events = Vec::new();
        let mut emit = |event| events.push(event);
        let mut news = News::new(&cancel, &mut emit);
        news.begin(Stage::Load, 3, "MiB").unwrap();
        news.begin(Stage::Prepare, 9, "pairs").unwrap();
        for index in 0..25 {
            news.note(format!("note {index}"));
        }
        news.end();
        news.note("one more".to_owned());
        assert_eq!(news.notes.len(), MOST_NOTES + 2);
        assert_eq!(news.notes[MOST_NOTES], "... and 15 more like these");
        let stages: Vec<&str> = news.timings.iter().map(|t| t.stage.as_str()).collect();
        assert_eq!(stages, ["load", "prepare"]);
        cancel.cancel();
        let refused = news.begin(Stage::Forward, 9, "pairs");
        assert!(matches!(refused, Err(EngineError::Cancelled)));
        assert_eq!(events.len(), 2 + MOST_NOTES + 1);
    }
}
