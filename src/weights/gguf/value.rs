//! The values of a GGUF file's metadata.

use std::collections::BTreeMap;

use super::{super::error::WeightsError, reader::Reader};

/// Most entries of the metadata; files have some 50.
const MOST_ENTRIES: u64 = 1 << 16;
/// Most items of a list; the largest vocabularies have some 300,000 tokens, and more merges.
const MOST_ITEMS: u64 = 1 << 22;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Any whole number that fits.
    Integer(i64),
    /// A float of either width.
    Float(f64),
    /// Yes or no.
    Flag(bool),
    /// A text.
    Text(String),
    /// A list of whole numbers or of flags.
    Integers(Vec<i64>),
    /// A list of floats.
    Floats(Vec<f32>),
    /// A list of texts.
    Texts(Vec<String>),
}

impl Value {
    /// What it is, for a reader.
    fn kind(&self) -> String {
        match self {
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => format!("{:?}", text.chars().take(40).collect::<String>()),
            Self::Integers(list) => format!("a list of {} whole numbers", list.len()),
            Self::Floats(list) => format!("a list of {} floats", list.len()),
            Self::Texts(list) => format!("a list of {} texts", list.len()),
        }
    }
}

/// Codes of the types.
mod code {
    pub(super) const U8: u32 = 0;
    pub(super) const I8: u32 = 1;
    pub(super) const U16: u32 = 2;
    pub(super) const I16: u32 = 3;
    pub(super) const U32: u32 = 4;
    pub(super) const I32: u32 = 5;
    pub(super) const F32: u32 = 6;
    pub(super) const BOOL: u32 = 7;
    pub(super) const TEXT: u32 = 8;
    pub(super) const LIST: u32 = 9;
    pub(super) const U64: u32 = 10;
    pub(super) const I64: u32 = 11;
    pub(super) const F64: u32 = 12;
}

/// Fewest bytes of a value of a type; none for a type that there is not.
fn size(code: u32) -> Option<u64> {
    Some(match code {
        code::U8 | code::I8 | code::BOOL => 1,
        code::U16 | code::I16 => 2,
        code::U32 | code::I32 | code::F32 => 4,
        code::TEXT | code::U64 | code::I64 | code::F64 => 8,
        code::LIST => 12,
        _ => return None,
    })
}

/// Metadata by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    /// The file, for messages.
    pub(crate) file: String,
    values: BTreeMap<String, Value>,
}

impl Metadata {
    /// Reads `count` entries.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        file: &str,
        count: u64,
    ) -> Result<Self, WeightsError> {
        if count > MOST_ENTRIES {
            let expected = format!("at most {MOST_ENTRIES} entries of metadata");
            return Err(reader.wrong(expected, count.to_string()));
        }
        // A key's length, a type and a byte.
        reader.room_for("entries of metadata", count, 13)?;
        let mut values = BTreeMap::new();
        for _ in 0..count {
            let key = reader.text()?;
            if key.len() > 65535 {
                return Err(reader.wrong("keys of at most 65535 bytes", "a longer one"));
            }
            let code = reader.u32()?;
            let value = read_value(reader, &key, code)?;
            if values.contains_key(&key) {
                let key = shown(&key);
                return Err(reader.wrong(format!("one value of `{key}`"), "two"));
            }
            values.insert(key, value);
        }
        Ok(Self {
            file: file.into(),
            values,
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// A value that is not what it should be.
    pub(crate) fn wrong(&self, key: &str, expected: impl Into<String>) -> WeightsError {
        WeightsError::Field {
            file: self.file.clone(),
            field: key.into(),
            expected: expected.into(),
            found: self.get(key).map_or("absent".into(), Value::kind),
        }
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "a text")),
        }
    }

    /// A whole number from 0 on; of a list whose items are all the same, that item.
    pub(crate) fn count(&self, key: &str) -> Result<Option<u64>, WeightsError> {
        const EXPECTED: &str = "a whole number, the same in all layers";
        let number = match self.get(key) {
            None => return Ok(None),
            Some(Value::Integer(number)) => *number,
            Some(Value::Integers(list)) if list.windows(2).all(|two| two[0] == two[1]) => {
                *list.first().ok_or_else(|| self.wrong(key, EXPECTED))?
            }
            Some(_) => return Err(self.wrong(key, EXPECTED)),
        };
        let number = u64::try_from(number).map_err(|_| self.wrong(key, EXPECTED))?;
        Ok(Some(number))
    }

    /// A number.
    pub(crate) fn float(&self, key: &str) -> Result<Option<f64>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(_) => Err(self.wrong(key, "a number")),
        }
    }

    /// Yes or no.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Flag(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Result<Option<&[String]>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Texts(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(key, "a list of texts")),
        }
    }

    /// A list of floats.
    pub(crate) fn floats(&self, key: &str) -> Result<Option<&[f32]>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Floats(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(key, "a list of floats")),
        }
    }

    /// A list of whole numbers.
    pub(crate) fn integers(&self, key: &str) -> Result<Option<&[i64]>, WeightsError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Integers(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong(key, "a list of whole numbers")),
        }
    }
}

