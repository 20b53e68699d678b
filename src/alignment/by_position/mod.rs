//! Quantities of the images by their position in a prompt of several: the first one, the second one and so on, each
//! against the text tokens of the prompts that show it.
//!
//! For VILA (arXiv 2312.07533) what interleaved prompts lack shows in the later images of a prompt.
//!
//! A position's interval is over the pairs that show it. With sums `A_p` over `n_p` tokens of pair p, and `A` over `N`
//! tokens in all, a mean `A / N` moves with the weight of p by `(A_p - n_p A / N) / N`; a ratio of means and a distance of
//! means follow.

mod entries;

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, Observation, SavedPair, Saving, Setup, StateId, every_layer, tensor_bytes,
    },
};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
    kernels::{
        add_rows::add_rows,
        column_sums::{ColumnSums, column_totals},
        gather_rows::gather_rows,
        matmul::{Matmul, matmul},
        token_norms::token_norms,
        unit_rows::unit_rows,
    },
    platform::Cancel,
    report::MetricReport,
};
use entries::{Part, Side};

/// Positions that are told apart; what later images are is not told.
const MOST_POSITIONS: usize = 8;

/// Most bytes of sums that are kept pair by pair for intervals, what any binding takes; beyond it there are none.
const MOST_SUMS: u64 = 128 << 20;

/// Sums over the same tokens, layer by layer: of their unit vectors, `[layers, hidden_size]`, and of their l2 norms,
/// `[layers, 1]`; from row `begin` on.
#[derive(Clone)]
struct Sums {
    units: Tensor,
    norms: Tensor,
    begin: usize,
}

/// Tokens of an image, or the text tokens of a prompt.
#[derive(Clone, Copy)]
struct Tokens {
    pair: usize,
    /// Of the image, or of the prompt's last image.
    position: usize,
    is_text: bool,
    count: usize,
}

/// Sums the tokens of each position, and the text tokens of the prompts by their number of images.
struct ByPosition {
    gpu: Gpu,
    layers: usize,
    hidden_size: usize,
    /// Tokens of each image, pair by pair.
    images: Vec<Vec<usize>>,
    /// What was summed, in the order in which it came.
    tokens: Vec<Tokens>,
    /// With intervals: the sums of each of them.
    apart: Option<Sums>,
    /// Else: of each position, vision and text.
    together: [[Option<Sums>; 2]; MOST_POSITIONS],
    pushed: usize,
}

/// How many sums pairs with such images have.
fn count(images: &[Vec<usize>]) -> usize {
    let of = |images: &Vec<usize>| match images.len() {
        0 => 0,
        some => some.min(MOST_POSITIONS) + 1,
    };
    images.iter().map(of).sum()
}

/// Bytes of so many sums.
fn bytes(setup: &Setup<'_>, count: usize) -> u64 {
    let rows = setup.layers.saturating_mul(count);
    tensor_bytes(rows, setup.hidden_size).saturating_add(tensor_bytes(rows, 1))
}

/// Whether sums are kept pair by pair.
fn by_pair(setup: &Setup<'_>, images: &[Vec<usize>]) -> bool {
    setup.intervals && bytes(setup, count(images)) <= MOST_SUMS
}

/// The norm ratio and the centroid gap of each position, of pairs whose images have `images` tokens each, in the order in
/// which they will be pushed.
///
/// # Errors
/// What the device refuses.
pub fn by_position(
    setup: &Setup<'_>,
    images: Vec<Vec<usize>>,
) -> Result<Box<dyn Metric>, AlignmentError> {
    let gpu = setup.gpu;
    let rows = setup.layers * count(&images);
    let apart = by_pair(setup, &images).then(|| {
        Ok::<_, AlignmentError>(Sums {
            units: gpu.tensor(DType::F32, rows, setup.hidden_size)?,
            norms: gpu.tensor(DType::F32, rows, 1)?,
            begin: 0,
        })
    });
    Ok(Box::new(ByPosition {
        gpu: gpu.clone(),
        layers: setup.layers,
        hidden_size: setup.hidden_size,
        images,
        tokens: Vec::new(),
        apart: apart.transpose()?,
        together: Default::default(),
        pushed: 0,
    }))
}

