//! What was run, with which settings, and what came out: plain data, and the text it is shown as.
//!
//! [`Report`] is the object that `--json` prints, that a browser receives and that files hold.
//! [`table`] shows it in a terminal, [`csv`] elsewhere; [`crate::figures`] draws it.

mod answer;
mod bench;
mod bench_record;
mod bias;
mod check;
mod comparison;
pub(crate) mod consistency;
pub(crate) mod csv;
mod data;
mod device;
mod exploration;
mod inspection;
mod interval;
mod json;
pub(crate) mod json_place;
pub(crate) mod layout;
pub(crate) mod markdown;
mod metric;
pub(crate) mod number;
mod pass_times;
mod peers;
mod performance;
mod protocol;
mod random;
mod settings;
#[cfg(not(target_arch = "wasm32"))]
mod stored_records;
mod summary;
mod table;

pub use answer::{Answer, AnswerEnd, Said, Watched};
pub use bench::{AnswerBench, BENCH_SCHEMA, BenchReport, MatmulBench, WorkloadBench, bench_text};
pub use bench_record::{
    BenchRecord, HostSummary, LeftOut, RECORD_SCHEMA, RecordEntry, record_text,
};
pub use bias::{BIAS_CORRECTED, PairsPoint, bias_corrected, extrapolated};
pub use check::{CHECK_SCHEMA, CheckReport, DemoLine, KernelLine, StatesLine, check_text};
#[cfg(feature = "app")]
pub(crate) use comparison::difference_words;
pub use comparison::{
    Comparison, Difference, Named, comparison_csv, comparison_markdown, comparison_tex,
    comparison_text, difference, incomparable,
};
pub use consistency::Contradiction;
pub use csv::csv;
pub use data::{LayerReport, Moments, Report, SCHEMA};
pub use device::{DeviceGrant, DeviceSummary, adapters_text};
pub use exploration::{
    AttentionRow, Axes, Calibration, CloudShape, Ellipse, Kept, LensState, LensToken, LogitLens,
    PairView, PatchWords, Picture, PictureView, PlaneAxes, ProjectedToken, Projection, StageView,
    Strip, TokenKind, TokenPath, TokenView, WhatIf, WhatIfSettings,
};
pub use inspection::{DtypeShare, ImageInspection, Inspection, inspection_text};
pub(crate) use interval::student;
pub use interval::{interval, standard_error, too_few_pairs};
#[cfg(not(target_arch = "wasm32"))]
pub use json::read;
pub use json::{ReportError, is_report, parse, to_json};
pub use layout::TextStyle;
pub(crate) use metric::basis_of_tokens;
pub use metric::{MetricReport, StateValue, of_layers};
pub use pass_times::{Pass, PassTimes, pass_text};
pub use peers::{PeersEntry, PeersRecord};
pub use performance::{StoredRecord, TorchRecord, performance_markdown};
pub use protocol::{Protocol, ProtocolSettings, ProtocolSummary};
pub use random::SplitMix64;
pub use settings::{Definition, MetricChoice, Outliers, PromptStyle, TextMask};
#[cfg(not(target_arch = "wasm32"))]
pub use stored_records::read_records;
pub use summary::{DataSummary, ModelSummary, Skipped, StageTiming};
pub use table::table;

pub(crate) use number::{bytes as format_bytes, count as format_count, shortened};
#[cfg(feature = "app")]
pub(crate) use number::{seconds as format_seconds, significant as format_significant};
