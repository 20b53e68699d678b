//! A matrix on the device.

use std::{fmt, sync::Arc};

use super::memory::Lease;
use crate::blocks::Block;

/// Bytes of what a kernel can load at once: rows begin at multiples.
const GROUP: usize = 16;

/// Storage type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// IEEE 16-bit float, decoded in the kernel.
    F16,
    /// The upper half of a 32-bit float, decoded in the kernel.
    BF16,
    /// 32-bit unsigned integer: indices.
    U32,
    /// Blocks of quantized weights in the planes of [`Block::repack`], decoded in the kernel.
    Blocks(Block),
}

impl DType {
    /// Elements that stand together, and the bytes that they take.
    pub fn unit(self) -> (usize, usize) {
        match self {
            Self::F32 | Self::U32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Blocks(block) => (block.elements(), block.bytes()),
        }
    }

    /// Bytes of a row of `cols` elements without padding, as a file has it.
    pub fn packed_row_bytes(self, cols: usize) -> usize {
        let (elements, bytes) = self.unit();
        cols.div_ceil(elements) * bytes
    }

    /// Bytes of a row of `cols` elements on the device, padding included.
    pub fn row_bytes(self, cols: usize) -> u64 {
        let bytes = match self {
            Self::Blocks(block) => block.row_bytes(cols),
            _ => self.packed_row_bytes(cols).next_multiple_of(GROUP),
        };
        bytes as u64
    }

    /// Whether the elements are in blocks of quantized ones.
    pub fn is_quantized(self) -> bool {
        matches!(self, Self::Blocks(_))
    }

    /// The value of the kernels' `DTYPE` constant.
    pub fn code(self) -> f64 {
        match self {
            Self::F32 | Self::U32 => 0.0,
            Self::F16 => 1.0,
            Self::BF16 => 2.0,
            Self::Blocks(block) => match block {
                Block::Q4_0 => 3.0,
                Block::Q4_1 => 4.0,
                Block::Q5_0 => 5.0,
                Block::Q5_1 => 6.0,
                Block::Q8_0 => 7.0,
                Block::Q4K => 8.0,
                Block::Q5K => 9.0,
                Block::Q6K => 10.0,
            },
        }
    }
}

/// A matrix `[rows, cols]` in device memory, row-major.
///
/// Rows are [`Tensor::stride`] elements apart: `cols` rounded up to whole groups of 16 bytes (four
/// f32, eight 16-bit floats), so that kernels can load a group at once; those of blocks take whole groups,
/// too. What stands in the padding is unspecified for computed tensors
/// and zero for uploaded ones. Cloning shares the memory; when the last clone is dropped, the memory
/// is given to tensors allocated later on the same thread. That is safe because a thread runs its
/// recordings in the order in which it made them.
#[derive(Clone)]
pub struct Tensor {
    pub(super) lease: Arc<Lease>,
    dtype: DType,
    rows: usize,
    cols: usize,
}

impl Tensor {
    pub(super) fn new(lease: Lease, dtype: DType, rows: usize, cols: usize) -> Self {
        Self {
            lease: Arc::new(lease),
            dtype,
            rows,
            cols,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Elements from one row to the next; of blocks, their number in a row.
    pub fn stride(&self) -> usize {
        let (elements, bytes) = self.dtype.unit();
        match self.dtype {
            DType::Blocks(_) => self.cols.next_multiple_of(elements),
            _ => self.cols.next_multiple_of(GROUP / bytes),
        }
    }

    /// Bytes from one row to the next: whole groups of 16.
    pub fn row_bytes(&self) -> u64 {
        self.dtype.row_bytes(self.cols)
    }

    /// Storage type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes including padding.
    pub fn byte_len(&self) -> u64 {
        byte_len(self.dtype, self.rows, self.cols)
    }

    /// Whether it is the same matrix in the same memory.
    pub fn is(&self, other: &Self) -> bool {
        let shape = |of: &Self| (of.dtype, of.rows, of.cols);
        Arc::ptr_eq(&self.lease, &other.lease) && shape(self) == shape(other)
    }

    /// The same memory seen as `[rows, cols]`: for working memory that is smaller this time.
    ///
    /// Returns `None` where that would need more memory than there is.
    pub fn reshaped(&self, rows: usize, cols: usize) -> Option<Self> {
        (byte_len(self.dtype, rows, cols) <= self.lease.size()).then(|| Self {
            lease: self.lease.clone(),
            dtype: self.dtype,
            rows,
            cols,
        })
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} [{}, {}]", self.dtype, self.rows, self.cols)
    }
}

/// Bytes of a padded matrix.
pub(crate) fn byte_len(dtype: DType, rows: usize, cols: usize) -> u64 {
    rows as u64 * dtype.row_bytes(cols)
}
