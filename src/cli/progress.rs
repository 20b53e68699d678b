//! The progress on stderr.

use std::{fmt::Write, io::IsTerminal, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::{
    engine::{Event, Stage},
    words::printable,
};

/// A bar that shows the stage under way, and one above it for a study; nothing where stderr is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// The bars together.
    bars: MultiProgress,
    /// How many checkpoints of a study are done.
    members: Option<ProgressBar>,
    /// The stage that is shown, and whether its units are counted.
    stage: Option<(Stage, bool)>,
}

impl Progress {
    /// A bar, hidden if `quiet` or where stderr is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet || !std::io::stderr().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bars = MultiProgress::with_draw_target(target);
        Self {
            bar: bars.add(ProgressBar::no_length()),
            bars,
            members: None,
            stage: None,
        }
    }

    /// Does what may write to stderr, without the bars.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        self.bars.suspend(write);
    }

    /// Shows which checkpoint of a study is measured, in a line above its stage.
    fn member(&mut self, name: &str, done: u64, total: u64) {
        let bars = &self.bars;
        let bar = self.members.get_or_insert_with(|| {
            let bar = bars.insert(0, ProgressBar::new(total));
            bar.set_style(style(MEMBERS));
            bar
        });
        bar.set_length(total);
        bar.set_position(done);
        bar.set_prefix(printable(name).into_owned());
    }

    /// Shows what an event says about progress.
    pub(crate) fn show(&mut self, event: &Event) {
        if let Event::Member { name, done, total } = event {
            self.member(name, *done, *total);
        }
        let Event::Progress {
            stage,
            done,
            total,
            unit,
            detail,
        } = event
        else {
            return;
        };
        let counted = *total > 1;
        let is_new = self.stage != Some((*stage, counted));
        if is_new {
            // First the style: a bar is drawn whenever anything else changes.
            self.bar.set_style(style(match (*stage, counted) {
                (Stage::Fetch, true) => FETCHED,
                (_, true) => COUNTED,
                (_, false) => SINGLE,
            }));
            self.bar.set_message(stage.words());
        }
        self.bar.set_length(*total);
        self.bar.set_position(*done);
        if is_new {
            self.stage = Some((*stage, counted));
            self.bar.reset_elapsed();
            self.bar.reset_eta();
            self.bar.enable_steady_tick(Duration::from_millis(200));
        }
        let beside = if counted { unit } else { detail };
        if self.bar.prefix() != *beside {
            self.bar.set_prefix(printable(beside).into_owned());
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
        if let Some(members) = &self.members {
            members.finish_and_clear();
        }
    }
}

/// While units are counted: how many are done, since when, and how long the rest may take. Fits 80
/// columns.
const COUNTED: &str = "{msg:22} [{bar:20}] {pos}/{len} {prefix}  {elapsed}, {eta} left";

/// While files are fetched: how fast they come as well. Fits 80 columns.
const FETCHED: &str = "{msg} [{bar:10}] {pos}/{len} {prefix}, {rate} {prefix}/s, {eta} left";

/// Checkpoints of a study.
const MEMBERS: &str =
    "Checkpoints            [{bar:20}] {pos}/{len} {prefix}  {elapsed}, {eta} left";

/// While there is one unit: that the program is alive, and where it is.
const SINGLE: &str = "{msg:22} {spinner} {elapsed}  {prefix}";

fn style(template: &str) -> ProgressStyle {
    // The templates are tested; a bar without them is still a bar.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, to: &mut dyn Write| {
            // A bar takes whatever is written to it.
            write!(to, "{:.1}", state.per_sec()).ok();
        })
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in [COUNTED, FETCHED, SINGLE, MEMBERS] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