/// A key as a message shows it.
fn shown(key: &str) -> String {
    key.chars().take(80).collect()
}

fn read_value(reader: &mut Reader<'_>, key: &str, code: u32) -> Result<Value, WeightsError> {
    Ok(match code {
        code::F32 => Value::Float(f64::from(f32::from_bits(reader.u32()?))),
        code::F64 => Value::Float(f64::from_bits(reader.u64()?)),
        code::BOOL => Value::Flag(flag(reader, key)?),
        code::TEXT => Value::Text(reader.text()?),
        code::LIST => list(reader, key)?,
        code => Value::Integer(integer(reader, key, code)?),
    })
}

fn list(reader: &mut Reader<'_>, key: &str) -> Result<Value, WeightsError> {
    let code = reader.u32()?;
    let count = reader.u64()?;
    let Some(size) = size(code).filter(|_| code != code::LIST) else {
        let expected = format!("a list of numbers, flags or texts in `{}`", shown(key));
        return Err(reader.wrong(expected, format!("one of type {code}")));
    };
    reader.room_for("items of a list", count, size)?;
    if count > MOST_ITEMS {
        let expected = format!("at most {MOST_ITEMS} items in `{}`", shown(key));
        return Err(reader.wrong(expected, count.to_string()));
    }
    Ok(match code {
        code::TEXT => {
            let texts = (0..count).map(|_| reader.text());
            Value::Texts(texts.collect::<Result<_, _>>()?)
        }
        code::F32 => {
            let floats = (0..count).map(|_| reader.u32().map(f32::from_bits));
            Value::Floats(floats.collect::<Result<_, _>>()?)
        }
        code::F64 => {
            let floats = (0..count).map(|_| reader.u64().map(|bits| f64::from_bits(bits) as f32));
            Value::Floats(floats.collect::<Result<_, _>>()?)
        }
        code::BOOL => {
            let flags = (0..count).map(|_| flag(reader, key).map(i64::from));
            Value::Integers(flags.collect::<Result<_, _>>()?)
        }
        code => {
            let numbers = (0..count).map(|_| integer(reader, key, code));
            Value::Integers(numbers.collect::<Result<_, _>>()?)
        }
    })
}

fn flag(reader: &mut Reader<'_>, key: &str) -> Result<bool, WeightsError> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(reader.wrong(format!("0 or 1 in `{}`", shown(key)), other.to_string())),
    }
}

fn integer(reader: &mut Reader<'_>, key: &str, code: u32) -> Result<i64, WeightsError> {
    Ok(match code {
        code::U8 => i64::from(reader.u8()?),
        code::I8 => i64::from(reader.u8()? as i8),
        code::U16 => i64::from(reader.u16()?),
        code::I16 => i64::from(reader.u16()? as i16),
        code::U32 => i64::from(reader.u32()?),
        code::I32 => i64::from(reader.u32()? as i32),
        code::U64 => {
            let number = reader.u64()?;
            i64::try_from(number).map_err(|_| {
                let expected = format!("a number below 2^63 in `{}`", shown(key));
                reader.wrong(expected, number.to_string())
            })?
        }
        code::I64 => reader.u64()? as i64,
        other => {
            let expected = format!("a type from 0 to 12 of `{}`", shown(key));
            return Err(reader.wrong(expected, other.to_string()));
        }
    })
}

/// The number with the fewest digits that rounds to the same f32.
pub(super) fn shortest(number: f64) -> serde_json::Value {
    let text = (number as f32).to_string();
    serde_json::json!(text.parse::<f64>().unwrap_or(number))
}
