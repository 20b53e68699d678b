//! Other programs on the same weights and the same adapter.

use serde::{Deserialize, Serialize};

use super::{DeviceSummary, HostSummary, LeftOut, markdown::cell, performance::short_time};

/// What `./dev bench-peers` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeersRecord {
    /// Version of mirscope.
    pub mirscope_version: String,
    /// Day of the run in UTC, for example `2026-11-26`.
    pub date: String,
    /// The adapter natively.
    pub device: DeviceSummary,
    /// The machine around it.
    pub host: HostSummary,
    /// What both programs computed.
    pub entries: Vec<PeersEntry>,
    /// What a program did not compute, and why.
    pub left_out: Vec<LeftOut>,
}

/// One input through mirscope and through another program. Times are medians, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeersEntry {
    /// The model.
    pub model: String,
    /// The input, for example `256 tokens`.
    pub what: String,
    /// Where both ran: `native`, or a browser and its version.
    #[serde(rename = "where")]
    pub place: String,
    /// The other program and its version.
    pub peer: String,
    /// What it computed on.
    pub device: String,
    /// Runs of mirscope.
    pub runs: usize,
    /// Its time.
    pub seconds: f64,
    /// Runs of the other program.
    pub peer_runs: usize,
    /// Its time.
    pub peer_seconds: f64,
    /// Largest difference of the two outputs over the largest value of the other program's.
    pub deviation: Option<f64>,
}

/// The record as a part of the page about performance.
pub(super) fn peers_section(record: &PeersRecord) -> String {
    let mut text = format!(
        "\n### Other programs, on the same weights\n\nFrom one sitting: mirscope {}, {}; {}. All are given the \
         same file of f32 weights and the same tokens, and compute the logits of all tokens; of images the \
         features. The ratio is the other program's time over mirscope's: below 1 the other one is faster. The \
         difference is the largest one between the last token's logits (or the features), over the largest of \
         them.\n\n\
         | model | input | where | other program | on | mirscope | other | ratio | difference |\n\
         | --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: |\n",
        cell(&record.mirscope_version),
        cell(&record.date),
        record.host.words(),
    );
    for entry in &record.entries {
        let names = [
            &entry.model,
            &entry.what,
            &entry.place,
            &entry.peer,
            &entry.device,
        ];
        let names = names.map(|name| cell(name)).join(" | ");
        let difference = entry.deviation.map(|value| format!("{value:.1e}"));
        text += &format!(
            "| {names} | {} | {} | {:.2} | {} |\n",
            short_time(entry.seconds),
            short_time(entry.peer_seconds),
            entry.peer_seconds / entry.seconds,
            difference.unwrap_or_default(),
        );
    }
    if !record.left_out.is_empty() {
        text += "\nLeft out of it:\n\n";
        for left_out in &record.left_out {
            text += &format!("- {}: {}\n", cell(&left_out.name), cell(&left_out.reason));
        }
    }
    text
}
