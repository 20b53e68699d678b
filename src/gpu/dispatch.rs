//! An operation on the device as a value.

use std::{borrow::Cow, sync::Arc};

use super::{GpuError, memory::Allocation, tensor::Tensor};

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads only.
    Read,
    /// Writes, and may read.
    Write,
}

/// A tensor bound to a kernel. It names the memory without keeping it from being reused by what is
/// recorded later.
#[derive(Clone, Debug)]
pub struct Binding {
    pub(super) buffer: Arc<Allocation>,
    pub(super) size: u64,
    pub(super) access: Access,
}

impl Binding {
    /// Binds a tensor for reading.
    pub fn read(tensor: &Tensor) -> Self {
        Self::new(tensor, Access::Read)
    }

    /// Binds a tensor for writing (and reading).
    pub fn write(tensor: &Tensor) -> Self {
        Self::new(tensor, Access::Write)
    }

    fn new(tensor: &Tensor, access: Access) -> Self {
        Self {
            buffer: tensor.lease.buffer.clone(),
            // Kernels read whole groups of 16 bytes; buffers are padded to that.
            size: tensor.byte_len().next_multiple_of(16),
            access,
        }
    }
}

/// What a dispatch costs, for sizing submissions and for benchmarks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Floating-point operations.
    pub flops: f64,
    /// Bytes of device memory read and written, each once.
    pub bytes: f64,
}

/// One call of a kernel.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// Name of the file in `shaders/`.
    pub kernel: &'static str,
    /// Entry point: the variant.
    pub entry: &'static str,
    /// Values of the kernel's `override` constants.
    pub constants: Vec<(&'static str, f64)>,
    /// Contents of the uniform at binding 0.
    pub params: Vec<u8>,
    /// Storage buffers at bindings 1, 2, ...
    pub bindings: Vec<Binding>,
    /// Number of workgroups.
    pub workgroups: [u32; 3],
    /// Cost.
    pub work: Work,
}

/// One step of a [`Recording`].
#[derive(Clone, Debug)]
pub enum Step {
    /// A kernel.
    Dispatch(Dispatch),
    /// A copy on the device.
    Copy {
        /// Source buffer and offset in bytes.
        from: (Binding, u64),
        /// Target buffer and offset in bytes.
        to: (Binding, u64),
        /// Bytes.
        size: u64,
    },
}

/// Operations in the order of execution.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    steps: Vec<Step>,
    /// What begins at which step, in their order.
    marks: Vec<(usize, Cow<'static, str>)>,
}

impl Recording {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what begins here, for whoever watches the run: `layer 3 of 6`.
    pub fn mark(&mut self, label: impl Into<Cow<'static, str>>) {
        self.marks.push((self.steps.len(), label.into()));
    }

    /// What is under way when so many steps are done; empty where nothing was marked.
    pub fn marked(&self, steps: usize) -> &str {
        let begun = self.marks.partition_point(|(begin, _)| *begin <= steps);
        let mark = begun.checked_sub(1).and_then(|last| self.marks.get(last));
        mark.map_or("", |(_, label)| label)
    }

    /// Adds a kernel call.
    pub fn push(&mut self, dispatch: Dispatch) {
        self.steps.push(Step::Dispatch(dispatch));
    }

    /// Adds several kernel calls.
    pub fn extend(&mut self, dispatches: impl IntoIterator<Item = Dispatch>) {
        self.steps
            .extend(dispatches.into_iter().map(Step::Dispatch));
    }

    /// Copies `rows` rows of `from`, starting at `from_row`, to `to`, starting at `to_row`.
    ///
    /// # Errors
    /// [`GpuError::Shape`] where widths or types differ or rows are out of range.
    pub fn copy_rows(
        &mut self,
        from: &Tensor,
        from_row: usize,
        to: &Tensor,
        to_row: usize,
        rows: usize,
    ) -> Result<(), GpuError> {
        if from.cols() != to.cols()
            || from.dtype() != to.dtype()
            || from_row + rows > from.rows()
            || to_row + rows > to.rows()
        {
            return Err(GpuError::Shape {
                kernel: "copy_rows",
                message: format!(
                    "cannot copy {rows} rows from row {from_row} of {from:?} to row {to_row} of {to:?}"
                ),
            });
        }
        if rows == 0 {
            return Ok(());
        }
        let row_bytes = from.row_bytes();
        self.steps.push(Step::Copy {
            from: (Binding::read(from), from_row as u64 * row_bytes),
            to: (Binding::write(to), to_row as u64 * row_bytes),
            size: rows as u64 * row_bytes,
        });
        Ok(())
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Number of kernel calls.
    pub fn dispatches(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| matches!(step, Step::Dispatch(_)))
            .count()
    }

    /// Cost of all steps.
    pub fn work(&self) -> Work {
        self.steps.iter().fold(Work::default(), |sum, step| {
            let work = step.work();
            Work {
                flops: sum.flops + work.flops,
                bytes: sum.bytes + work.bytes,
            }
        })
    }
}

impl Step {
    /// Cost of the step.
    pub fn work(&self) -> Work {
        match self {
            Self::Dispatch(dispatch) => dispatch.work,
            Self::Copy { size, .. } => Work {
                flops: 0.0,
                bytes: 2.0 * *size as f64,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_what_is_under_way() {
        let mut recording = Recording::new();
        assert_eq!(recording.marked(0), "");
        let step = || Dispatch {
            kernel: "k",
            entry: "main",
            constants: Vec::new(),
            params: Vec::new(),
            bindings: Vec::new(),
            workgroups: [1; 3],
            work: Work::default(),
        };
        recording.push(step());
        recording.mark("first");
        recording.extend([step(), step()]);
        recording.mark(format!("layer {}", 2));
        recording.push(step());
        let heard: Vec<&str> = (0..=4).map(|steps| recording.marked(steps)).collect();
        assert_eq!(heard, ["", "first", "first", "layer 2", "layer 2"]);
    }
}
