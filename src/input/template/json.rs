//! The filter `tojson` as transformers defines it: Python's `json.dumps`, nothing escaped for HTML.

use minijinja::{
    Error, ErrorKind, Value,
    value::{Kwargs, ValueKind, from_args},
};

use super::parts::{PRINTED, is_of_parts};

/// Most spaces of an indent.
const MAX_INDENT: usize = 32;

struct Style {
    ascii: bool,
    indent: Option<String>,
    item: String,
    key: String,
    sort: bool,
    most: usize,
}

/// A value as JSON of up to `most` bytes: `args` are those of the filter.
///
/// # Errors
/// A value that is none of JSON, an argument that is not known, or too long a text.
pub(super) fn tojson(args: &[Value], most: usize) -> Result<Value, Error> {
    let (positional, kwargs): (&[Value], Kwargs) = from_args(args)?;
    let argument = |index: usize, name: &str| -> Result<Option<Value>, Error> {
        let given = match positional.get(index) {
            Some(value) => Some(value.clone()),
            None => kwargs.get::<Option<Value>>(name)?,
        };
        Ok(given.filter(|value| !value.is_none() && !value.is_undefined()))
    };
    let value = positional.first().cloned().unwrap_or_default();
    let ascii = argument(1, "ensure_ascii")?.is_some_and(|value| value.is_true());
    let indent = match argument(2, "indent")? {
        None => None,
        Some(text) if text.as_str().is_some() => text.as_str().map(str::to_owned),
        Some(number) => Some(" ".repeat(i64::try_from(number)?.clamp(0, 1 << 20) as usize)),
    };
    if indent
        .as_ref()
        .is_some_and(|indent| indent.len() > MAX_INDENT)
    {
        return Err(failed(format!("an indent of more than {MAX_INDENT}")));
    }
    let (mut item, mut key) = (", ".to_owned(), ": ".to_owned());
    if indent.is_some() {
        item = ",".into();
    }
    if let Some(separators) = argument(3, "separators")? {
        let text = |index| -> Result<String, Error> {
            let separator = separators.get_item_by_index(index)?;
            let text = separator.as_str().filter(|text| text.len() <= MAX_INDENT);
            text.map(str::to_owned)
                .ok_or_else(|| failed("separators that are no short strings".into()))
        };
        (item, key) = (text(0)?, text(1)?);
    }
    let sort = argument(4, "sort_keys")?.is_some_and(|value| value.is_true());
    kwargs.assert_all_used()?;
    let style = Style {
        ascii,
        indent,
        item,
        key,
        sort,
        most,
    };
    let mut out = String::new();
    style.write(&value, 0, &mut out)?;
    Ok(Value::from(out))
}

fn failed(what: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("tojson got {what}"))
}

impl Style {
    fn write(&self, value: &Value, level: usize, out: &mut String) -> Result<(), Error> {
        if out.len() > self.most {
            return Err(failed(format!("more than {} bytes", self.most)));
        }
        if is_of_parts(value) {
            out.push(PRINTED);
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool if value.is_true() => out.push_str("true"),
            ValueKind::Bool => out.push_str("false"),
            ValueKind::Number => out.push_str(&number(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default(), out),
            ValueKind::Map => {
                let mut entries = Vec::new();
                for key in value.try_iter()? {
                    let name = match key.kind() {
                        ValueKind::String => key.to_string(),
                        ValueKind::None => "null".into(),
                        ValueKind::Bool => key.is_true().to_string(),
                        ValueKind::Number => number(&key),
                        kind => return Err(failed(format!("a key that is {kind}"))),
                    };
                    entries.push((name, value.get_item(&key)?));
                }
                if self.sort {
                    entries.sort_by(|a, b| a.0.cmp(&b.0));
                }
                let entries = entries.into_iter().map(|(name, value)| (Some(name), value));
                self.items(('{', '}'), entries, level, out)?;
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?.map(|value| (None, value));
                self.items(('[', ']'), items, level, out)?;
            }
            kind => return Err(failed(format!("a value that is {kind}"))),
        }
        Ok(())
    }

    fn items(
        &self,
        (open, close): (char, char),
        items: impl Iterator<Item = (Option<String>, Value)>,
        level: usize,
        out: &mut String,
    ) -> Result<(), Error> {
        let line = |level: usize, out: &mut String| {
            if let Some(indent) = &self.indent {
                out.push('\n');
                out.push_str(&indent.repeat(level));
            }
        };
        out.push(open);
        let mut empty = true;
        for (name, value) in items {
            if !std::mem::take(&mut empty) {
                out.push_str(&self.item);
            }
            line(level + 1, out);
            if let Some(name) = name {
                self.string(&name, out);
                out.push_str(&self.key);
            }
            self.write(&value, level + 1, out)?;
        }
        if !empty {
            line(level, out);
        }
        out.push(close);
        Ok(())
    }

    fn string(&self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || self.ascii && c > '\u{7e}' => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// A number as Python writes it.
fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    let Ok(float) = f64::try_from(value.clone()) else {
        return value.to_string();
    };
    if float.is_nan() {
        return "NaN".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { "Infinity" } else { "-Infinity" }.into();
    }
    if float == 0.0 || (1e-4..1e16).contains(&float.abs()) {
        return format!("{float:?}");
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (float, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (123456789012345.0, "123456789012345.0"),
            (-2e300, "-2e+300"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number(&Value::from(float)), text);
        }
    }
}
