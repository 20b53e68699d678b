//! Distances from the sums of several parts of a measurement, each about a point of its own. It is long because every
//! decision about a row is made once more, now from all parts.
//!
//! With `delta = c_p - c` between the point of a part and that of all, both scaled, and its sums `s_p` over `n_p` rows,
//!
//! ```text
//! sum (x - c)(x - c)^T = G_p + s_p delta^T + delta s_p^T + n_p delta delta^T
//! ```
//!
//! in f64. Norms of all parts decide about every token; those that wait come into the sums here.

use super::{
    clouds::{Summed, Sums, both, finite, is_exact},
    middle::medians,
    norms::{Fate, Norms},
    of_summed,
    plan::StreamPlan,
    saved::{Part, SavedSums},
};
use crate::{
    alignment::{
        AlignmentError, LayerDistance, MirSettings, Modality, covariance::Gram, mir::no_intervals,
        plan::PIECE,
    },
    gpu::{DType, Gpu, GpuError, Recording},
    kernels::{
        center_rows::center_rows,
        matmul::Packed,
        norm_stats::{NormStats, STATS},
        split_rows::{Parts, split_rows},
    },
    platform::Cancel,
    report::Outliers,
};

/// What rounding may add to a sum of squares.
const ROUNDING: f64 = 1.0 + 1e-4;

/// Why sums of parts give no distance.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// The norms of all parts tell of tokens another fate than the part has decided.
    #[error(
        "at layer {layer} the norms of all parts decide otherwise about {tokens} {modality} tokens of part {part}"
    )]
    Decided {
        /// Which part, from 0 on.
        part: usize,
        /// Decoder layer, counted from 1.
        layer: usize,
        /// The modality.
        modality: Modality,
        /// How many tokens.
        tokens: usize,
    },
    /// There is none.
    #[error(transparent)]
    Alignment(#[from] AlignmentError),
}

impl From<GpuError> for MergeError {
    fn from(error: GpuError) -> Self {
        Self::Alignment(error.into())
    }
}

/// Makes distances of sums that were saved.
pub struct Merging {
    gpu: Gpu,
    settings: MirSettings,
    width: usize,
    plan: StreamPlan,
    no_intervals: Option<String>,
}

/// A modality at a layer, of all parts.
pub struct MergedSums(Summed);

impl Merging {
    /// For states of width `width` and pairs with so many tokens (vision, text), of all parts.
    ///
    /// # Errors
    /// As [`StreamPlan::new`].
    pub fn new(
        gpu: &Gpu,
        settings: MirSettings,
        width: usize,
        pairs: &[[usize; 2]],
    ) -> Result<Self, AlignmentError> {
        let plan = StreamPlan::new(gpu, width, pairs)?;
        Ok(Self {
            gpu: gpu.clone(),
            no_intervals: no_intervals(settings, width, plan.tokens),
            // Derivatives by the weight of a pair need its rows.
            settings: MirSettings {
                intervals: false,
                ..settings
            },
            width,
            plan,
        })
    }

    /// Why there are no intervals although they were asked for.
    pub fn no_intervals(&self) -> Option<&str> {
        self.no_intervals.as_deref()
    }

    /// The layers whose distances are found together, at the most.
    pub fn layers_at_once(&self) -> usize {
        self.plan.together
    }

    /// Device memory that it takes, in bytes.
    pub fn bytes(&self) -> u64 {
        self.plan.total(1)
    }

    /// The sums of a modality at a layer (counted from 1): of all `parts`, then without those of each of `left_out` in
    /// turn, which say the shard as `shards` says it of each part. What the norms of all parts say of a token, and what
    /// replaces outliers, is the same in all of them.
    ///
    /// # Errors
    /// [`MergeError::Decided`]; why there is no cloud; what the device reports.
    pub async fn sums(
        &self,
        parts: &[SavedSums],
        (shards, left_out): (&[usize], &[usize]),
        (layer, modality): (usize, Modality),
        cancel: &Cancel,
    ) -> Result<Vec<MergedSums>, MergeError> {
        let decided = self.decided(parts, (layer, modality))?;
        let without = left_out.iter().map(|shard| {
            let own = shards.iter().enumerate();
            own.filter(|(_, own)| *own != shard)
                .map(|(part, _)| part)
                .collect()
        });
        let all = (0..parts.len()).collect::<Vec<usize>>();
        let mut found = Vec::with_capacity(1 + left_out.len());
        for own in std::iter::once(all).chain(without) {
            let sums = self.of(parts, &decided, &own, cancel).await?;
            found.push(MergedSums(Summed::new(sums, modality)?));
        }
        Ok(found)
    }

