//! Typed, bounded access to the fields of a JSON object, with errors that name the field.

use std::{fmt::Display, ops::RangeInclusive};

use serde_json::{Map, Value};

use crate::weights::{
    error::{SourceError, WeightsError},
    source::stand_in::shortened,
};

/// A JSON object of a configuration file, with its place in the file.
pub struct Fields<'a> {
    file: &'a str,
    path: String,
    map: &'a Map<String, Value>,
}

/// A JSON value in a few words.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
        other => other.to_string(),
    }
}

/// The object in a JSON file, without the byte order mark it may begin with.
///
/// # Errors
/// [`WeightsError::Json`]; [`WeightsError::Source`] where a server's complaint lies in its place.
pub(crate) fn parse_object(file: &str, text: &str) -> Result<Map<String, Value>, WeightsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let map: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let start = match text.trim_start().starts_with(['{', '[', '"']) {
            true => String::new(),
            false => format!("; it begins with {:?}", shortened(text)),
        };
        WeightsError::Json {
            file: file.into(),
            reason: format!("{error}{start}"),
        }
    })?;
    match (map.len(), map.get("error").or_else(|| map.get("message"))) {
        (1..=2, Some(Value::String(complaint))) => Err(SourceError::new(
            file,
            format!(
                "expected the file itself, found a server's complaint in its place ({:?}); log in \
                 where the model asks for it and download the file again",
                shortened(complaint)
            ),
        )
        .into()),
        _ => Ok(map),
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(file: &'a str, path: &str, map: &'a Map<String, Value>) -> Self {
        Self {
            file,
            path: path.into(),
            map,
        }
    }

    /// The object itself.
    pub(crate) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// The same object, for a section that is the whole.
    pub(crate) fn section_itself(&self) -> Self {
        Self {
            file: self.file,
            path: self.path.clone(),
            map: self.map,
        }
    }

    fn field(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    /// The value of `key`; `null` counts as absent.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// The error that `key` should be `expected` and is `found`.
    pub(crate) fn invalid(
        &self,
        key: &str,
        expected: impl Display,
        found: impl Display,
    ) -> WeightsError {
        WeightsError::Field {
            file: self.file.into(),
            field: self.field(key),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    /// The error that `key` names something that does not exist here.
    pub(crate) fn unsupported(&self, key: &str, found: &str, supported: &str) -> WeightsError {
        WeightsError::Unsupported {
            file: self.file.into(),
            field: self.field(key),
            found: found.chars().take(80).collect(),
            supported: supported.into(),
        }
    }

    /// The object at `key`.
    pub(crate) fn section(&self, key: &str) -> Result<Option<Fields<'a>>, WeightsError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields {
                file: self.file,
                path: format!("{}{key}.", self.path),
                map,
            })),
            Some(other) => Err(self.invalid(key, "an object", describe(other))),
        }
    }

    /// The object at `key`, empty where it is absent.
    pub(crate) fn section_or<'b>(
        &self,
        key: &str,
        empty: &'b Map<String, Value>,
    ) -> Result<Fields<'b>, WeightsError>
    where
        'a: 'b,
    {
        Ok(match self.section(key)? {
            Some(fields) => fields,
            None => Fields {
                file: self.file,
                path: format!("{}{key}.", self.path),
                map: empty,
            },
        })
    }

    /// A whole number within `range`.
    pub(crate) fn count(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, WeightsError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| range.contains(n))
            .map(Some)
            .ok_or_else(|| {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                self.invalid(key, expected, describe(value))
            })
    }

    /// A finite number greater than `above`, within f32.
    pub(crate) fn float(&self, key: &str, above: f64) -> Result<Option<f32>, WeightsError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        value
            .as_f64()
            .filter(|&x| x > above && (x as f32).is_finite())
            .map(|x| Some(x as f32))
            .ok_or_else(|| {
                let expected = format!("a number greater than {above}");
                self.invalid(key, expected, describe(value))
            })
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, WeightsError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.invalid(key, "true or false", describe(other))),
        }
    }

    pub(crate) fn string(&self, key: &str) -> Result<Option<&'a str>, WeightsError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.invalid(key, "a string", describe(other))),
        }
    }

    /// A token id, or the first of a list of them.
    pub(crate) fn token(&self, key: &str) -> Result<Option<u32>, WeightsError> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let first = match value {
            Value::Array(list) => list.first().unwrap_or(&Value::Null),
            other => other,
        };
        // Some configurations write -1 for "none".
        if first.as_i64() == Some(-1) {
            return Ok(None);
        }
        first
            .as_u64()
            .and_then(|n| u32::try_from(n).ok())
            .map(Some)
            .ok_or_else(|| self.invalid(key, "a token id", describe(value)))
    }

    /// A size given as one number or as two equal ones.
    pub(crate) fn square(
        &self,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Result<Option<usize>, WeightsError> {
        match self.value(key) {
            Some(Value::Array(list)) => match list.as_slice() {
                [a, b] if a == b => a
                    .as_u64()
                    .and_then(|n| usize::try_from(n).ok())
                    .filter(|n| range.contains(n))
                    .map(Some)
                    .ok_or_else(|| self.invalid(key, "a size within bounds", describe(a))),
                _ => Err(self.invalid(
                    key,
                    "one number, or two equal ones",
                    Value::Array(list.iter().take(4).cloned().collect()),
                )),
            },
            _ => self.count(key, range),
        }
    }
}
