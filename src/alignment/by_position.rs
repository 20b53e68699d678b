//! Quantities of the images by their position in a prompt of several: the first one, the second one and so on, each
//! against the text tokens of the prompts that show it.
//!
//! For VILA (arXiv 2312.07533) what interleaved prompts lack shows in the later images of a prompt.

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, Observation, Setup, StateId, every_layer, mean_over_states, tensor_bytes,
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
    report::{MetricReport, basis_of_tokens},
};

/// Positions that are told apart; what later images are is not told.
const MOST_POSITIONS: usize = 8;

/// Sums over tokens, layer by layer.
struct Sums {
    /// Of the tokens' unit vectors, `[layers, hidden_size]`.
    units: Tensor,
    /// Of their l2 norms, `[layers, 1]`.
    norms: Tensor,
    tokens: usize,
}

/// Sums the tokens of each position, and the text tokens of the prompts by their number of images.
struct ByPosition {
    gpu: Gpu,
    layers: usize,
    hidden_size: usize,
    /// Tokens of each image, pair by pair.
    images: Vec<Vec<usize>>,
    vision: [Option<Sums>; MOST_POSITIONS],
    text: [Option<Sums>; MOST_POSITIONS],
    pushed: usize,
}

/// The norm ratio and the centroid gap of each position, of pairs whose images have `images` tokens each, in the order in
/// which they will be pushed.
pub fn by_position(setup: &Setup<'_>, images: Vec<Vec<usize>>) -> Box<dyn Metric> {
    Box::new(ByPosition {
        gpu: setup.gpu.clone(),
        layers: setup.layers,
        hidden_size: setup.hidden_size,
        images,
        vision: Default::default(),
        text: Default::default(),
        pushed: 0,
    })
}

/// Device memory in bytes that [`by_position`] keeps, with the sums that take the place of others.
pub fn by_position_bytes(setup: &Setup<'_>, images: &[Vec<usize>]) -> u64 {
    let positions = images.iter().map(Vec::len).max().unwrap_or(0);
    let sums = tensor_bytes(setup.layers, setup.hidden_size) + tensor_bytes(setup.layers, 1);
    sums * (2 * positions.min(MOST_POSITIONS) as u64 + 1)
}

impl ByPosition {
    /// The sums so far and those of these `rows` of the pair's states.
    fn added(
        &self,
        recording: &mut Recording,
        pair: &Observation<'_>,
        rows: &[u32],
        so_far: Option<Sums>,
    ) -> Result<Option<Sums>, AlignmentError> {
        if rows.is_empty() {
            return Ok(so_far);
        }
        let (gpu, layers, width) = (&self.gpu, self.layers, self.hidden_size);
        let indices = gpu.upload_indices(rows)?;
        let units = gpu.tensor(DType::F32, layers, width)?;
        let of_tokens = gpu.tensor(DType::F32, layers, rows.len())?;
        for (layer, state) in self.states().into_iter().enumerate() {
            let state = pair.state(state)?;
            let own = gpu.tensor(DType::F32, rows.len(), width)?;
            recording.push(gather_rows(&indices, state, 0, &own, 0)?);
            recording.push(token_norms(gpu.kernels(), &own, &of_tokens, layer)?);
            let unit = gpu.tensor(DType::F32, rows.len(), width)?;
            recording.push(unit_rows(gpu.kernels(), &indices, state, &unit)?);
            let sum = ColumnSums::default();
            recording.extend(column_totals(gpu, &unit, &sum, &units, layer)?);
        }
        let ones = gpu.upload(1, rows.len(), &vec![1.0; rows.len()])?;
        let norms = gpu.tensor(DType::F32, layers, 1)?;
        recording.extend(matmul(gpu, &of_tokens, &ones, &Matmul::default(), &norms)?);
        let Some(so_far) = so_far else {
            return Ok(Some(Sums {
                units,
                norms,
                tokens: rows.len(),
            }));
        };
        let both = Sums {
            units: gpu.tensor(DType::F32, layers, width)?,
            norms: gpu.tensor(DType::F32, layers, 1)?,
            tokens: so_far.tokens + rows.len(),
        };
        recording.push(add_rows(&so_far.units, 0, &units, &both.units)?);
        recording.push(add_rows(&so_far.norms, 0, &norms, &both.norms)?);
        Ok(Some(both))
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
        let images = self.images.get(self.pushed).cloned().unwrap_or_default();
        self.pushed += 1;
        let mut first = 0;
        for (position, tokens) in images.iter().enumerate().take(MOST_POSITIONS) {
            let rows = pair.vision.get(first..first + tokens).unwrap_or_default();
            first += tokens;
            let so_far = self.vision[position].take();
            self.vision[position] = self.added(recording, pair, rows, so_far)?;
        }
        let Some(last) = images.len().min(MOST_POSITIONS).checked_sub(1) else {
            return Ok(());
        };
        let so_far = self.text[last].take();
        self.text[last] = self.added(recording, pair, pair.text, so_far)?;
        Ok(())
    }

