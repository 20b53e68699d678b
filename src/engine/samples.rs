//! The rate of ever fewer pairs.

use super::{EngineError, Stage, news::News};
use crate::{
    alignment::{Mir, MirResult},
    gpu::Gpu,
    report::{PairsPoint, SplitMix64},
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

/// Measures samples of the pairs that `mir` holds, drawn by `seed`: halves, quarters, and so on while they have tokens
/// enough. `taken` tells what counts of a result. None where not even halves have.
///
/// # Errors
/// As [`Mir::of_pairs`] and [`Mir::finish`].
pub(super) async fn of(
    gpu: &Gpu,
    mir: &Mir,
    (pairs, tokens, width): (usize, [usize; 2], usize),
    seed: u64,
    budget: Option<u64>,
    taken: impl Fn(&MirResult) -> MirResult,
    news: &mut News<'_>,
) -> Result<Option<Samples>, EngineError> {
    let tokens = tokens[0].min(tokens[1]);
    let enough =
        |size: &usize| *size >= LEAST_PAIRS && tokens * size / pairs >= LEAST_PER_DIMENSION * width;
    let sizes = std::iter::successors(Some(pairs / 2), |size| Some(size / 2));
    let sizes: Vec<usize> = sizes.take_while(enough).collect();
    let Some(&half) = sizes.first() else {
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
            let own = mir.of_pairs(&chosen, budget, news.cancel).await?;
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
