//! The reads that loading a checkpoint takes, in the order in which their tensors are uploaded.
//!
//! Matrices come in pieces of whole rows, so that a checkpoint of any size passes through a few small
//! buffers. The next piece is read while the last one is on its way to the device: natively on a thread
//! of its own, in a browser because uploading is done by another process.

use std::{collections::VecDeque, ops::Range};

use super::{
    Checkpoint, ModelError,
    parameters::{Need, Parameters, Slot},
};
use crate::{
    gpu::{Flushed, Gpu},
    platform::{self, Cancel},
    weights::{HostTensor, TensorInfo, WeightsError},
};

/// Bytes of a matrix that are read and uploaded at once. Few enough that allocators, which keep what they
/// are given back, keep little.
const PIECE_BYTES: usize = 2 << 20;
/// Flushes under way at once: the driver keeps what was written in memory of its own until it is copied. In
/// a browser that is another process's, and some browsers look only ten times a second what is done.
const MAX_IN_FLIGHT: usize = if cfg!(target_arch = "wasm32") { 16 } else { 3 };

/// One read.
struct Read {
    /// Place of the parameter in the list.
    parameter: usize,
    info: TensorInfo,
    /// The tensor's sizes as the model knows them; of the first one this part.
    shape: Vec<usize>,
    first: Range<usize>,
}

impl Read {
    fn run(self) -> Result<(usize, HostTensor), WeightsError> {
        let Self {
            parameter,
            info,
            mut shape,
            first,
        } = self;
        let row = shape.iter().skip(1).product::<usize>();
        let bytes = info.read_elements(first.start * row..first.end * row)?;
        if let Some(size) = shape.first_mut() {
            *size = first.len();
        }
        let tensor = HostTensor {
            dtype: info.checked_storage()?,
            name: info.name,
            shape,
            bytes,
        };
        Ok((parameter, tensor))
    }
}

/// The reads of a slot: how often [`Stream::next`] is to be called for it.
fn reads(
    checkpoint: &Checkpoint,
    parameters: &Parameters,
    slot: &Slot,
) -> Result<Vec<Read>, ModelError> {
    let (of, rows) = match slot {
        Slot::Weight(index, rows) => (std::slice::from_ref(index), Some(rows.clone())),
        Slot::Columns(index, _) => {
            let rows = parameters.list.get(*index).and_then(|p| p.shape.first());
            (std::slice::from_ref(index), rows.map(|&rows| 0..rows))
        }
        Slot::Values(index) | Slot::Host(index) => (std::slice::from_ref(index), None),
        Slot::Stacked(of, _) | Slot::Made(of, _) => (of.as_slice(), None),
    };
    let mut reads = Vec::new();
    for &index in of {
        let Some(parameter) = parameters.list.get(index) else {
            continue;
        };
        let wanted = match parameter.need {
            Need::Forward => true,
            Need::Words => checkpoint.has(&parameter.name),
            Need::Nothing => false,
        };
        if !wanted {
            continue;
        }
        let shape = &parameter.shape;
        let info = checkpoint.located(&parameter.name, shape)?;
        let all = 0..shape.first().copied().unwrap_or(1);
        let rows = rows.clone().unwrap_or(all.clone());
        let row = info
            .checked_storage()?
            .bytes(shape.iter().skip(1).product());
        let step = match slot {
            Slot::Weight(..) | Slot::Stacked(..) | Slot::Columns(..) => {
                (PIECE_BYTES / row.max(1)).max(1)
            }
            _ => rows.len().max(1),
        };
        // What is empty is read as well: a tensor without elements is still a tensor.
        let starts = std::iter::once(rows.start).chain(rows.clone().step_by(step).skip(1));
        reads.extend(starts.map(|start| Read {
            parameter: index,
            info: info.clone(),
            shape: shape.clone(),
            first: start..rows.end.min(start + step),
        }));
    }
    Ok(reads)
}

/// The tensors of all slots and the way of what they become to the device.
pub(super) struct Stream<'a> {
    gpu: &'a Gpu,
    cancel: &'a Cancel,
    progress: &'a mut dyn FnMut(u64, u64),
    tensors: Box<dyn Iterator<Item = Result<(usize, HostTensor), WeightsError>>>,
    /// Reads of each slot.
    counts: Vec<usize>,
    /// Bytes of each parameter, and those of them that were not yet told as read.
    left: Vec<u64>,
    done: u64,
    total: u64,
    unflushed: usize,
    in_flight: VecDeque<Flushed>,
}

impl<'a> Stream<'a> {
    /// What `parameters` need of `checkpoint`; `progress` is told the bytes read and the bytes to read.
    ///
    /// # Errors
    /// A tensor is not there, or has another shape.
    pub(super) fn new(
        gpu: &'a Gpu,
        checkpoint: &Checkpoint,
        parameters: &Parameters,
        cancel: &'a Cancel,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Result<Self, ModelError> {
        let slots = parameters.slots.iter();
        let all: Vec<Vec<Read>> = slots
            .map(|slot| reads(checkpoint, parameters, slot))
            .collect::<Result<_, _>>()?;
        let counts = all.iter().map(Vec::len).collect();
        let bytes = |name: &str| checkpoint.info(name).map_or(0, TensorInfo::bytes);
        let tensors = all.into_iter().flatten().map(Read::run);
        Ok(Self {
            gpu,
            cancel,
            progress,
            tensors: Box::new(platform::ahead(tensors)),
            counts,
            left: parameters.list.iter().map(|p| bytes(&p.name)).collect(),
            done: 0,
            total: checkpoint.used().map(|(_, info)| info.bytes()).sum(),
            unflushed: 0,
            in_flight: VecDeque::new(),
        })
    }

    /// Number of tensors, or parts of one, that come for a slot.
    pub(super) fn count(&self, slot: usize) -> usize {
        self.counts.get(slot).copied().unwrap_or(0)
    }

    /// The next tensor, or the next rows of one. What came before is taken for uploaded.
    ///
    /// # Errors
    /// It cannot be read; what the device reports; [`ModelError::Cancelled`], [`ModelError::NoTensorLeft`].
    pub(super) async fn next(&mut self) -> Result<HostTensor, ModelError> {
        if self.unflushed >= PIECE_BYTES {
            self.flush().await?;
            platform::yield_now().await;
        }
        if self.cancel.is_cancelled() {
            return Err(ModelError::Cancelled);
        }
        let Some(read) = self.tensors.next() else {
            return Err(ModelError::NoTensorLeft);
        };
        let (parameter, tensor) = read?;
        self.unflushed += tensor.bytes.len();
        // A tensor that several tickets share is told once.
        if let Some(left) = self.left.get_mut(parameter) {
            let told = (*left).min(tensor.bytes.len() as u64);
            *left -= told;
            self.done += told;
        }
        (self.progress)(self.done, self.total);
        Ok(tensor)
    }

    /// Hands what was written to the driver, and waits until little of it is left in its memory.
    pub(super) async fn flush(&mut self) -> Result<(), ModelError> {
        self.in_flight.push_back(self.gpu.flush());
        self.unflushed = 0;
        while self.in_flight.len() >= MAX_IN_FLIGHT {
            if let Some(oldest) = self.in_flight.pop_front() {
                oldest.wait(self.gpu).await?;
            }
        }
        Ok(())
    }
}
