//! Forward passes of one model over given input: their times, and what came out.

use serde::{Deserialize, Serialize};

use super::{
    DeviceSummary, HostSummary,
    layout::{Align, Column, TextStyle, columns},
    number::{seconds, significant},
};

/// What a model's forward passes took, for a comparison with other programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassTimes {
    /// `mirscope`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// What computed.
    pub device: DeviceSummary,
    /// The machine around it.
    pub host: HostSummary,
    /// One for each input.
    pub passes: Vec<Pass>,
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Tokens of the prompt; absent where an image goes through tower and connector.
    pub tokens: Option<usize>,
    /// Time of each run, in seconds.
    pub seconds: Vec<f64>,
    /// Kernel calls.
    pub dispatches: usize,
    /// Operations, by the kernels' own account.
    pub flops: f64,
    /// The last token's logits, `[vocab_size]`, or the image's features, `[tokens, hidden_size]`.
    pub output: Vec<f32>,
}

impl Pass {
    /// What went through the model, for example `256 tokens`.
    pub fn name(&self) -> String {
        match self.tokens {
            Some(tokens) => format!("{tokens} tokens"),
            None => "one image".to_owned(),
        }
    }

    /// Median time of a run, in seconds; NaN where there was none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// The times as text for a terminal. Ends with a newline.
pub fn pass_text(times: &PassTimes, style: TextStyle) -> String {
    let each =
        |cell: &dyn Fn(&Pass) -> String| -> Vec<String> { times.passes.iter().map(cell).collect() };
    let rate = |pass: &Pass| significant(pass.flops / pass.median() / 1e9);
    let table = vec![
        Column::new("what", Align::Left, 0, each(&Pass::name)),
        Column::new("time", Align::Left, 0, each(&|pass| seconds(pass.median()))),
        Column::new("GFLOP/s", Align::Point, 1, each(&rate)),
    ];
    let mut lines = vec![style.bold(&times.device.line())];
    lines.extend(columns(table, style).0);
    lines.join("\n") + "\n"
}
