//! The parameters of a model, each named once.
//!
//! Tower, connector and decoder are made of a [`ModelSpec`](crate::families::ModelSpec) alone. They
//! note here what they need, and get a ticket for it. The notes are then compared with the headers of a
//! checkpoint, summed up for a reader, and at last loaded: a ticket stands for a tensor on the device
//! from then on ([`Loaded`]).

use std::{collections::BTreeMap, ops::Range};

use super::{
    ModelError,
    made::{Made, elements, one_more, rows_of},
    tickets::{Gated, HostId, LayerNorm, Linear, Norm, RmsNorm, TensorId, WeightId},
};
use crate::{gpu::Gpu, weights::HostTensor};

/// What a tensor is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every forward pass.
    Forward,
    /// The words that a state is nearest to; hidden states are had without it.
    Words,
    /// Nothing: a norm that the model never applies.
    Nothing,
}

/// A part of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The vision tower.
    Tower,
    /// The connector.
    Connector,
    /// The language model.
    Decoder,
}

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Canonical name.
    pub name: String,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// The configuration fields that give each size.
    pub fields: Vec<String>,
    /// What it is needed for.
    pub need: Need,
    /// Where it belongs.
    pub part: Part,
}

impl Parameter {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }
}

/// A tensor that must not be there, with the field that says so and the field's value.
#[derive(Clone, Debug, PartialEq)]
pub struct RuledOut {
    /// Canonical name, or its beginning where it ends with a dot.
    pub name: String,
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
}

