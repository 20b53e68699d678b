//! `results.json` as text: indented as far as a reader looks, an entry a line below that.
//!
//! Indented throughout, most of the file would be spaces; on one line, nobody could see what a new run changed.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{StudyError, StudyResults};

/// Containers deeper than this stand on one line: a layer, a quantity, the scores of a variant.
const INDENTED: usize = 4;

/// The results as JSON with a newline at the end.
///
/// # Errors
/// [`StudyError::Parse`] where serde refuses, which plain data never causes.
pub fn results_json(results: &StudyResults) -> Result<String, StudyError> {
    let mut text = Vec::new();
    let mut writer = Serializer::with_formatter(&mut text, Lines::default());
    let written = results.serialize(&mut writer).and_then(|()| {
        text.push(b'\n');
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    });
    written.map_err(|source| StudyError::Parse {
        file: "results.json".to_owned(),
        expected: "results of a study",
        place: String::new(),
        source,
    })
}

/// Indents containers up to [`INDENTED`] deep.
#[derive(Default)]
struct Lines {
    depth: usize,
    outer: PrettyFormatter<'static>,
}

impl Lines {
    fn is_inner(&self) -> bool {
        self.depth > INDENTED
    }

    /// A comma between what stands on one line.
    fn next<W: ?Sized + Write>(writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        match self.is_inner() {
            true => writer.write_all(b"["),
            false => self.outer.begin_array(writer),
        }
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let inner = self.is_inner();
        self.depth -= 1;
        match inner {
            true => writer.write_all(b"]"),
            false => self.outer.end_array(writer),
        }
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        match self.is_inner() {
            true => Self::next(writer, first),
            false => self.outer.begin_array_value(writer, first),
        }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.is_inner() {
            true => Ok(()),
            false => self.outer.end_array_value(writer),
        }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        match self.is_inner() {
            true => writer.write_all(b"{"),
            false => self.outer.begin_object(writer),
        }
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        let inner = self.is_inner();
        self.depth -= 1;
        match inner {
            true => writer.write_all(b"}"),
            false => self.outer.end_object(writer),
        }
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        match self.is_inner() {
            true => Self::next(writer, first),
            false => self.outer.begin_object_key(writer, first),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        match self.is_inner() {
            true => Ok(()),
            false => self.outer.end_object_value(writer),
        }
    }
}
