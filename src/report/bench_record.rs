//! How fast an adapter is, in detail: a record that is kept and compared with others.

use serde::{Deserialize, Serialize};

use super::{
    DeviceGrant,
    layout::{Align, Column, TextStyle, columns, labeled},
    markdown::cell,
    number::{seconds, significant},
};
use crate::words::counted;

/// The layout of [`BenchRecord`].
pub const RECORD_SCHEMA: u32 = 1;

/// Speeds measured in one run on one adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchRecord {
    /// [`RECORD_SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// Day of the run in UTC, for example `2026-11-26`.
    pub date: String,
    /// The adapter and what it grants.
    pub device: DeviceGrant,
    /// The machine around it.
    pub host: HostSummary,
    /// The adapter's peak outside of matrix units, in f32 GFLOP/s, where it is known.
    pub peak_gflops: Option<f64>,
    /// Bandwidth of its memory, in 10^9 bytes a second, where it is known.
    pub peak_gbytes_per_second: Option<f64>,
    /// What was timed.
    pub entries: Vec<RecordEntry>,
    /// What was not, and why.
    pub left_out: Vec<LeftOut>,
    /// Time of all of it, in seconds.
    pub seconds: f64,
}

/// The machine around an adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSummary {
    /// For example `linux`.
    pub os: String,
    /// For example `x86_64`.
    pub arch: String,
    /// Threads that run at once.
    pub cpus: usize,
    /// The processor and the widest vectors that it has, where the system tells them; older records lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
}

impl HostSummary {
    /// In words, for example `2 threads of AMD EPYC (AVX2), linux x86_64`.
    pub(super) fn words(&self) -> String {
        let processor = self.processor.as_deref();
        let of = processor.map_or_else(String::new, |name| format!(" of {}", cell(name)));
        let (os, arch) = (cell(&self.os), cell(&self.arch));
        format!("{}{of}, {os} {arch}", counted(self.cpus, "thread"))
    }
}

/// Something that was timed. Shares and rates are those of the median.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordEntry {
    /// Of which kind: `matmul`, `matvec`, `attention`, `overhead`, `transfer`, `load`, `tower`,
    /// `prefill`, `metric` or `share`.
    pub group: String,
    /// What exactly.
    pub name: String,
    /// Kernel variant where there is more than one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// Timed runs.
    pub runs: usize,
    /// Median time, in seconds.
    pub seconds: f64,
    /// Fastest run.
    pub fastest: f64,
    /// Slowest run.
    pub slowest: f64,
    /// Operations, by the kernels' own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flops: Option<f64>,
    /// Bytes that must be moved at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<f64>,
    /// `flops / seconds / 10^9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gflops: Option<f64>,
    /// Share of the adapter's peak, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_peak: Option<f64>,
    /// `bytes / seconds / 10^9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gbytes_per_second: Option<f64>,
    /// Share of the adapter's bandwidth, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_bandwidth: Option<f64>,
    /// Share of the time of the forward passes whose states these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_of_forwards: Option<f64>,
    /// Prompt tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// `tokens / seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_second: Option<f64>,
    /// Seconds of it in which the CPU made the list of kernel calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_seconds: Option<f64>,
    /// Kernel calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatches: Option<usize>,
    /// Queue submissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submissions: Option<usize>,
    /// Largest sum of device buffers alive at one time, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_device_bytes: Option<u64>,
}

/// Something that was not timed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What, as an entry would be called: group and name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The record as text for a terminal. Ends with a newline.
pub fn record_text(record: &BenchRecord, style: TextStyle) -> String {
    let mut lines = vec![style.bold(&record.device.device.line())];
    lines.extend(record.device.lines(style));
    lines.push(String::new());
    lines.extend(columns(entry_columns(&record.entries), style).0);
    lines.push(String::new());
    for left_out in &record.left_out {
        let text = format!("{}: {}", left_out.name, left_out.reason);
        lines.extend(labeled("left out", &text, style));
    }
    lines.extend(labeled("time", &seconds(record.seconds), style));
    lines.join("\n") + "\n"
}

fn entry_columns(entries: &[RecordEntry]) -> Vec<Column> {
    let each = |cell: &dyn Fn(&RecordEntry) -> String| -> Vec<String> {
        entries.iter().map(cell).collect()
    };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), significant);
    let percent =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{:.1}", v * 100.0));
    let name = |entry: &RecordEntry| match entry.kernel.as_str() {
        "" => entry.name.clone(),
        kernel => format!("{}, {kernel}", entry.name),
    };
    let spread = |entry: &RecordEntry| {
        format!(
            "{:.0}",
            (entry.slowest - entry.fastest) / entry.seconds * 100.0
        )
    };
    vec![
        Column::new("group", Align::Left, 0, each(&|entry| entry.group.clone())),
        Column::new("what", Align::Left, 0, each(&name)),
        Column::new(
            "time",
            Align::Left,
            0,
            each(&|entry| seconds(entry.seconds)),
        ),
        Column::new("spread %", Align::Point, 3, each(&spread)),
        Column::new(
            "GFLOP/s",
            Align::Point,
            1,
            each(&|entry| number(entry.gflops)),
        ),
        Column::new(
            "% of peak",
            Align::Point,
            2,
            each(&|entry| percent(entry.share_of_peak)),
        ),
        Column::new(
            "GB/s",
            Align::Point,
            2,
            each(&|entry| number(entry.gbytes_per_second)),
        ),
        Column::new(
            "% of bandwidth",
            Align::Point,
            3,
            each(&|entry| percent(entry.share_of_bandwidth)),
        ),
        Column::new(
            "% of forwards",
            Align::Point,
            3,
            each(&|entry| percent(entry.share_of_forwards)),
        ),
        Column::new(
            "tokens/s",
            Align::Point,
            1,
            each(&|entry| number(entry.tokens_per_second)),
        ),
    ]
}
