//! Where a tensor of a checkpoint lies, and how it is read.

use std::{fmt, ops::Range, sync::Arc};

use safetensors::Dtype;

use super::{
    error::{AGAIN, WeightsError},
    source::ByteSource,
    tensor::{FileType, HostTensor, StorageType},
    undo::{Undo, woven},
};

/// Bytes that are read at once of a tensor whose elements stand apart.
const GATHERED_BYTES: usize = 4 << 20;

/// Where a tensor of a checkpoint lies.
#[derive(Clone)]
pub struct TensorInfo {
    /// Its name in the file.
    pub name: String,
    /// The file.
    pub file: String,
    /// Storage type as the file says.
    pub dtype: FileType,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// Elements from one to the next along each axis, where they do not stand one after another.
    pub(super) strides: Option<Vec<usize>>,
    /// What the writer of the file did to the tensor.
    pub(super) undo: Undo,
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) source: Arc<dyn ByteSource>,
}

impl TensorInfo {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&d| d as u64).product()
    }

    /// Bytes of all elements.
    pub fn bytes(&self) -> u64 {
        match (&self.strides, self.dtype.unit()) {
            (Some(_), Some((1, bytes))) => self.elements() * bytes as u64,
            _ if matches!(self.undo, Undo::Frames { .. }) => 2 * (self.end - self.begin),
            _ => self.end - self.begin,
        }
    }

    /// Storage type, where there are kernels for it.
    pub fn storage(&self) -> Option<StorageType> {
        StorageType::from_file(self.dtype)
    }

    /// Storage type.
    ///
    /// # Errors
    /// [`WeightsError::Dtype`] where there is no kernel for it.
    pub fn checked_storage(&self) -> Result<StorageType, WeightsError> {
        self.storage().ok_or_else(|| WeightsError::Dtype {
            file: self.file.clone(),
            tensor: self.name.clone(),
            found: format!("{:?}", self.dtype),
        })
    }
}

impl TensorInfo {
    /// Reads the tensor.
    ///
    /// # Errors
    /// Its type has no kernel, or the file cannot be read.
    pub fn read(&self) -> Result<HostTensor, WeightsError> {
        Ok(HostTensor {
            name: self.name.clone(),
            dtype: self.checked_storage()?,
            shape: self.shape.clone(),
            bytes: self.read_elements(0..self.shape.iter().product())?,
        })
    }

    /// Some rows of a matrix.
    ///
    /// # Errors
    /// As [`TensorInfo::read`]; there are fewer rows.
    pub fn read_rows(&self, rows: Range<usize>) -> Result<HostTensor, WeightsError> {
        let row = self.row();
        let mut shape = self.shape.clone();
        if let Some(first) = shape.first_mut() {
            *first = rows.len();
        }
        Ok(HostTensor {
            name: self.name.clone(),
            dtype: self.checked_storage()?,
            shape,
            bytes: self.read_elements(rows.start * row..rows.end * row)?,
        })
    }

