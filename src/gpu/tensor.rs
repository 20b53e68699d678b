//! A matrix on the device.

use std::{fmt, sync::Arc};

use super::memory::Lease;

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
}

impl DType {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::F16 | Self::BF16 => 2,
        }
    }

    /// Bytes of a row of `cols` elements as it is uploaded, without padding.
    pub fn packed_row_bytes(self, cols: usize) -> usize {
        cols * self.size()
    }

    /// Bytes of a row of `cols` elements on the device, padding included.
    pub fn row_bytes(self, cols: usize) -> u64 {
        (stride(self, cols) * self.size()) as u64
    }

    /// The value of the kernels' `DTYPE` constant.
    pub fn code(self) -> f64 {
        match self {
            Self::F32 | Self::U32 => 0.0,
            Self::F16 => 1.0,
            Self::BF16 => 2.0,
        }
    }
}

/// A matrix `[rows, cols]` in device memory, row-major.
///
/// Rows are [`Tensor::stride`] elements apart: `cols` rounded up to whole groups of 16 bytes (four
/// f32, eight 16-bit floats), so that kernels can load a group at once. What stands in the padding is unspecified for computed tensors
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

    /// Elements from one row to the next.
    pub fn stride(&self) -> usize {
        stride(self.dtype, self.cols)
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

/// Elements from one row to the next.
pub(crate) fn stride(dtype: DType, cols: usize) -> usize {
    cols.next_multiple_of(16 / dtype.size())
}

/// Bytes of a padded matrix.
pub(crate) fn byte_len(dtype: DType, rows: usize, cols: usize) -> u64 {
    rows as u64 * dtype.row_bytes(cols)
}
