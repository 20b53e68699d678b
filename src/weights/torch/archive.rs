//! The zip archives that `torch.save` writes since PyTorch 1.6: `*/data.pkl` beside the storages
//! `*/data/0`, `*/data/1`, ..., none of them compressed.

use std::io::{self, Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use super::{CONVERT, Found, MAX_PICKLE, Storages, build, pickle};
use crate::weights::source::ByteSource;

/// Bytes read at once.
const BLOCK: u64 = 1 << 16;

/// A file as something to read and seek in.
struct Reader<'a> {
    source: &'a dyn ByteSource,
    file: &'a str,
    len: u64,
    at: u64,
    /// What was read last, and where it begins.
    block: (u64, Vec<u8>),
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (start, block) = &self.block;
        let inside = self
            .at
            .checked_sub(*start)
            .filter(|at| *at < block.len() as u64);
        if inside.is_none() && self.at < self.len {
            let end = self.len.min(self.at + BLOCK);
            let read = self.source.read_range(self.file, self.at..end);
            self.block = (self.at, read.map_err(io::Error::other)?);
        }
        let (start, block) = &self.block;
        let rest = self
            .at
            .checked_sub(*start)
            .and_then(|at| block.get(at as usize..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

/// The tensors of an archive of `len` bytes, and where its storages lie.
///
/// # Errors
/// A clause about what was found instead.
pub(super) fn read(source: &dyn ByteSource, file: &str, len: u64) -> Result<Found, String> {
    let reader = Reader {
        source,
        file,
        len,
        at: 0,
        block: (0, Vec::new()),
    };
    let damaged = |error: zip::result::ZipError| format!("a damaged archive ({error})");
    let mut archive = ZipArchive::new(reader).map_err(damaged)?;
    let (mut storages, mut pickled) = (Storages::new(), None);
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?;
        let Some((_, inner)) = name.split_once('/') else {
            continue;
        };
        if inner == "data.pkl" {
            pickled = Some(index);
        } else if inner == "byteorder" && entry.size() == 3 {
            return Err(format!("numbers in big-endian order{CONVERT}"));
        } else if let Some(key) = inner.strip_prefix("data/") {
            if entry.compression() != CompressionMethod::Stored {
                return Err(format!("compressed tensors{CONVERT}"));
            }
            let start = entry.data_start().unwrap_or(len);
            if start.checked_add(entry.size()).is_none_or(|end| end > len) {
                return Err("tensors beyond its end".into());
            }
            storages.insert(key.to_owned(), (start, entry.size()));
        }
    }
    let index = pickled.ok_or("an archive without data.pkl")?;
    let entry = archive.by_index(index).map_err(damaged)?;
    let (value, heap) = pickle::read(&mut entry.take(MAX_PICKLE))?;
    Ok((build::tensors(&heap, &value)?, storages))
}
