//! What was run, with which settings, and what came out: plain data, and the forms it is shown in.
//!
//! [`Report`] is the object that `--json` prints, that a browser receives and that files hold.
//! [`table`] shows it in a terminal, [`csv`], [`svg`] and [`html`] elsewhere.

mod bench;
mod bench_record;
mod check;
mod csv;
mod data;
mod device;
mod exploration;
pub mod family;
pub mod figure;
mod file;
mod html;
mod inspection;
mod json;
mod layout;
mod number;
mod performance;
mod random;
mod ruler;
mod settings;
mod summary;
mod table;

pub use bench::{BenchReport, MatmulBench, WorkloadBench, bench_text};
pub use bench_record::{
    BenchRecord, HostSummary, LeftOut, RECORD_SCHEMA, RecordEntry, record_text,
};
pub use check::{CHECK_SCHEMA, CheckReport, DemoLine, KernelLine, StatesLine, check_text};
pub use csv::csv;
pub use data::{LayerReport, Moments, Report, SCHEMA};
pub use device::{DeviceGrant, DeviceSummary, adapters_text};
pub use exploration::{
    AttentionRow, Axes, Calibration, CloudShape, Kept, LensState, LensToken, LogitLens, PairView,
    Picture, PictureView, ProjectedToken, Projection, RecordedClouds, RecordedModel, RecordedRow,
    RecordedRun, Recording, RecordingError, StageView, TokenKind, TokenView, WhatIf,
    WhatIfSettings,
};
pub use figure::svg;
pub use file::{Format, write};
pub use html::html;
pub use inspection::{DtypeShare, Inspection, inspection_text};
pub use json::{ReportError, parse, read, to_json};
pub use layout::TextStyle;
pub use performance::{StoredRecord, TorchRecord, performance_markdown, read_records};
pub use random::SplitMix64;
pub use ruler::ruler_text;
pub use settings::{Definition, TextMask};
pub use summary::{DataSummary, ModelSummary, StageTiming};
pub use table::table;

#[cfg(feature = "cli")]
pub(crate) use file::replace as replace_file;
pub(crate) use number::{
    bytes as format_bytes, count as format_count, seconds as format_seconds,
    significant as format_significant,
};
