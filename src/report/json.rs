//! Reports as JSON, and back.

use serde::{Deserialize, Serialize};

use super::{Report, SCHEMA, consistency::Contradiction, json_place::in_field, of_layers};
use crate::platform::FileError;

/// Largest file that is read as a report; those of hundreds of layers have a few hundred KiB.
#[cfg(not(target_arch = "wasm32"))]
const LARGEST: u64 = 256 << 20;

/// Why a report could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not JSON, or not a report.
    #[error("{file}: expected a report of mirscope, found something else{place}: {source}")]
    Parse {
        /// The file.
        file: String,
        /// ` in ` and the field's path; empty where it is none.
        place: String,
        /// Where and what.
        source: serde_json::Error,
    },
    /// A report of another layout.
    #[error(
        "{file}: expected a report with `schema` 1 to {SCHEMA}, found {found}: use the version of \
         mirscope that wrote it"
    )]
    Schema {
        /// The file.
        file: String,
        /// Its `schema`.
        found: u64,
    },
    /// Numbers that cannot be true together.
    #[error("{file}: {contradiction}: the report was changed or damaged; measure again")]
    Contradiction {
        /// The file.
        file: String,
        /// Which numbers.
        contradiction: Contradiction,
    },
    /// JSON has no NaN and no infinity.
    #[error("the report's `{field}` is {value}, which JSON cannot hold: nothing was written")]
    NotFinite {
        /// Path of the field.
        field: String,
        /// NaN, inf or -inf.
        value: f64,
    },
}

/// Anything of this module's as indented JSON, with a newline at the end.
///
/// # Errors
/// [`ReportError::Parse`] where serde refuses, which plain data never causes.
pub fn to_json(value: &impl Serialize) -> Result<String, ReportError> {
    serde_json::to_string_pretty(value)
        .map(|json| json + "\n")
        .map_err(|source| ReportError::Parse {
            file: "report".to_owned(),
            place: String::new(),
            source,
        })
}

impl Report {
    /// Refuses NaN and infinity, which JSON would silently turn into `null`.
    ///
    /// # Errors
    /// [`ReportError::NotFinite`] naming the first such field.
    pub fn check_finite(&self) -> Result<(), ReportError> {
        let overall = [
            ("mir", self.mir.unwrap_or(0.0)),
            ("norm_matched_mir", self.norm_matched_mir.unwrap_or(0.0)),
        ];
        let overall = overall.map(|(name, value)| (name.to_owned(), value));
        let layers = self.layers.iter().enumerate().flat_map(|(index, layer)| {
            [
                ("frechet", layer.frechet),
                ("location", layer.location),
                ("spread", layer.spread),
                ("shape", layer.shape),
                ("frechet_upper", layer.frechet_upper.unwrap_or(0.0)),
                ("frechet_norm_matched", layer.frechet_norm_matched),
                ("mean_norm_vision", layer.mean_norm_vision),
                ("mean_norm_text", layer.mean_norm_text),
            ]
            .map(|(name, value)| (format!("layers[{index}].{name}"), value))
        });
        let metrics = self.metrics.iter().enumerate().flat_map(|(index, metric)| {
            let name = move |field: &str| format!("metrics[{index}].{field}");
            let [low, high] = metric.interval.unwrap_or([0.0; 2]);
            let overall = [
                (name("value"), metric.value.unwrap_or(0.0)),
                (name("interval[0]"), low),
                (name("interval[1]"), high),
            ];
            let states = (metric.per_state.iter().enumerate()).flat_map(move |(state, it)| {
                let name = |field: &str| name(&format!("per_state[{state}].{field}"));
                let [low, high] = it.interval.unwrap_or([0.0; 2]);
                [
                    (name("value"), it.value.unwrap_or(0.0)),
                    (name("interval[0]"), low),
                    (name("interval[1]"), high),
                ]
            });
            let pairs = (metric.by_pair.iter().enumerate())
                .map(move |(pair, moved)| (name(&format!("by_pair[{pair}]")), *moved));
            overall.into_iter().chain(states).chain(pairs)
        });
        let timings = self
            .timings
            .iter()
            .enumerate()
            .map(|(index, timing)| (format!("timings[{index}].seconds"), timing.seconds));
        let samples = self.samples.iter().enumerate().flat_map(|(index, point)| {
            let values = point.mir.iter().enumerate();
            values.map(move |(sample, mir)| {
                (
                    format!("samples[{index}].mir[{sample}]"),
                    mir.unwrap_or(0.0),
                )
            })
        });
        match overall
            .into_iter()
            .chain(layers)
            .chain(metrics)
            .chain(timings)
            .chain(samples)
            .find(|(_, value)| !value.is_finite())
        {
            Some((field, value)) => Err(ReportError::NotFinite { field, value }),
            None => Ok(()),
        }
    }
}

/// Whether a text is a report of some version of mirscope.
pub fn is_report(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "schema")]
        _schema: u64,
        #[serde(rename = "mirscope_version")]
        _version: String,
        #[serde(rename = "layers")]
        _layers: serde::de::IgnoredAny,
    }
    serde_json::from_str::<Head>(json).is_ok()
}

/// Reads a report from JSON text; `file` is its name in messages.
///
/// # Errors
/// [`ReportError::Schema`] for a report of another layout, told before anything else,
/// [`ReportError::Parse`] for text that is no report, and [`ReportError::Contradiction`] for numbers
/// that cannot be true together.
pub fn parse(json: &str, file: &str) -> Result<Report, ReportError> {
    #[derive(Deserialize)]
    struct Head {
        schema: u64,
    }
    let json = json.strip_prefix('\u{feff}').unwrap_or(json);
    let parse_error = |source| ReportError::Parse {
        file: file.to_owned(),
        place: in_field(json, &source),
        source,
    };
    let head: Head = serde_json::from_str(json).map_err(parse_error)?;
    if !(1..=u64::from(SCHEMA)).contains(&head.schema) {
        return Err(ReportError::Schema {
            file: file.to_owned(),
            found: head.schema,
        });
    }
    let mut report: Report = serde_json::from_str(json).map_err(parse_error)?;
    if head.schema == 1 {
        report.schema = SCHEMA;
        report.metrics = of_layers(report.definition, &report.layers);
    }
    match report.contradiction() {
        Some(contradiction) => Err(ReportError::Contradiction {
            file: file.to_owned(),
            contradiction,
        }),
        None => Ok(report),
    }
}

/// Reads a report from a file, or from stdin where it is called `-`.
///
/// # Errors
/// Those of [`parse`], and [`ReportError::File`].
#[cfg(not(target_arch = "wasm32"))]
pub fn read(path: &std::path::Path) -> Result<Report, ReportError> {
    let (file, json) = crate::platform::native::read_text(path, LARGEST)?;
    parse(&json, &file)
}