    /// What the norms of all `parts` decide.
    fn decided<'a>(
        &self,
        parts: &'a [SavedSums],
        (layer, modality): (usize, Modality),
    ) -> Result<Decided<'a>, MergeError> {
        let rule = self.settings.outliers;
        let norms = Norms::of_parts(rule, parts.iter().map(SavedSums::norms));
        let tokens = norms.len();
        let Some(stats) = norms.stats() else {
            let count = tokens;
            return Err(AlignmentError::TooFewTokens { modality, count }.into());
        };
        finite(&stats, (layer, modality))?;
        let mut first = 0;
        let mut own = Vec::with_capacity(parts.len());
        for (part, saved) in parts.iter().enumerate() {
            let all = 0..saved.norms().len();
            let verdict = |token: usize| norms.verdict(&stats, first + token);
            let wrong = |token: &usize| match saved.fate(*token) {
                Fate::Counted => !verdict(*token),
                Fate::LeftOut => verdict(*token),
                Fate::Waiting => false,
            };
            let tokens = all.clone().filter(wrong).count();
            if tokens > 0 {
                return Err(MergeError::Decided {
                    part,
                    layer,
                    modality,
                    tokens,
                });
            }
            let is_counted = |token: &usize| saved.fate(*token) == Fate::Counted;
            let in_doubt = saved.waiting().filter(|(token, _)| verdict(*token));
            own.push(OfPart {
                saved,
                counted: all.clone().filter(is_counted).count() as f64,
                inside: all.clone().filter(|token| verdict(*token)).count(),
                rows: in_doubt.map(|(_, row)| row).collect(),
                moved: Moved::new(saved, f64::from(stats.scale)),
            });
            first += all.len();
        }
        let inside: usize = own.iter().map(|part| part.inside).sum();
        let replaced = rule == Outliers::Replace && inside < tokens;
        let medians = replaced.then(|| {
            medians(parts, self.width).ok_or(AlignmentError::FirstPairs { layer, modality })
        });
        Ok(Decided {
            stats,
            medians: medians.transpose()?,
            parts: own,
        })
    }

    /// The sums of some of the parts.
    async fn of(
        &self,
        parts: &[SavedSums],
        decided: &Decided<'_>,
        own: &[usize],
        cancel: &Cancel,
    ) -> Result<Sums, GpuError> {
        let of = || own.iter().filter_map(|part| decided.parts.get(*part));
        let scale = f64::from(decided.stats.scale);
        // The mean of what the parts have.
        let counted: f64 = of().map(|part| part.counted).sum();
        let mut center = vec![0.0; self.width];
        for OfPart { counted, moved, .. } in of() {
            for (col, target) in center.iter_mut().enumerate() {
                *target += counted * moved.center[col] + moved.sums[col] / scale;
            }
        }
        if counted > 0.0 {
            center.iter_mut().for_each(|value| *value /= counted);
        }
        let rows = of().flat_map(|part| part.rows.iter().copied().flatten());
        let rows: Vec<f32> = rows.copied().collect();
        let rows = self.of_rows(&rows, &center, scale, cancel).await?;
        let of_parts: Vec<&OfPart<'_>> = of().collect();
        let (gram, sums) = gathered(&of_parts, (&center, scale), rows);
        let (tokens, inside) = of().fold((0, 0), |(tokens, inside), part| {
            (tokens + part.saved.norms().len(), inside + part.inside)
        });
        let exact = |part: &&OfPart<'_>| {
            is_exact(part.saved.part(Part::High), part.saved.part(Part::Bounds))
        };
        let norms = match own.len() == parts.len() {
            true => decided.stats,
            false => {
                let norms = of().flat_map(|part| part.saved.norms());
                let sum: f64 = norms.map(|&norm| f64::from(norm)).sum();
                NormStats {
                    mean: (sum / tokens as f64) as f32,
                    ..decided.stats
                }
            }
        };
        Ok(Sums {
            gram,
            is_exact: of_parts.iter().all(exact),
            sums,
            center,
            scale: decided.stats.scale,
            tokens,
            inside,
            medians: decided.medians.clone().filter(|_| inside < tokens),
            norms,
        })
    }

    /// The distances of some layers, the first of which has index `first`: at most [`Merging::layers_at_once`].
    ///
    /// # Errors
    /// Why there are none; what the device reports.
    pub async fn distances(
        &self,
        first: usize,
        layers: Vec<[MergedSums; 2]>,
        cancel: &Cancel,
    ) -> Result<Vec<LayerDistance>, AlignmentError> {
        let of = (&self.gpu, self.settings, self.width);
        let summed = layers.into_iter().map(|both| both.map(|sums| sums.0));
        let (distances, _) = of_summed(of, first, summed.collect(), cancel).await?;
        Ok(distances)
    }

    /// The Gram matrix of some rows about `center`, half of it, and their sum about it; nothing of no rows.
    async fn of_rows(
        &self,
        rows: &[f32],
        center: &[f64],
        scale: f64,
        cancel: &Cancel,
    ) -> Result<Option<OfRows>, GpuError> {
        let (gpu, width) = (&self.gpu, self.width);
        if rows.is_empty() {
            return Ok(None);
        }
        let mut found = OfRows {
            gram: Vec::new(),
            sums: vec![0.0; width],
        };
        let mut squares = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            for (col, &value) in row.iter().enumerate() {
                let own = (f64::from(value) - center[col]) * scale;
                found.sums[col] += own;
                squares[col] += own * own * ROUNDING;
            }
        }
        let near: Vec<f32> = center.iter().map(|&value| value as f32).collect();
        let rest = center.iter().zip(&near);
        let rest: Vec<f32> = rest
            .map(|(value, &near)| (value - f64::from(near)) as f32)
            .collect();
        let bounds: Vec<f32> = squares.iter().map(|&value| value as f32).collect();
        let stats = NormStats {
            scale: scale as f32,
            ..NormStats::default()
        };
        let row = |values: &[f32]| gpu.upload(1, width, values);
        let (near, rest, bounds) = (row(&near)?, row(&rest)?, row(&bounds)?);
        let stats = gpu.upload(1, STATS, &stats.row())?;
        let gram = Gram::room(gpu, width)?;
        let mut recording = Recording::new();
        gram.clear(&mut recording, &Gram::zeros(gpu, width)?)?;
        for rows in rows.chunks(PIECE * width) {
            let count = rows.len() / width;
            let piece = gpu.upload(count, width, rows)?;
            recording.push(center_rows(&piece, &near, &rest, &stats, 0)?);
            let turned = || gpu.tensor(DType::F32, width, count);
            let parts = Parts {
                high: turned()?,
                mixed: turned()?,
                low: turned()?,
            };
            recording.push(split_rows(&piece, 0, &bounds, 0, &parts)?);
            gram.add(gpu, &mut recording, &parts, 1.0)?;
        }
        let tensors = [&gram.high, &gram.rest];
        let read = gpu.run_and_read(&recording, cancel, &tensors).await?;
        if let [high, rest] = &*read {
            found.gram = both(&high.values, &rest.values);
        }
        Ok(Some(found))
    }
}