/// Device memory in bytes that [`by_position`] keeps, with the sums that take the place of others.
pub fn by_position_bytes(setup: &Setup<'_>, images: &[Vec<usize>]) -> u64 {
    let positions = images.iter().map(Vec::len).max().unwrap_or(0);
    match by_pair(setup, images) {
        true => bytes(setup, count(images)),
        false => bytes(setup, 2 * positions.min(MOST_POSITIONS) + 1),
    }
}

impl ByPosition {
    /// Memory for sums of the layers.
    fn room(&self) -> Result<Sums, AlignmentError> {
        let of = |cols| self.gpu.tensor(DType::F32, self.layers, cols);
        Ok(Sums {
            units: of(self.hidden_size)?,
            norms: of(1)?,
            begin: 0,
        })
    }

    /// Takes these `rows` of the pair's states, which are `tokens`.
    fn take(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
        rows: &[u32],
        tokens: Tokens,
    ) -> Result<(), AlignmentError> {
        if rows.is_empty() {
            return Ok(());
        }
        let sums = match &self.apart {
            Some(sums) => Sums {
                begin: self.layers * self.tokens.len(),
                ..sums.clone()
            },
            None => self.room()?,
        };
        self.record(recording, pair, rows, &sums)?;
        self.add(recording, tokens, sums)
    }

    /// Takes the sums of `tokens`, which are in their place where they are kept apart.
    fn add(
        &mut self,
        recording: &mut Recording,
        tokens: Tokens,
        sums: Sums,
    ) -> Result<(), AlignmentError> {
        self.tokens.push(tokens);
        if self.apart.is_some() {
            return Ok(());
        }
        let so_far = self.together[tokens.position][usize::from(tokens.is_text)].take();
        let both = match so_far {
            None => sums,
            Some(so_far) => {
                let both = self.room()?;
                recording.push(add_rows(&so_far.units, 0, &sums.units, &both.units)?);
                recording.push(add_rows(&so_far.norms, 0, &sums.norms, &both.norms)?);
                both
            }
        };
        self.together[tokens.position][usize::from(tokens.is_text)] = Some(both);
        Ok(())
    }

    /// Records the sums of some rows.
    fn record(
        &self,
        recording: &mut Recording,
        pair: &Observation<'_>,
        rows: &[u32],
        sums: &Sums,
    ) -> Result<(), AlignmentError> {
        let (gpu, layers, width) = (&self.gpu, self.layers, self.hidden_size);
        let indices = gpu.upload_indices(rows)?;
        let of_tokens = gpu.tensor(DType::F32, layers, rows.len())?;
        for (layer, state) in self.states().into_iter().enumerate() {
            let state = pair.state(state)?;
            let own = gpu.tensor(DType::F32, rows.len(), width)?;
            recording.push(gather_rows(&indices, state, 0, &own, 0)?);
            recording.push(token_norms(gpu.kernels(), &own, &of_tokens, layer)?);
            let unit = gpu.tensor(DType::F32, rows.len(), width)?;
            recording.push(unit_rows(gpu.kernels(), &indices, state, &unit)?);
            let row = sums.begin + layer;
            let sum = ColumnSums::default();
            recording.extend(column_totals(gpu, &unit, &sum, &sums.units, row)?);
        }
        let ones = gpu.upload(1, rows.len(), &vec![1.0; rows.len()])?;
        let with = Matmul {
            out_row: sums.begin,
            ..Matmul::default()
        };
        recording.extend(matmul(gpu, &of_tokens, &ones, &with, &sums.norms)?);
        Ok(())
    }