    /// Elements of a row.
    fn row(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// Some elements, row-major, little-endian; whole blocks where there are some.
    ///
    /// # Errors
    /// As [`TensorInfo::read`]; there are fewer elements.
    pub fn read_elements(&self, elements: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let storage = self.checked_storage()?;
        match self.undo {
            Undo::Nothing => return self.read_stored(elements),
            Undo::Frames { second } => return self.frames(second, elements),
            Undo::Pairs { .. } | Undo::Plus1 => {}
        }
        let row = self.row().max(1);
        let rows = elements.start / row..elements.end.div_ceil(row);
        let whole = self.undo.covering(&rows);
        let bytes = self.read_stored(whole.start * row..whole.end * row)?;
        let bytes = self.undo.undone(bytes, storage.bytes(row));
        let place = |element: usize| storage.bytes(element - whole.start * row);
        let wanted = bytes.get(place(elements.start)..place(elements.end));
        Ok(wanted.unwrap_or_default().to_vec())
    }

    /// Some elements of a kernel whose second frame begins at `second`.
    fn frames(&self, second: u64, elements: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let storage = self.checked_storage()?;
        let plane = self.shape.iter().skip(3).product::<usize>().max(1);
        let planes = elements.start / (2 * plane)..elements.end.div_ceil(2 * plane);
        let range = planes.start * plane..planes.end * plane;
        let first = self.read_stored(range.clone())?;
        let place = |element: usize| second + storage.bytes(element) as u64;
        let range = place(range.start)..place(range.end);
        let second = self.source.read_range(&self.file, range)?;
        let both = woven([&first, &second], storage.bytes(plane));
        let begin = planes.start * 2 * plane;
        let place = |element: usize| storage.bytes(element - begin);
        let wanted = both.get(place(elements.start)..place(elements.end));
        Ok(wanted.unwrap_or_default().to_vec())
    }

    /// The same as they stand in the file.
    fn read_stored(&self, elements: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let storage = self.checked_storage()?;
        if let Some(strides) = &self.strides {
            return self.gathered(strides, elements, storage.bytes(1));
        }
        let place = |element: usize| self.begin + storage.bytes(element) as u64;
        let range = place(elements.start)..place(elements.end);
        if range.end > self.end {
            return Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: self.name.clone(),
                expected: format!("at least {} elements", elements.end),
                found: self.elements().to_string(),
                advice: AGAIN,
            });
        }
        Ok(self.source.read_range(&self.file, range)?)
    }

    /// Some elements that stand apart. What lies around them is read as well, a few megabytes at a time.
    fn gathered(
        &self,
        strides: &[usize],
        elements: Range<usize>,
        size: usize,
    ) -> Result<Vec<u8>, WeightsError> {
        let places = || places(&self.shape, strides, elements.clone());
        let mut bytes = vec![0; elements.len() * size];
        let mut begin = places().min().unwrap_or(0);
        let behind = places().max().map_or(0, |last| last + 1);
        while begin < behind {
            let end = behind.min(begin + GATHERED_BYTES / size);
            let place = |element: usize| self.begin + element as u64 * size as u64;
            let range = place(begin)..place(end);
            let found = self.source.read_range(&self.file, range)?;
            for (target, place) in bytes.chunks_exact_mut(size).zip(places()) {
                if (begin..end).contains(&place) {
                    let at = (place - begin) * size;
                    target.copy_from_slice(&found[at..at + size]);
                }
            }
            begin = end;
        }
        Ok(bytes)
    }

    /// The bytes of some rows as they are stored, of whatever type.
    ///
    /// # Errors
    /// The file cannot be read; there are fewer rows.
    pub fn stored_rows(&self, rows: Range<usize>) -> Result<Vec<u8>, WeightsError> {
        let all = self.shape.first().copied().unwrap_or_default();
        if rows.end > all {
            return Err(WeightsError::HeaderEntry {
                file: self.file.clone(),
                tensor: self.name.clone(),
                expected: format!("at least {} rows", rows.end),
                found: all.to_string(),
                advice: AGAIN,
            });
        }
        let row = (self.end - self.begin) / all.max(1) as u64;
        let place = |row_index: usize| self.begin + row_index as u64 * row;
        let range = place(rows.start)..place(rows.end);
        Ok(self.source.read_range(&self.file, range)?)
    }

    /// All elements of a tensor of whole numbers, of 8 or 64 bits.
    ///
    /// # Errors
    /// It is stored in another type, or cannot be read.
    pub fn numbers(&self) -> Result<Vec<i64>, WeightsError> {
        self.numbers_in(0..usize::try_from(self.elements()).unwrap_or(usize::MAX))
    }

    /// Some of them.
    ///
    /// # Errors
    /// As [`TensorInfo::numbers`]; there are fewer.
    pub fn numbers_in(&self, elements: Range<usize>) -> Result<Vec<i64>, WeightsError> {
        let wrong = |expected: String, found: String| WeightsError::HeaderEntry {
            file: self.file.clone(),
            tensor: self.name.clone(),
            expected,
            found,
            advice: AGAIN,
        };
        let size = match self.dtype {
            FileType::Plain(Dtype::I64) => 8,
            FileType::Plain(Dtype::U8 | Dtype::BOOL) => 1,
            other => {
                let expected = "whole numbers (I64 or U8)".to_owned();
                return Err(wrong(expected, format!("{other:?}")));
            }
        };
        if elements.end as u64 > self.elements() {
            let expected = format!("at least {} elements", elements.end);
            return Err(wrong(expected, self.elements().to_string()));
        }
        let place = |element: usize| self.begin + element as u64 * size;
        let range = place(elements.start)..place(elements.end);
        let bytes = self.source.read_range(&self.file, range)?;
        if size == 1 {
            return Ok(bytes.into_iter().map(i64::from).collect());
        }
        let numbers = bytes.as_chunks::<8>().0.iter();
        Ok(numbers.map(|number| i64::from_le_bytes(*number)).collect())
    }
}

