//! The rate of more tokens than memory may hold: sums instead of states, and, where even they are too large, some layers
//! at a time.

use super::{
    EngineError,
    forward::{Forward, Rate, Targets},
    metric::{self, Finished},
    news::News,
    prepare::Prepared,
    session::kept::{DEFAULT_BYTES, Room},
    states_file::StatesWriter,
};
use crate::{
    alignment::{AlignmentError, Metric, Mir, MirResult, MirSettings, StreamPlan, Streamed},
    gpu::{Gpu, GpuError},
    report::format_bytes,
    words::counted,
};

/// Why there are no intervals.
pub(super) const NO_INTERVAL: &str = "no interval: there is none of streamed states";

/// How the states are taken.
pub(super) enum Way {
    /// They are held.
    Held,
    /// Sums of so many states at a time are.
    Streamed(usize),
}

impl Way {
    /// Held where they fit, else streamed: `room` is what there is to hold, `tokens` are those of each pair, `asked`
    /// is the budget that somebody named.
    ///
    /// # Errors
    /// [`AlignmentError::OverBudget`] where even one layer's sums are too large; why the metric has no value.
    pub(super) fn choose(
        gpu: &Gpu,
        room: &Room,
        tokens: &[[usize; 2]],
        asked: Option<u64>,
    ) -> Result<Self, AlignmentError> {
        let budget = asked.or_else(|| gpu.usual_budget());
        let (layers, width) = (room.states - 1, room.width);
        let [vision, text] = room.tokens;
        match Mir::plan(gpu, layers, width, vision, text, budget) {
            Ok(plan) if asked.is_some() || plan.states <= DEFAULT_BYTES => return Ok(Self::Held),
            Ok(_)
            | Err(
                AlignmentError::OverBudget { .. } | AlignmentError::Gpu(GpuError::TooLarge { .. }),
            ) => {}
            Err(error) => return Err(error),
        }
        let plan = StreamPlan::new(gpu, width, tokens)?;
        match plan.layers_within(budget.unwrap_or(u64::MAX)) {
            Ok(at_once) => Ok(Self::Streamed(at_once.min(layers))),
            Err(needed) => Err(AlignmentError::OverBudget {
                needed: format_bytes(needed),
                budget: format_bytes(budget.unwrap_or(u64::MAX)),
            }),
        }
    }
}

/// The pairs of a measurement.
#[derive(Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub(super) all: &'a [&'a Prepared],
    /// Tokens of each: vision, text.
    pub(super) tokens: &'a [[usize; 2]],
}

/// Runs the model over `pairs`, once for each `at_once` states of `forward`, and gives the rate; `width` is that of the
/// states.
///
/// # Errors
/// As [`Forward::run`] and the metric.
pub(super) async fn measure(
    forward: Forward<'_>,
    (at_once, settings): (usize, MirSettings),
    width: usize,
    Pairs { all: pairs, tokens }: Pairs<'_>,
    (mut metrics, mut export): (Vec<Box<dyn Metric>>, Option<StatesWriter>),
    news: &mut News<'_>,
) -> Result<(MirResult, Finished), EngineError> {
    let all = forward.states;
    let mut distances = Vec::with_capacity(all.len());
    let groups = all.chunks(at_once.max(1));
    let passes = groups.len();
    let mut repeated = 0;
    for (group, states) in groups.enumerate() {
        let own = Forward { states, ..forward };
        let streamed = Streamed::new(forward.gpu, settings, states.len(), width, tokens).await?;
        let mut targets = Targets {
            rate: Rate::Streamed(streamed),
            metrics: Vec::new(),
            kept: None,
            export: None,
        };
        if group == 0 {
            // They take each pair once.
            (targets.metrics, targets.export) = (std::mem::take(&mut metrics), export.take());
        }
        own.run(pairs, &mut targets, news).await?;
        if group == 0 {
            metrics = std::mem::take(&mut targets.metrics);
            export = targets.export.take();
        }
        let again = match &mut targets.rate {
            Rate::Streamed(streamed) => streamed.conclude(news.cancel).await?,
            Rate::Held(_) => Vec::new(),
        };
        repeated += again.len();
        if !again.is_empty() {
            let again: Vec<&Prepared> = again.iter().map(|&pair| pairs[pair]).collect();
            own.run(&again, &mut targets, news).await?;
        }
        let place = [distances.len(), all.len()];
        distances.extend(metric::finish_rate(targets.rate, place, news).await?);
        news.end();
        forward.gpu.trim();
    }
    news.note(note("the model ran", passes, repeated));
    let finished = Finished {
        metrics,
        kept: None,
        export,
    };
    Ok((MirResult::new(distances), finished))
}

/// What a reader should know of streamed states: how often `what` happened, and for how many pairs once more.
pub(super) fn note(what: &str, passes: usize, repeated: usize) -> String {
    let mut note = "streamed: sums of the states were held instead of the states, medians of dimensions are interpolated"
        .to_owned();
    if passes > 1 {
        note += &format!("; {what} {passes} times, for some layers each");
    }
    if repeated > 0 {
        note += &format!(
            "; {} came once more, about tokens of which all norms tell otherwise than the first ones",
            counted(repeated, "pair")
        );
    }
    note
}
