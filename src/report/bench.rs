//! How fast an adapter is.

use serde::{Deserialize, Serialize};

use super::{
    DeviceGrant,
    layout::{Align, Column, TextStyle, columns, labeled},
    number::{bytes, count, seconds, significant},
};

/// Speeds measured in one run on one adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// [`BENCH_SCHEMA`] of the program that wrote the report.
    pub schema: u32,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// The adapter and what it grants.
    pub device: DeviceGrant,
    /// Matrix multiplications.
    pub matmuls: Vec<MatmulBench>,
    /// Whole models.
    pub workloads: Vec<WorkloadBench>,
    /// Answers.
    #[serde(default)]
    pub answers: Vec<AnswerBench>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Version of the layout of [`BenchReport`].
pub const BENCH_SCHEMA: u32 = 1;

impl Default for BenchReport {
    fn default() -> Self {
        Self {
            schema: BENCH_SCHEMA,
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: DeviceGrant::default(),
            matmuls: Vec::new(),
            workloads: Vec::new(),
            answers: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// One matrix multiplication, `[m, k] x [k, n]` in f32.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MatmulBench {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// Kernel variant, for example `tiled`, `direct` or `naive`.
    pub kernel: String,
    /// Median time of several, in seconds.
    pub seconds: f64,
    /// Slowest less fastest over the median: how noisy the machine is.
    pub spread: f64,
    /// `2 m n k / seconds / 10^9`.
    pub gflops: f64,
    /// Share of the adapter's peak, 0 to 1, where that is known.
    pub share_of_peak: Option<f64>,
    /// How many times faster than one invocation per element, in the same run.
    pub times_naive: Option<f64>,
}

/// One whole model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkloadBench {
    /// Which model on which data.
    pub name: String,
    /// Pairs run.
    pub pairs: usize,
    /// Prompt tokens run.
    pub tokens: usize,
    /// Seconds in the vision tower and connector; absent where there is none.
    pub tower_seconds: Option<f64>,
    /// Seconds in the decoder's prefill.
    pub prefill_seconds: f64,
    /// Seconds in the metric; absent where it was not run.
    pub metric_seconds: Option<f64>,
    /// `metric_seconds` in the time of the forward passes: tower, connector and prefill.
    #[serde(default)]
    pub metric_share: Option<f64>,
    /// `tokens / prefill_seconds`.
    pub tokens_per_second: f64,
    /// Largest sum of device buffers alive at one time, in bytes.
    pub peak_device_bytes: u64,
    /// Dispatches per forward.
    pub dispatches_per_forward: usize,
    /// Queue submissions per forward.
    pub submissions_per_forward: usize,
}

/// Greedy answers of one model to a prompt of text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerBench {
    /// Which model.
    pub name: String,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Median seconds from the prompt to its first token.
    pub seconds_to_first_token: f64,
    /// Tokens per second behind it: one over the median time of a step.
    pub tokens_per_second: f64,
    /// Slowest step less fastest over the median.
    pub spread: f64,
    /// How many times faster a step is than reading the prompt again.
    pub times_reread: f64,
    /// Bytes of the cache of keys and values.
    pub cache_bytes: u64,
    /// Dispatches per token.
    pub dispatches_per_token: usize,
}

/// The speeds as text for a terminal. Ends with a newline.
pub fn bench_text(report: &BenchReport, style: TextStyle) -> String {
    let mut lines = vec![style.bold(&report.device.device.line())];
    lines.extend(report.device.lines(style));
    if !report.matmuls.is_empty() {
        lines.push(String::new());
        lines.extend(columns(matmul_columns(&report.matmuls), style).0);
    }
    if !report.workloads.is_empty() {
        lines.push(String::new());
        lines.extend(columns(workload_columns(&report.workloads), style).0);
    }
    if !report.answers.is_empty() {
        lines.push(String::new());
        lines.extend(columns(answer_columns(&report.answers), style).0);
    }
    if !report.notes.is_empty() {
        lines.push(String::new());
    }
    for note in &report.notes {
        lines.extend(labeled("note", note, style));
    }
    lines.join("\n") + "\n"
}