/// Of rows that waited.
struct OfRows {
    gram: Vec<f64>,
    sums: Vec<f64>,
}

/// What of a part is in the units of all.
struct Moved {
    center: Vec<f64>,
    /// The rows' sum about it, scaled as all are.
    sums: Vec<f64>,
    /// What values of its Gram matrix are multiplied with.
    of_gram: f64,
}

impl Moved {
    fn new(part: &SavedSums, scale: f64) -> Self {
        let [high, low] = [Part::HighSum, Part::LowSum].map(|own| part.part(own));
        // Both are powers of two.
        let by = scale / f64::from(part.scale());
        Self {
            center: part
                .part(Part::Center)
                .iter()
                .map(|&value| f64::from(value))
                .collect(),
            sums: both(high, low).into_iter().map(|sum| sum * by).collect(),
            of_gram: by * by,
        }
    }
}

/// What the norms of all parts decide at a layer.
struct Decided<'a> {
    stats: NormStats,
    /// What replaces outliers, where there are some.
    medians: Option<Vec<f64>>,
    parts: Vec<OfPart<'a>>,
}

/// What they decide about a part.
struct OfPart<'a> {
    saved: &'a SavedSums,
    /// Tokens in its sums, and those that count by the norms of all.
    counted: f64,
    inside: usize,
    /// Rows that waited and count.
    rows: Vec<&'a [f32]>,
    moved: Moved,
}

/// The Gram matrix of the parts and of the `rows` that waited about `center`, in two parts, and the rows' sum about it.
fn gathered(
    parts: &[&OfPart<'_>],
    (center, scale): (&[f64], f64),
    rows: Option<OfRows>,
) -> ([Vec<f32>; 2], Vec<f64>) {
    let width = center.len();
    let half = Packed { side: width };
    let len = half.rows() * half.cols();
    let deltas: Vec<Vec<f64>> = (parts.iter())
        .map(|part| {
            let own = part.moved.center.iter().zip(center);
            own.map(|(own, center)| (own - center) * scale).collect()
        })
        .collect();
    let mut sums = rows
        .as_ref()
        .map_or_else(|| vec![0.0; width], |rows| rows.sums.clone());
    for (part, delta) in parts.iter().zip(&deltas) {
        for (col, sum) in sums.iter_mut().enumerate() {
            *sum += part.moved.sums[col] + part.counted * delta[col];
        }
    }
    let (mut high, mut rest) = (vec![0.0; len], vec![0.0; len]);
    for i in 0..width {
        for j in i..width {
            let place = half.index(i, j);
            let mut value = rows.as_ref().map_or(0.0, |rows| rows.gram[place]);
            for (part, delta) in parts.iter().zip(&deltas) {
                let [high, rest] = [Part::High, Part::Rest].map(|own| part.saved.part(own));
                let (own, counted) = (&part.moved, part.counted);
                value += own.of_gram * (f64::from(high[place]) + f64::from(rest[place]))
                    + own.sums[i] * delta[j]
                    + delta[i] * own.sums[j]
                    + counted * delta[i] * delta[j];
            }
            high[place] = value as f32;
            rest[place] = (value - f64::from(high[place])) as f32;
        }
    }
    ([high, rest], sums)
}
