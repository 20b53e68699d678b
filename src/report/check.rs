//! Whether an adapter computes rightly.

use serde::{Deserialize, Serialize};

use super::{
    DeviceGrant,
    layout::{Align, Column, TextStyle, columns, labeled},
    number::seconds,
};

/// The layout of [`CheckReport`].
pub const CHECK_SCHEMA: u32 = 1;

/// What was compared on an adapter, and how far off it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// [`CHECK_SCHEMA`] of the program that wrote it.
    pub schema: u32,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// The adapter and what it grants.
    pub device: DeviceGrant,
    /// Each kernel against its CPU twin.
    pub kernels: Vec<KernelLine>,
    /// Whole models against the states of transformers.
    pub states: Vec<StatesLine>,
    /// The demo against its recorded report.
    pub demo: Option<DemoLine>,
    /// What was not checked, and why.
    pub left_out: Vec<String>,
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Time of all of it, in seconds.
    pub seconds: f64,
}

/// A kernel in one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelLine {
    /// Its name.
    pub kernel: String,
    /// `tiled` or `direct`: the variants of a device on which it ran.
    pub variant: String,
    /// Results that were compared.
    pub cases: usize,
    /// Relative error (norm of the difference over norm of the expected) of the worst case; absent
    /// where that is no finite number.
    pub error: Option<f64>,
    /// What that case may be off by; 0 where the result must be exact.
    pub bound: f64,
    /// The worst case.
    pub worst: String,
    /// What the device reported instead of a result.
    pub failure: Option<String>,
    /// Whether all cases are within their bounds.
    pub ok: bool,
}

/// A small checkpoint among several, or a state of one checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatesLine {
    /// The checkpoint's folder, or the state's name.
    pub name: String,
    /// States that were compared; of a single state its tokens.
    pub states: usize,
    /// Relative error of the worst state; absent where that is no finite number.
    pub error: Option<f64>,
    /// What each may be off by.
    pub bound: f64,
    /// The worst state.
    pub worst: String,
    /// Why there are no states.
    pub failure: Option<String>,
    /// Whether all states are within the bound.
    pub ok: bool,
}

/// The demo's measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemoLine {
    /// The Modality Integration Rate on this adapter.
    pub mir: Option<f64>,
    /// That of the recorded report.
    pub recorded: Option<f64>,
    /// Largest relative difference of a layer's distance or norm ratio.
    pub error: Option<f64>,
    /// What it may be.
    pub bound: f64,
    /// Why there is no measurement.
    pub failure: Option<String>,
    /// Whether it is within the bound.
    pub ok: bool,
}

/// The check as text for a terminal. Ends with a newline.
pub fn check_text(report: &CheckReport, style: TextStyle) -> String {
    let mut lines = vec![style.bold(&report.device.device.line())];
    lines.extend(report.device.lines(style));
    if !report.kernels.is_empty() {
        lines.push(String::new());
        lines.extend(columns(kernel_columns(&report.kernels), style).0);
    }
    if !report.states.is_empty() {
        lines.push(String::new());
        let one = |line: &StatesLine| line.name.starts_with("hidden_states.");
        let titles = match report.states.iter().any(one) {
            true => ["state", "tokens"],
            false => ["model", "states"],
        };
        lines.extend(columns(states_columns(&report.states, titles), style).0);
    }
    lines.push(String::new());
    if let Some(demo) = &report.demo {
        lines.extend(labeled("demo", &demo_words(demo), style));
    }
    for left_out in &report.left_out {
        lines.extend(labeled("left out", left_out, style));
    }
    lines.extend(labeled("result", &summary(report), style));
    lines.join("\n") + "\n"
}

fn summary(report: &CheckReport) -> String {
    let all = report.kernels.len() + report.states.len() + usize::from(report.demo.is_some());
    let wrong = report.kernels.iter().filter(|line| !line.ok).count()
        + report.states.iter().filter(|line| !line.ok).count()
        + usize::from(report.demo.as_ref().is_some_and(|demo| !demo.ok));
    let took = seconds(report.seconds);
    if report.ok {
        format!("all {all} comparisons are right, in {took}")
    } else {
        format!("{wrong} of {all} comparisons are wrong, in {took}")
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:.1e}"))
}

fn verdict(ok: bool) -> String {
    if ok { "right" } else { "WRONG" }.to_owned()
}

fn demo_words(demo: &DemoLine) -> String {
    if let Some(failure) = &demo.failure {
        return format!("WRONG: {failure}");
    }
    let mir =
        |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |mir| format!("{mir:.6}"));
    format!(
        "{}: MIR {}, recorded {}; layers off by at most {}, allowed {:.0e}",
        verdict(demo.ok),
        mir(demo.mir),
        mir(demo.recorded),
        number(demo.error),
        demo.bound
    )
}

fn kernel_columns(lines: &[KernelLine]) -> Vec<Column> {
    let each =
        |cell: &dyn Fn(&KernelLine) -> String| -> Vec<String> { lines.iter().map(cell).collect() };
    let worst = |line: &KernelLine| match &line.failure {
        Some(failure) => failure.clone(),
        None if line.ok => String::new(),
        None => line.worst.clone(),
    };
    vec![
        Column::new("kernel", Align::Left, 0, each(&|line| line.kernel.clone())),
        Column::new(
            "variant",
            Align::Left,
            0,
            each(&|line| line.variant.clone()),
        ),
        Column::new(
            "cases",
            Align::Point,
            1,
            each(&|line| line.cases.to_string()),
        ),
        Column::new("error", Align::Left, 0, each(&|line| number(line.error))),
        Column::new(
            "bound",
            Align::Left,
            0,
            each(&|line| format!("{:.0e}", line.bound)),
        ),
        Column::new("", Align::Left, 0, each(&|line| verdict(line.ok))),
        Column::new("", Align::Left, 2, each(&worst)),
    ]
}

fn states_columns(lines: &[StatesLine], [name, count]: [&'static str; 2]) -> Vec<Column> {
    let each =
        |cell: &dyn Fn(&StatesLine) -> String| -> Vec<String> { lines.iter().map(cell).collect() };
    let worst = |line: &StatesLine| match &line.failure {
        Some(failure) => failure.clone(),
        None => line.worst.clone(),
    };
    vec![
        Column::new(name, Align::Left, 0, each(&|line| line.name.clone())),
        Column::new(
            count,
            Align::Point,
            1,
            each(&|line| line.states.to_string()),
        ),
        Column::new("error", Align::Left, 0, each(&|line| number(line.error))),
        Column::new(
            "bound",
            Align::Left,
            0,
            each(&|line| format!("{:.0e}", line.bound)),
        ),
        Column::new("", Align::Left, 0, each(&|line| verdict(line.ok))),
        Column::new("worst", Align::Left, 2, each(&worst)),
    ]
}