/// Where some elements of a tensor stand, in row-major order, counted from the first one.
fn places<'a>(
    shape: &'a [usize],
    strides: &'a [usize],
    elements: Range<usize>,
) -> impl Iterator<Item = usize> + 'a {
    // The position along each axis, innermost first, and the place it makes.
    let mut position = Vec::with_capacity(shape.len());
    let mut rest = elements.start;
    for &length in shape.iter().rev() {
        position.push(rest % length.max(1));
        rest /= length.max(1);
    }
    let steps = strides.iter().rev();
    let mut place: usize = position.iter().zip(steps).map(|(at, step)| at * step).sum();
    elements.map(move |_| {
        let here = place;
        let axes = shape.iter().zip(strides).rev();
        for (at, (&length, &stride)) in position.iter_mut().zip(axes) {
            *at += 1;
            place += stride;
            if *at < length {
                break;
            }
            place -= length * stride;
            *at = 0;
        }
        here
    })
}

impl fmt::Debug for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {:?} in {}",
            self.name, self.dtype, self.shape, self.file
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::MemorySource;

    #[test]
    fn elements_that_stand_apart_are_found_part_by_part() {
        // A matrix [3, 4] of which every other element counts, turned.
        let stored: Vec<u8> = (0..24_u16).flat_map(u16::to_le_bytes).collect();
        let turned = TensorInfo {
            name: "a".into(),
            file: "a.bin".into(),
            dtype: FileType::Plain(Dtype::BF16),
            shape: vec![4, 3],
            strides: Some(vec![2, 8]),
            undo: Undo::Nothing,
            begin: 0,
            end: 46,
            source: Arc::new(MemorySource::new("memory").with("a.bin", stored)),
        };
        let numbers = |bytes: &[u8]| -> Vec<u16> {
            let pairs = bytes.as_chunks::<2>().0.iter();
            pairs.map(|pair| u16::from_le_bytes(*pair)).collect()
        };
        let all = [0, 8, 16, 2, 10, 18, 4, 12, 20, 6, 14, 22];
        assert_eq!(numbers(&turned.read().unwrap().bytes), all);
        assert_eq!(numbers(&turned.read_rows(1..3).unwrap().bytes), all[3..9]);
        for begin in 0..=12 {
            for end in begin..=12 {
                let part = turned.read_elements(begin..end).unwrap();
                assert_eq!(numbers(&part), all[begin..end], "{begin}..{end}");
            }
        }
        let straight = TensorInfo {
            shape: vec![5, 2],
            strides: None,
            begin: 4,
            end: 24,
            ..turned
        };
        assert_eq!(
            numbers(&straight.read_rows(1..3).unwrap().bytes),
            [4, 5, 6, 7]
        );
        let error = straight.read_rows(4..6).unwrap_err().to_string();
        assert!(error.contains("at least 12 elements"), "{error}");
    }
}
