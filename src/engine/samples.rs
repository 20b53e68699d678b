//! The rate of ever fewer pairs.

use super::{EngineError, Stage, metric, news::News};
use crate::{
    alignment::{AlignmentError, Mir, MirResult},
    gpu::Gpu,
    report::{Definition, LayerReport, MetricReport, PairsPoint, SplitMix64, bias_corrected},
};

/// Samples of one size, where the pairs give so many that share none; of halves there are two divisions.
const MOST_SAMPLES: usize = 4;
/// Samples have so many pairs at least, and so many tokens of each modality for each dimension.
const LEAST_PAIRS: usize = 4;
const LEAST_PER_DIMENSION: usize = 2;

/// What samples tell.
pub(super) struct Samples {
    /// Fewest pairs first, without all pairs.
    pub(super) points: Vec<PairsPoint>,
    /// Pairs of the largest samples, and the mean distance of each layer over them.
    pub(super) halves: (usize, Vec<f64>),
}

/// What is sampled.
pub(super) struct Asked<'a> {
    pub(super) gpu: &'a Gpu,
    /// Pairs in all, and their tokens: vision, text.
    pub(super) pairs: usize,
    pub(super) tokens: [usize; 2],
    /// Width of the states.
    pub(super) width: usize,
    pub(super) seed: u64,
    /// Device memory that the states and the metric may take.
    pub(super) budget: Option<u64>,
}

/// Why states that are streamed are not sampled.
pub(super) const HELD_ONLY: &str =
    "no correction of bias: the states are streamed; a larger memory budget holds them";

/// The rate of `states` states that are held; where they are `asked` for, with the rates of samples of its pairs. `taken` as
/// in [`of`].
///
/// # Errors
/// As [`of`] and [`Mir::finish`].
pub(super) async fn with_rate(
    mir: Mir,
    (asked, taken): (Option<Asked<'_>>, impl Fn(&MirResult) -> MirResult),
    states: usize,
    news: &mut News<'_>,
) -> Result<(MirResult, Option<Samples>), EngineError> {
    let sampled = match asked {
        Some(asked) => of(&mir, asked, taken, news).await?,
        None => None,
    };
    news.begin(Stage::Metric, states as u64, metric::UNIT)?;
    Ok((metric::finish(mir, news).await?, sampled))
}

/// Measures samples of the pairs that `mir` holds, drawn by the seed: halves, quarters, and so on while they have tokens
/// enough. `taken` tells what counts of a result. None, with a note, where not even halves have.
///
/// # Errors
/// As [`Mir::of_pairs`] and [`Mir::finish`].
async fn of(
    mir: &Mir,
    asked: Asked<'_>,
    taken: impl Fn(&MirResult) -> MirResult,
    news: &mut News<'_>,
) -> Result<Option<Samples>, EngineError> {
    let Asked {
        gpu,
        pairs,
        tokens,
        width,
        seed,
        budget,
    } = asked;
    let budget = budget.map(|budget| budget.saturating_sub(mir.memory_plan().states));
    let tokens = tokens[0].min(tokens[1]);
    let enough =
        |size: &usize| *size >= LEAST_PAIRS && tokens * size / pairs >= LEAST_PER_DIMENSION * width;
    let sizes = std::iter::successors(Some(pairs / 2), |size| Some(size / 2));
    let sizes: Vec<usize> = sizes.take_while(enough).collect();
    let Some(&half) = sizes.first() else {
        news.note(
            "no correction of bias: halves of the pairs would have too few tokens".to_owned(),
        );
        return Ok(None);
    };
    let total = (sizes.len() * MOST_SAMPLES) as u64;
    news.begin(Stage::Metric, total, "samples")?;
    let mut random = SplitMix64::new(seed ^ 0x5a3d_91e4_c07b_2f68);
    let mut points = Vec::with_capacity(sizes.len());
    let mut sums: Vec<f64> = Vec::new();
    for (done, &size) in sizes.iter().enumerate() {
        let mut order: Vec<usize> = (0..pairs).collect();
        let mut of_size = Vec::with_capacity(MOST_SAMPLES);
        for sample in 0..MOST_SAMPLES {
            let per_division = pairs / size;
            if sample % per_division == 0 {
                random.shuffle(&mut order);
            }
            let begin = sample % per_division * size;
            let mut chosen = order[begin..begin + size].to_vec();
            chosen.sort_unstable();
            let own = match mir.of_pairs(&chosen, budget, news.cancel).await {
                Err(AlignmentError::OverBudget { needed, budget }) => {
                    news.note(format!(
                        "no correction of bias: samples of {size} pairs need {needed} of device memory beside all \
                         states, {budget} are left"
                    ));
                    return Ok(None);
                }
                own => own?,
            };
            let result = taken(&own.finish(news.cancel, &mut |_, _| {}).await?);
            if size == half {
                sums.resize(result.layers.len(), 0.0);
                (sums.iter_mut().zip(&result.layers))
                    .for_each(|(sum, layer)| *sum += layer.frechet);
            }
            of_size.push(result.mir);
            gpu.trim();
            let done = (done * MOST_SAMPLES + sample + 1) as u64;
            news.progress(Stage::Metric, done, total, "samples");
        }
        points.push(PairsPoint {
            pairs: size,
            mir: of_size,
        });
    }
    news.end();
    points.reverse();
    sums.iter_mut().for_each(|sum| *sum /= MOST_SAMPLES as f64);
    Ok(Some(Samples {
        points,
        halves: (half, sums),
    }))
}

impl Samples {
    /// Enters the corrected rate of `pairs` pairs into a report's quantities, whose layers are `layers`, and gives what
    /// the report says of samples, `mir` of all pairs last.
    pub(super) fn enter(
        self,
        definition: Definition,
        layers: &[LayerReport],
        (pairs, mir): (usize, Option<f64>),
        metrics: &mut Vec<MetricReport>,
    ) -> Vec<PairsPoint> {
        let Self {
            mut points,
            halves: (fewer, halves),
        } = self;
        metrics.push(bias_corrected(definition, layers, &halves, [pairs, fewer]));
        points.push(PairsPoint {
            pairs,
            mir: vec![mir],
        });
        points
    }
}
