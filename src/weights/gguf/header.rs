//! What a GGUF file says of itself: metadata, and where its tensors lie.

use safetensors::Dtype;

use super::{
    super::{
        error::{AGAIN, WeightsError},
        source::ByteSource,
        tensor::{FileType, is_countable},
    },
    reader::Reader,
    value::Metadata,
};
use crate::blocks::Block;

const MAGIC: u32 = u32::from_le_bytes(*b"GGUF");
/// Most tensors; the largest models have a few thousand.
const MOST_TENSORS: u64 = 1 << 18;
/// Longest name of a tensor, in bytes.
const MOST_NAME: usize = 1024;

/// A tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GgufTensor {
    /// Its name.
    pub(crate) name: String,
    pub(crate) dtype: FileType,
    /// Sizes, outer to inner: the other way round as in the file.
    pub(crate) shape: Vec<usize>,
    /// Its first byte in the file, and the one behind its last.
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// A GGUF file's description.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) metadata: Metadata,
    pub(crate) tensors: Vec<GgufTensor>,
}

impl Header {
    /// Reads the description of `file`.
    ///
    /// # Errors
    /// The file is damaged, of another version, of a machine with the other order of bytes, or a part of a
    /// split one.
    pub(crate) fn read(source: &dyn ByteSource, file: &str) -> Result<Self, WeightsError> {
        let mut reader = Reader::new(source, file)?;
        let magic = reader.u32()?;
        if magic != MAGIC {
            let found = format!("{:?}", String::from_utf8_lossy(&magic.to_le_bytes()));
            return Err(reader.wrong("a GGUF file, which begins with \"GGUF\"", found));
        }
        let version = reader.u32()?;
        if !matches!(version, 2 | 3) {
            let found = match version {
                1 => "version 1, which was in use for some weeks in 2023".to_owned(),
                _ if matches!(version.swap_bytes(), 1..=3) => {
                    "one for big-endian machines".to_owned()
                }
                other => format!("version {other}"),
            };
            return Err(WeightsError::Unsupported {
                file: file.into(),
                field: "version".into(),
                found,
                supported: "GGUF of version 2 or 3, little-endian".into(),
            });
        }
        let (tensors, entries) = (reader.u64()?, reader.u64()?);
        if tensors > MOST_TENSORS {
            let expected = format!("at most {MOST_TENSORS} tensors");
            return Err(reader.wrong(expected, tensors.to_string()));
        }
        let metadata = Metadata::read(&mut reader, file, entries)?;
        refuse_split(&metadata)?;
        let alignment = metadata.count("general.alignment")?.unwrap_or(32);
        if !alignment.is_power_of_two() || !(8..=1 << 24).contains(&alignment) {
            return Err(metadata.wrong("general.alignment", "a power of two, from 8 on"));
        }
        // A name's length, the number of sizes, a type and a place.
        reader.room_for("tensors", tensors, 24)?;
        let placed = (0..tensors).map(|_| tensor(&mut reader, file));
        let mut placed = placed.collect::<Result<Vec<_>, _>>()?;
        let data = reader.at().next_multiple_of(alignment);
        for (tensor, bytes) in &mut placed {
            place(tensor, *bytes, (data, alignment, reader.len), file)?;
        }
        let tensors = placed.into_iter().map(|(tensor, _)| tensor).collect();
        Ok(Self { metadata, tensors })
    }