/// A size with the field that gives it; within the part's section, unless it names another one.
pub(super) type Size = (usize, &'static str);

/// A size that is always 1.
pub(super) const ONE: Size = (1, "the layout");

/// Makes something for the device of tensors of the checkpoint.
pub(super) type Make = Box<dyn Fn(&Gpu, &[HostTensor]) -> Result<Made, ModelError> + Send + Sync>;

/// What a ticket stands for.
pub(super) enum Slot {
    /// The rows of a tensor from the first to the one before the last, in its storage type.
    Weight(usize, Range<usize>),
    /// Matrices one below the other, each in its storage type; whether they are the two of a gated product.
    Stacked(Vec<usize>, bool),
    /// The columns of a matrix from the first to the one before the last, in its storage type.
    Columns(usize, Range<usize>),
    /// A tensor as f32, all but the last size being rows.
    Values(usize),
    /// A tensor as f32 on the host.
    Host(usize),
    /// Whatever is made of some tensors.
    Made(Vec<usize>, Make),
}

/// The notes.
pub struct Parameters {
    /// All tensors, in the order in which a forward pass meets them.
    pub list: Vec<Parameter>,
    /// What must not be there.
    pub ruled_out: Vec<RuledOut>,
    pub(super) slots: Vec<Slot>,
    /// Places in the list by name.
    places: BTreeMap<String, usize>,
    part: Part,
    /// Where the part's fields stand: `vision_config.`, ...
    section: String,
    need: Need,
}

impl Parameters {
    pub(super) fn new() -> Self {
        Self {
            list: Vec::new(),
            ruled_out: Vec::new(),
            slots: Vec::new(),
            places: BTreeMap::new(),
            part: Part::Tower,
            section: String::new(),
            need: Need::Forward,
        }
    }

    /// What follows belongs to this part, and its fields stand in this section.
    pub(super) fn begin(&mut self, part: Part, section: &str) {
        self.part = part;
        self.section = section.to_owned();
    }

    /// Notes what `note` does as needed for `need` only.
    pub(super) fn needed_for<T>(&mut self, need: Need, note: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.need, need);
        let noted = note(self);
        self.need = before;
        noted
    }

    /// The field's path.
    fn field(&self, field: &str) -> String {
        // A field elsewhere, or words.
        match field.contains(['.', ' ']) || field.starts_with("mm_") {
            true => field.to_owned(),
            false => format!("{}{field}", self.section),
        }
    }

    /// Notes a tensor and returns its place in the list.
    pub(super) fn add(&mut self, name: &str, sizes: &[Size]) -> usize {
        if let Some(known) = self.places.get(name) {
            return *known;
        }
        self.places.insert(name.to_owned(), self.list.len());
        self.list.push(Parameter {
            name: name.to_owned(),
            shape: sizes.iter().map(|size| size.0).collect(),
            fields: sizes.iter().map(|size| self.field(size.1)).collect(),
            need: self.need,
            part: self.part,
        });
        self.list.len() - 1
    }

    /// Notes a tensor, or tensors with this beginning, that must not be there.
    pub(super) fn rule_out(&mut self, name: String, field: &str, value: impl ToString) {
        self.rule_out_by(name, self.field(field), value);
    }

    /// The same by a field with this path.
    pub(super) fn rule_out_by(&mut self, name: String, field: String, value: impl ToString) {
        let value = value.to_string();
        self.ruled_out.push(RuledOut { name, field, value });
    }

    /// Calls all fields what `named` makes of their paths.
    pub(super) fn rename_fields(&mut self, named: impl Fn(&str) -> String) {
        let fields = self
            .list
            .iter_mut()
            .flat_map(|parameter| &mut parameter.fields);
        let ruled = self.ruled_out.iter_mut().map(|ruled| &mut ruled.field);
        fields.chain(ruled).for_each(|field| *field = named(field));
    }

    fn slot(&mut self, slot: Slot) -> usize {
        self.slots.push(slot);
        self.slots.len() - 1
    }

    /// A vector, as f32 `[1, n]`.
    pub(super) fn vector(&mut self, name: &str, n: Size) -> TensorId {
        self.matrix(name, &[n])
    }

    /// A tensor as f32, `[all but the last size, the last]`.
    pub(super) fn matrix(&mut self, name: &str, sizes: &[Size]) -> TensorId {
        let tensor = self.add(name, sizes);
        TensorId(self.slot(Slot::Values(tensor)))
    }

    /// Some elements of a vector, as f32 `[1, their number]`.
    pub(super) fn elements(&mut self, name: &str, n: Size, part: Range<usize>) -> TensorId {
        let vector = self.add(name, &[n]);
        let make = move |gpu: &Gpu, of: &[HostTensor]| elements(gpu, of, part.clone());
        self.made(vec![vector], Box::new(make))
    }

    /// A tensor that stays on the host.
    pub(super) fn host(&mut self, name: &str, sizes: &[Size]) -> HostId {
        let tensor = self.add(name, sizes);
        HostId(self.slot(Slot::Host(tensor)))
    }

    /// `[1, n]` zeros.
    pub(super) fn zeros(&mut self, n: usize) -> TensorId {
        self.constant(n, 0.0)
    }

    /// `[1, n]` times the same value.
    pub(super) fn constant(&mut self, n: usize, value: f32) -> TensorId {
        let constant = move |gpu: &Gpu, _: &[HostTensor]| {
            Ok(Made::Values(gpu.upload(1, n, &vec![value; n])?))
        };
        self.made(Vec::new(), Box::new(constant))
    }

    /// A weight matrix in its storage type; its first size are the rows.
    pub(super) fn weight(&mut self, name: &str, sizes: &[Size]) -> WeightId {
        let rows = sizes.first().map_or(1, |size| size.0);
        self.rows(name, sizes, 0..rows)
    }

    /// Some rows of a weight matrix.
    pub(super) fn rows(&mut self, name: &str, sizes: &[Size], rows: Range<usize>) -> WeightId {
        let tensor = self.add(name, sizes);
        WeightId(self.slot(Slot::Weight(tensor, rows)))
    }

    /// Some columns of the matrix at this place of the list.
    pub(super) fn columns(&mut self, matrix: usize, cols: Range<usize>) -> WeightId {
        WeightId(self.slot(Slot::Columns(matrix, cols)))
    }

    /// A tensor of f32 that is made of the tensors at these places of the list.
    pub(super) fn made(&mut self, of: Vec<usize>, make: Make) -> TensorId {
        TensorId(self.slot(Slot::Made(of, make)))
    }

    /// A weight matrix that is made of the tensors at these places of the list.
    pub(super) fn made_weight(&mut self, of: Vec<usize>, make: Make) -> WeightId {
        WeightId(self.slot(Slot::Made(of, make)))
    }

    /// `y = x W^T + b`; `bias` says whether there is one, with the field that says so.
    pub(super) fn linear(
        &mut self,
        name: &str,
        out: Size,
        input: Size,
        bias: (bool, &'static str),
    ) -> Linear {
        self.linear_of(name, &[out, input], bias)
    }

    /// Layers of `out` outputs each, one tensor of them all one after another; `whole` says how many
    /// rows it has.
    pub(super) fn fused<const N: usize>(
        &mut self,
        name: &str,
        (out, whole): Size,
        input: Size,
        (there, field): (bool, &'static str),
    ) -> [Linear; N] {
        let rows = (N * out, whole);
        let part = |index: usize| index * out..(index + 1) * out;
        let weight = format!("{name}.weight");
        let weights: [WeightId; N] =
            std::array::from_fn(|index| self.rows(&weight, &[rows, input], part(index)));
        if !there {
            self.rule_out(format!("{name}.bias"), field, false);
        }
        std::array::from_fn(|index| Linear {
            out,
            weight: weights[index],
            bias: there.then(|| self.elements(&format!("{name}.bias"), rows, part(index))),
        })
    }

    /// Layers of the same input, whose outputs stand side by side: names, each with its width.
    pub(super) fn stacked<const N: usize>(
        &mut self,
        layers: [(String, Size); N],
        input: Size,
        bias: (bool, &'static str),
    ) -> Linear {
        let out = layers.iter().map(|(_, out)| out.0).sum();
        let (weights, biases) = self.parts(&layers, input, bias);
        Linear {
            out,
            weight: WeightId(self.slot(Slot::Stacked(weights, false))),
            bias: bias.0.then(|| self.made(biases, Box::new(rows_of::<1>))),
        }
    }

    /// A layer and one, of the same sizes, that it gates: their names.
    pub(super) fn gated(
        &mut self,
        names: [String; 2],
        out: Size,
        input: Size,
        bias: (bool, &'static str),
    ) -> Gated {
        let (weights, biases) = self.parts(&names.map(|name| (name, out)), input, bias);
        let mut each =
            |place: Option<&usize>| place.map(|&place| TensorId(self.slot(Slot::Values(place))));
        let apart = [each(biases.first()), each(biases.last())];
        Gated {
            out: out.0,
            weight: WeightId(self.slot(Slot::Stacked(weights, true))),
            bias: match apart {
                [Some(gate), Some(up)] => {
                    let both = self.made(biases, Box::new(rows_of::<2>));
                    Some((both, [gate, up]))
                }
                _ => None,
            },
        }
    }

    /// Notes weights and biases of layers: their places in the list.
    fn parts(
        &mut self,
        layers: &[(String, Size)],
        input: Size,
        bias: (bool, &'static str),
    ) -> (Vec<usize>, Vec<usize>) {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for (name, out) in layers {
            weights.push(self.add(&format!("{name}.weight"), &[*out, input]));
            biases.extend(self.noted_bias(name, *out, bias));
        }
        (weights, biases)
    }

    /// A 1 x 1 convolution, which is a linear layer on each position.
    pub(super) fn pointwise(&mut self, name: &str, out: Size, input: Size, bias: bool) -> Linear {
        self.linear_of(name, &[out, input, ONE, ONE], (bias, "the layout"))
    }

    fn linear_of(&mut self, name: &str, sizes: &[Size], bias: (bool, &'static str)) -> Linear {
        let out = sizes.first().copied().unwrap_or(ONE);
        Linear {
            out: out.0,
            weight: self.weight(&format!("{name}.weight"), sizes),
            bias: self.bias(name, out, bias),
        }
    }

    /// The bias of the layer `name`; where there is none, a tensor of its name is ruled out.
    pub(super) fn bias(
        &mut self,
        name: &str,
        out: Size,
        bias: (bool, &'static str),
    ) -> Option<TensorId> {
        let place = self.noted_bias(name, out, bias)?;
        Some(TensorId(self.slot(Slot::Values(place))))
    }

    /// Its place in the list.
    fn noted_bias(
        &mut self,
        name: &str,
        out: Size,
        (there, field): (bool, &'static str),
    ) -> Option<usize> {
        let name = format!("{name}.bias");
        if !there {
            self.rule_out(name, field, false);
            return None;
        }
        Some(self.add(&name, &[out]))
    }

    pub(super) fn layer_norm(&mut self, name: &str, width: Size, eps: f32) -> LayerNorm {
        LayerNorm {
            weight: self.vector(&format!("{name}.weight"), width),
            bias: self.vector(&format!("{name}.bias"), width),
            eps,
        }
    }

    /// A layer norm, or one by the root mean square.
    pub(super) fn norm(&mut self, name: &str, width: Size, eps: f32, rms: bool) -> Norm {
        match rms {
            false => Norm::Layer(self.layer_norm(name, width, eps)),
            true => Norm::Rms(self.rms_norm(name, width, eps, false)),
        }
    }

    /// A norm by the root mean square; with `offset` it multiplies by 1 + weight.
    pub(super) fn rms_norm(&mut self, name: &str, width: Size, eps: f32, offset: bool) -> RmsNorm {
        let name = format!("{name}.weight");
        let weight = match offset {
            false => self.vector(&name, width),
            true => {
                let tensor = self.add(&name, &[width]);
                self.made(vec![tensor], Box::new(one_more))
            }
        };
        RmsNorm { weight, eps }
    }
}