    /// What is told of each position.
    async fn found(&self) -> Result<Vec<MetricReport>, AlignmentError> {
        let together = || self.together.iter().flatten().flatten();
        let tensors = self.apart.iter().chain(together());
        let tensors: Vec<&Tensor> = tensors.flat_map(|it| [&it.units, &it.norms]).collect();
        let read = self.gpu.read(&tensors).await?;
        let mut read = read.chunks_exact(2);
        let (layers, width) = (self.layers, self.hidden_size);
        let mut parts = Vec::with_capacity(self.tokens.len());
        if self.apart.is_some() {
            let Some([units, norms]) = read.next() else {
                return Ok(Vec::new());
            };
            let units = units.values.chunks_exact(layers * width);
            let norms = norms.values.chunks_exact(layers);
            let all = self.tokens.iter().zip(units.zip(norms));
            parts.extend(all.map(|(&tokens, (units, norms))| Part {
                tokens,
                units,
                norms,
            }));
        } else {
            let places = (0..MOST_POSITIONS).flat_map(|at| [false, true].map(|text| (at, text)));
            for (position, is_text) in places {
                if self.together[position][usize::from(is_text)].is_none() {
                    continue;
                }
                let of = |it: &&Tokens| (it.position, it.is_text) == (position, is_text);
                let own = self.tokens.iter().filter(of);
                let tokens = Tokens {
                    pair: 0,
                    position,
                    is_text,
                    count: own.map(|it| it.count).sum(),
                };
                if let Some([units, norms]) = read.next() {
                    let (units, norms) = (&*units.values, &*norms.values);
                    parts.push(Part {
                        tokens,
                        units,
                        norms,
                    });
                }
            }
        }
        let mut entries = Vec::new();
        for position in 0..MOST_POSITIONS {
            let of = |is_own: &dyn Fn(&Tokens) -> bool| Side {
                parts: parts.iter().filter(|it| is_own(&it.tokens)).collect(),
            };
            let vision = of(&|it| !it.is_text && it.position == position);
            // A text counts for every image of its prompt.
            let text = of(&|it| it.is_text && it.position >= position);
            if !vision.parts.is_empty() {
                entries.extend(self.entries(position + 1, &[vision, text]));
            }
        }
        Ok(entries)
    }
}

impl Metric for ByPosition {
    fn states(&self) -> Vec<StateId> {
        every_layer(self.layers)
    }

    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError> {
        let mut first = 0;
        for tokens in self.next([pair.vision.len(), pair.text.len()]) {
            let rows = match tokens.is_text {
                true => pair.text,
                false => {
                    let own = pair.vision.get(first..first + tokens.count);
                    first += tokens.count;
                    own.unwrap_or_default()
                }
            };
            self.take(recording, pair, rows, tokens)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: Cancel) -> Finding {
        Box::pin(async move { self.found().await })
    }

    fn saved(&self) -> Saving<'_> {
        Box::pin(async move {
            let Some(sums) = &self.apart else {
                return Ok(None);
            };
            let read = self.gpu.read(&[&sums.units, &sums.norms]).await?;
            let mut found = vec![SavedPair::default(); self.pushed];
            for (index, tokens) in self.tokens.iter().enumerate() {
                let pair = &mut found[tokens.pair];
                pair.tokens[usize::from(tokens.is_text)] += tokens.count;
                for read in &read {
                    let own = self.layers * read.cols;
                    let values = read.values.get(index * own..(index + 1) * own);
                    pair.values.extend(values.unwrap_or_default());
                }
            }
            Ok(Some(found))
        })
    }

    fn restore(
        &mut self,
        recording: &mut Recording,
        pair: &SavedPair,
    ) -> Result<(), AlignmentError> {
        let (layers, width) = (self.layers, self.hidden_size);
        let tokens = self.next(pair.tokens);
        let sizes = vec![[[layers, width], [layers, 1]]; tokens.len()].concat();
        let parts = pair.matrices(&sizes)?;
        for (tokens, own) in tokens.into_iter().zip(parts.chunks_exact(2)) {
            let found = Sums {
                units: self.gpu.upload(layers, width, own[0])?,
                norms: self.gpu.upload(layers, 1, own[1])?,
                begin: 0,
            };
            if let Some(apart) = &self.apart {
                let begin = layers * self.tokens.len();
                recording.copy_rows(&found.units, 0, &apart.units, begin, layers)?;
                recording.copy_rows(&found.norms, 0, &apart.norms, begin, layers)?;
            }
            self.add(recording, tokens, found)?;
        }
        Ok(())
    }
}

impl ByPosition {
    /// What there is to sum of the next pair, which has so many tokens (vision, text): those of its images one after
    /// another, then its text; nothing of what has no token.
    fn next(&mut self, [vision, text]: [usize; 2]) -> Vec<Tokens> {
        let pair = self.pushed;
        self.pushed += 1;
        let images = self.images.get(pair).cloned().unwrap_or_default();
        let (mut all, mut left) = (Vec::new(), vision);
        for (position, &count) in images.iter().enumerate().take(MOST_POSITIONS) {
            let count = count.min(left);
            left -= count;
            all.push(Tokens {
                pair,
                position,
                is_text: false,
                count,
            });
        }
        if let Some(position) = all.len().checked_sub(1) {
            all.push(Tokens {
                pair,
                position,
                is_text: true,
                count: text,
            });
        }
        all.retain(|tokens| tokens.count > 0);
        all
    }
}