    /// The tensor of this name.
    pub(crate) fn tensor(&self, name: &str) -> Option<&GgufTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

fn refuse_split(metadata: &Metadata) -> Result<(), WeightsError> {
    const KEY: &str = "split.count";
    match metadata.count(KEY)? {
        Some(count) if count > 1 => Err(WeightsError::Unsupported {
            file: metadata.file.clone(),
            field: KEY.into(),
            found: format!("{count} files"),
            supported: "a GGUF file that is whole; join the parts (llama-gguf-split --merge)"
                .into(),
        }),
        _ => Ok(()),
    }
}

/// The next tensor's entry, with its place relative to the data; and its bytes where its type is known.
fn tensor(reader: &mut Reader<'_>, file: &str) -> Result<(GgufTensor, Option<u64>), WeightsError> {
    let name = reader.text()?;
    if name.len() > MOST_NAME {
        let expected = format!("names of tensors of at most {MOST_NAME} bytes");
        return Err(reader.wrong(expected, name.len().to_string()));
    }
    let wrong = |expected: String, found: String| WeightsError::HeaderEntry {
        file: file.into(),
        tensor: name.clone(),
        expected,
        found,
        advice: AGAIN,
    };
    let axes = reader.u32()?;
    if !(1..=4).contains(&axes) {
        return Err(wrong("1 to 4 sizes".into(), axes.to_string()));
    }
    let mut sizes = Vec::new();
    for _ in 0..axes {
        sizes.push(reader.u64()?);
    }
    let code = reader.u32()?;
    let dtype = file_type(code)
        .ok_or_else(|| wrong("a type of the GGUF format".into(), format!("type {code}")))?;
    let begin = reader.u64()?;
    let shape: Result<Vec<usize>, _> = sizes.iter().rev().map(|&size| size.try_into()).collect();
    let Some(shape) = shape.ok().filter(|shape| is_countable(shape)) else {
        return Err(wrong("at most 2^48 elements".into(), format!("{sizes:?}")));
    };
    let elements: u64 = sizes.iter().product();
    let bytes = match dtype.unit() {
        None => None,
        Some((unit, bytes)) if sizes[0].is_multiple_of(unit as u64) => {
            Some(elements / unit as u64 * bytes as u64)
        }
        Some((unit, _)) => {
            let expected = format!("rows of whole blocks of {unit} elements");
            return Err(wrong(expected, format!("rows of {}", sizes[0])));
        }
    };
    let tensor = GgufTensor {
        name,
        dtype,
        shape,
        begin,
        end: begin,
    };
    Ok((tensor, bytes))
}

/// Sets where a tensor lies, from where the data begin.
fn place(
    tensor: &mut GgufTensor,
    bytes: Option<u64>,
    (data, alignment, len): (u64, u64, u64),
    file: &str,
) -> Result<(), WeightsError> {
    let offset = tensor.begin;
    let begin = data.checked_add(offset);
    let end = begin.and_then(|begin| begin.checked_add(bytes.unwrap_or(0)));
    match (begin, end) {
        (Some(begin), Some(end)) if end <= len && offset.is_multiple_of(alignment) => {
            (tensor.begin, tensor.end) = (begin, end);
            Ok(())
        }
        _ => Err(WeightsError::HeaderEntry {
            file: file.into(),
            tensor: tensor.name.clone(),
            expected: format!(
                "{} bytes within the {len} of the file, from a multiple of {alignment} on",
                bytes.unwrap_or(0)
            ),
            found: format!("byte {offset} of the data, which begin at {data}"),
            advice: AGAIN,
        }),
    }
}

/// The type that a file's code stands for.
fn file_type(code: u32) -> Option<FileType> {
    Some(match code {
        0 => FileType::Plain(Dtype::F32),
        1 => FileType::Plain(Dtype::F16),
        2 => FileType::Blocks(Block::Q4_0),
        3 => FileType::Blocks(Block::Q4_1),
        6 => FileType::Blocks(Block::Q5_0),
        7 => FileType::Blocks(Block::Q5_1),
        8 => FileType::Blocks(Block::Q8_0),
        9 => FileType::Other("Q8_1"),
        10 => FileType::Other("Q2_K"),
        11 => FileType::Other("Q3_K"),
        12 => FileType::Blocks(Block::Q4K),
        13 => FileType::Blocks(Block::Q5K),
        14 => FileType::Blocks(Block::Q6K),
        15 => FileType::Other("Q8_K"),
        16 => FileType::Other("IQ2_XXS"),
        17 => FileType::Other("IQ2_XS"),
        18 => FileType::Other("IQ3_XXS"),
        19 => FileType::Other("IQ1_S"),
        20 => FileType::Other("IQ4_NL"),
        21 => FileType::Other("IQ3_S"),
        22 => FileType::Other("IQ2_S"),
        23 => FileType::Other("IQ4_XS"),
        24 => FileType::Plain(Dtype::I8),
        25 => FileType::Plain(Dtype::I16),
        26 => FileType::Plain(Dtype::I32),
        27 => FileType::Plain(Dtype::I64),
        28 => FileType::Plain(Dtype::F64),
        29 => FileType::Other("IQ1_M"),
        30 => FileType::Plain(Dtype::BF16),
        34 => FileType::Other("TQ1_0"),
        35 => FileType::Other("TQ2_0"),
        39 => FileType::Other("MXFP4"),
        40 => FileType::Other("NVFP4"),
        _ => return None,
    })
}
