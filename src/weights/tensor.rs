//! A tensor in host memory, as stored.

use std::fmt;

use half::{bf16, f16};
use safetensors::Dtype;

use crate::blocks::Block;

/// How a file says that a tensor is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// One of the types of the safetensors format.
    Plain(Dtype),
    /// Blocks of quantized weights.
    Blocks(Block),
    /// A type of the GGUF format that is not read.
    Other(&'static str),
}

impl FileType {
    /// Elements that stand together, and the bytes that they take; none where that is not known.
    pub(super) fn unit(self) -> Option<(usize, usize)> {
        match self {
            Self::Plain(dtype) => Some((1, dtype.bitsize() / 8)),
            Self::Blocks(block) => Some((block.elements(), block.bytes())),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(dtype) => write!(f, "{dtype:?}"),
            Self::Blocks(block) => f.write_str(&block.name().to_uppercase()),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StorageType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// Blocks of quantized weights.
    Blocks(Block),
}

impl StorageType {
    /// Elements that stand together, and the bytes that they take.
    pub fn unit(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::BF16 => (1, 2),
            Self::Blocks(block) => (block.elements(), block.bytes()),
        }
    }

    /// Bytes of `elements` elements in a file; what is no whole block counts as one.
    pub fn bytes(self, elements: usize) -> usize {
        let (unit, bytes) = self.unit();
        elements.div_ceil(unit) * bytes
    }

    /// `f32`, `f16`, `bf16`, or the name of a block format.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::Blocks(block) => block.name(),
        }
    }

    /// The type for one of a file; `None` for those without a kernel.
    pub fn from_file(dtype: FileType) -> Option<Self> {
        match dtype {
            FileType::Plain(Dtype::F32) => Some(Self::F32),
            FileType::Plain(Dtype::F16) => Some(Self::F16),
            FileType::Plain(Dtype::BF16) => Some(Self::BF16),
            FileType::Blocks(block) => Some(Self::Blocks(block)),
            _ => None,
        }
    }
}

/// A tensor read from a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Its name in the file.
    pub name: String,
    /// How it is stored.
    pub dtype: StorageType,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// The elements, row-major and little-endian; blocks as the file has them.
    pub bytes: Vec<u8>,
}

impl HostTensor {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        let (elements, bytes) = self.dtype.unit();
        self.bytes.len() / bytes * elements
    }

    /// The elements as f32: exact for floats, and for blocks what they stand for.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.dtype {
            StorageType::F32 => self
                .bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
            StorageType::F16 => self
                .bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| f16::from_le_bytes(*b).to_f32())
                .collect(),
            StorageType::BF16 => self
                .bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|b| bf16::from_le_bytes(*b).to_f32())
                .collect(),
            StorageType::Blocks(block) => block.decode(&self.bytes),
        }
    }

    /// The tensor with each element on its own: blocks become f32, floats stay.
    pub fn unblocked(&self) -> Self {
        match self.dtype {
            StorageType::Blocks(_) => Self {
                dtype: StorageType::F32,
                bytes: bytemuck::cast_slice(&self.to_f32()).to_vec(),
                ..self.clone()
            },
            _ => self.clone(),
        }
    }
}

/// Most elements of a tensor, its axes without elements left out of account.
const MOST_ELEMENTS: u64 = 1 << 48;

/// Whether sizes can be multiplied with each other and with the bytes of an element, however few of them.
pub(super) fn is_countable(shape: &[usize]) -> bool {
    let mut sizes = shape.iter().map(|size| (*size).max(1) as u64);
    let all = sizes.try_fold(1_u64, |all, size| all.checked_mul(size));
    all.is_some_and(|all| all <= MOST_ELEMENTS)
}