    fn finish(self: Box<Self>, _: Cancel) -> Finding {
        Box::pin(async move {
            let mut vision = Vec::new();
            for sums in self.vision.iter().flatten() {
                vision.push(Read::of(&self.gpu, sums).await?);
            }
            // The texts of the prompts that show as many images or more, from the last position on.
            let mut text = Read::default();
            let mut texts = Vec::new();
            for sums in self.text.iter().take(vision.len()).rev() {
                if let Some(sums) = sums {
                    text.add(&Read::of(&self.gpu, sums).await?);
                }
                texts.push(text.clone());
            }
            let both = vision.iter().zip(texts.iter().rev());
            Ok((1..)
                .zip(both)
                .flat_map(|(position, (vision, text))| {
                    entries(position, vision, text, self.layers, self.hidden_size)
                })
                .collect())
        })
    }
}

/// Sums that were read.
#[derive(Clone, Default)]
struct Read {
    /// `[layers, hidden_size]`, row by row.
    units: Vec<f64>,
    /// One a layer.
    norms: Vec<f64>,
    tokens: usize,
}

impl Read {
    async fn of(gpu: &Gpu, sums: &Sums) -> Result<Self, AlignmentError> {
        let read = gpu.read(&[&sums.units, &sums.norms]).await?;
        let values = |index: usize| -> Vec<f64> {
            let values = read.get(index).into_iter().flat_map(|read| &read.values);
            values.map(|&value| f64::from(value)).collect()
        };
        Ok(Self {
            units: values(0),
            norms: values(1),
            tokens: sums.tokens,
        })
    }

    fn add(&mut self, more: &Self) {
        let add = |own: &mut Vec<f64>, more: &[f64]| {
            own.resize(more.len().max(own.len()), 0.0);
            own.iter_mut()
                .zip(more)
                .for_each(|(own, more)| *own += more);
        };
        add(&mut self.units, &more.units);
        add(&mut self.norms, &more.norms);
        self.tokens += more.tokens;
    }
}

/// What is told of a position, counted from 1.
fn entries(
    position: usize,
    vision: &Read,
    text: &Read,
    layers: usize,
    width: usize,
) -> [MetricReport; 2] {
    let [n_vision, n_text] = [vision, text].map(|read| read.tokens as f64);
    let ratio = |layer: usize| {
        let [vision, text] = [vision.norms.get(layer)?, text.norms.get(layer)?];
        (*text > 0.0).then(|| vision / n_vision / (text / n_text))
    };
    let gap = |layer: usize| {
        let row = |read: &'_ Read| -> Option<Vec<f64>> {
            Some(read.units.get(layer * width..(layer + 1) * width)?.to_vec())
        };
        let squares = (row(vision)?.into_iter().zip(row(text)?))
            .map(|(vision, text)| (vision / n_vision - text / n_text).powi(2));
        Some(squares.sum::<f64>().sqrt())
    };
    let of_layers = |value: &dyn Fn(usize) -> Option<f64>| (0..layers).map(value).collect();
    let basis = basis_of_tokens([vision.tokens, text.tokens]);
    let place = match position {
        1 => "first image".to_owned(),
        2 => "second image".to_owned(),
        3 => "third image".to_owned(),
        more => format!("{more}th image"),
    };
    let entry = |id: &str, label: &str, about: &str, values| {
        let words = [
            &format!("{id}-image-{position}"),
            &format!("{label}, {place}"),
            &*format!(
                "{about} of the {place} of each prompt, against all text tokens of the prompts that show one there."
            ),
        ];
        mean_over_states(
            words.map(|word| word as &str),
            values,
            layers,
            basis.clone(),
        )
    };
    [
        entry(
            "norm-ratio",
            "norm ratio",
            "Mean length of the vision tokens over that of the text tokens,",
            of_layers(&ratio),
        ),
        entry(
            "centroid-gap",
            "centroid gap",
            "Distance between the mean directions of the two modalities, 0 to 2,",
            of_layers(&gap),
        ),
    ]
}