fn dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn matmul_columns(matmuls: &[MatmulBench]) -> Vec<Column> {
    let each = |cell: &dyn Fn(&MatmulBench) -> String| -> Vec<String> {
        matmuls.iter().map(cell).collect()
    };
    vec![
        Column::new(
            "matmul",
            Align::Left,
            0,
            each(&|bench| format!("{} x {} x {}", bench.m, bench.k, bench.n)),
        ),
        Column::new(
            "kernel",
            Align::Left,
            0,
            each(&|bench| bench.kernel.clone()),
        ),
        Column::new(
            "time",
            Align::Left,
            1,
            each(&|bench| seconds(bench.seconds)),
        ),
        Column::new(
            "spread %",
            Align::Point,
            2,
            each(&|bench| format!("{:.0}", bench.spread * 100.0)),
        ),
        Column::new(
            "GFLOP/s",
            Align::Point,
            0,
            each(&|bench| significant(bench.gflops)),
        ),
        Column::new(
            "% of peak",
            Align::Point,
            3,
            each(&|bench| {
                dash(
                    bench
                        .share_of_peak
                        .map(|share| format!("{:.1}", share * 100.0)),
                )
            }),
        ),
        Column::new(
            "x naive",
            Align::Point,
            2,
            each(&|bench| dash(bench.times_naive.map(|times| format!("{times:.1}")))),
        ),
    ]
}

fn workload_columns(workloads: &[WorkloadBench]) -> Vec<Column> {
    let each = |cell: &dyn Fn(&WorkloadBench) -> String| -> Vec<String> {
        workloads.iter().map(cell).collect()
    };
    let left = |title, dispensable, cells| Column::new(title, Align::Left, dispensable, cells);
    let point = |title, dispensable, cells| Column::new(title, Align::Point, dispensable, cells);
    vec![
        left("workload", 0, each(&|bench| bench.name.clone())),
        point("tokens", 2, each(&|bench| count(bench.tokens as u64))),
        left(
            "tower",
            1,
            each(&|bench| dash(bench.tower_seconds.map(seconds))),
        ),
        left("prefill", 0, each(&|bench| seconds(bench.prefill_seconds))),
        left(
            "metric",
            0,
            each(&|bench| dash(bench.metric_seconds.map(seconds))),
        ),
        point(
            "% of forwards",
            1,
            each(&|bench| {
                dash(
                    bench
                        .metric_share
                        .map(|share| format!("{:.1}", share * 100.0)),
                )
            }),
        ),
        point(
            "tokens/s",
            1,
            each(&|bench| significant(bench.tokens_per_second)),
        ),
        left(
            "peak memory",
            3,
            each(&|bench| bytes(bench.peak_device_bytes)),
        ),
        point(
            "dispatches",
            4,
            each(&|bench| bench.dispatches_per_forward.to_string()),
        ),
        point(
            "submissions",
            4,
            each(&|bench| bench.submissions_per_forward.to_string()),
        ),
    ]
}

fn answer_columns(answers: &[AnswerBench]) -> Vec<Column> {
    let each = |cell: &dyn Fn(&AnswerBench) -> String| -> Vec<String> {
        answers.iter().map(cell).collect()
    };
    let left = |title, dispensable, cells| Column::new(title, Align::Left, dispensable, cells);
    let point = |title, dispensable, cells| Column::new(title, Align::Point, dispensable, cells);
    vec![
        left("answer", 0, each(&|bench| bench.name.clone())),
        point(
            "prompt",
            2,
            each(&|bench| count(bench.prompt_tokens as u64)),
        ),
        left(
            "first token",
            0,
            each(&|bench| seconds(bench.seconds_to_first_token)),
        ),
        point(
            "tokens/s",
            0,
            each(&|bench| significant(bench.tokens_per_second)),
        ),
        point(
            "spread %",
            2,
            each(&|bench| format!("{:.0}", bench.spread * 100.0)),
        ),
        point(
            "x reading again",
            1,
            each(&|bench| format!("{:.1}", bench.times_reread)),
        ),
        left("cache", 3, each(&|bench| bytes(bench.cache_bytes))),
        point(
            "dispatches",
            4,
            each(&|bench| bench.dispatches_per_token.to_string()),
        ),
    ]
}
