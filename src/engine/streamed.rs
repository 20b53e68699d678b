//! The rate of more tokens than memory may hold: sums instead of states, and, where even they are too large, some layers
//! at a time.

use super::{
    EngineError, Stage,
    forward::{Forward, Rate, Targets},
    metric,
    news::News,
    prepare::Prepared,
    session::kept::{DEFAULT_BYTES, Room},
};
use crate::{
    alignment::{AlignmentError, Metric, Mir, MirResult, MirSettings, StreamPlan, Streamed},
    gpu::{Gpu, GpuError},
    report::format_bytes,
    words::counted,
};

/// Most that sums take where nobody says otherwise: so much is left of a card that has the weights of a decoder of
/// seven billion parameters.
const STREAMED_BYTES: u64 = 8_000_000_000;

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
        let budget = asked.unwrap_or_else(|| budget.unwrap_or(u64::MAX).min(STREAMED_BYTES));
        match plan.layers_within(budget) {
            Ok(at_once) => Ok(Self::Streamed(at_once.min(layers))),
            Err(needed) => Err(AlignmentError::OverBudget {
                needed: format_bytes(needed),
                budget: format_bytes(budget),
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

/// Runs the model over `pairs`, once for each `at_once` states of `forward` and, where intervals are wanted, once more, and
/// gives the rate; `width` is that of the states, `metrics` take every pair once.
///
/// # Errors
/// As [`Forward::run`] and the metric.
pub(super) async fn measure(
    forward: Forward<'_>,
    (at_once, settings): (usize, MirSettings),
    width: usize,
    Pairs { all: pairs, tokens }: Pairs<'_>,
    metrics: &mut [Box<dyn Metric>],
    news: &mut News<'_>,
) -> Result<MirResult, EngineError> {
    let all = forward.states;
    let mut distances = Vec::with_capacity(all.len());
    let (mut passes, mut repeated) = (0, 0);
    for states in all.chunks(at_once.max(1)) {
        let own = Forward { states, ..forward };
        let begin = distances.len();
        let mut streamed =
            Streamed::new(forward.gpu, settings, states.len(), width, tokens).await?;
        if begin == 0 {
            news.note_all(streamed.no_intervals().map(ToOwned::to_owned));
        }
        let others = if begin == 0 { &mut *metrics } else { &mut [] };
        own.run(
            pairs,
            &mut targets(Rate::Streamed(&mut streamed), others),
            news,
        )
        .await?;
        let again = streamed.conclude(news.cancel).await?;
        repeated += again.len();
        if !again.is_empty() {
            let again: Vec<&Prepared> = again.iter().map(|&pair| pairs[pair]).collect();
            own.run(
                &again,
                &mut targets(Rate::Streamed(&mut streamed), &mut []),
                news,
            )
            .await?;
        }
        let total = all.len() as u64;
        news.begin(Stage::Metric, total, metric::UNIT)?;
        let cancel = news.cancel;
        let mut tell = |done: usize| {
            news.progress(Stage::Metric, (begin + done) as u64, total, metric::UNIT);
        };
        let (found, second) = streamed.finish(begin, cancel, &mut tell).await?;
        distances.extend(found);
        news.end();
        passes += 1;
        if let Some(mut second) = second {
            passes += 1;
            own.run(
                pairs,
                &mut targets(Rate::Second(&mut second), &mut []),
                news,
            )
            .await?;
            let found = second.finish(news.cancel).await?;
            for (distance, influence) in distances[begin..].iter_mut().zip(found) {
                distance.influence = influence;
            }
            news.end();
        }
        forward.gpu.trim();
    }
    let mut note = "streamed: sums of the states were held instead of the states, medians of dimensions are interpolated"
        .to_owned();
    if passes > 1 {
        note += &format!("; the model ran {passes} times");
    }
    if repeated > 0 {
        note += &format!(
            "; {} ran again, about tokens of which all norms tell otherwise than the first ones",
            counted(repeated, "pair")
        );
    }
    news.note(note);
    Ok(MirResult::new(distances))
}

fn targets<'a>(rate: Rate<'a>, metrics: &'a mut [Box<dyn Metric>]) -> Targets<'a> {
    Targets {
        rate,
        metrics,
        kept: None,
    }
}
