//! How a command can end other than well.

use crate::{
    engine::{EngineError, Event},
    report::ReportError,
    study::StudyError,
    words::printable,
};

use super::{
    color::{ColorChoice, stderr_has_color},
    terminal::say,
};

/// How a command can end other than well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file the user named cannot be used.
    #[error("{0}")]
    Input(String),
    /// The engine failed.
    #[error("{0}")]
    Failed(String),
    /// The engine could not be started.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A report could not be read or written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A study's files could not be read or written.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A check found something wrong on this adapter.
    #[error(
        "adapter `{0}` computes wrongly, see above; update its driver or choose another with --adapter"
    )]
    Wrong(String),
    /// The result could not be printed.
    #[error("cannot print the result: {0}")]
    Print(std::io::Error),
    /// Ctrl-C.
    #[error("cancelled, nothing was written")]
    Cancelled,
    /// Ctrl-C while a shard's states were saved.
    #[error("cancelled; the same command goes on where this one stopped")]
    ShardCancelled,
    /// Ctrl-C while a study was measured.
    #[error(
        "cancelled; {done} of {total} checkpoints are measured, and the same command goes on from there"
    )]
    StudyCancelled {
        /// Measured ones.
        done: usize,
        /// All.
        total: usize,
    },
    /// `inspect` found what stands in the way of `measure`, and has said so.
    #[error("the checkpoint cannot be measured")]
    Unfit,
    /// The reader of stdout went away, as `head` does.
    #[error("the reader of the output went away")]
    ClosedPipe,
}

impl CliError {
    /// For an event that does not answer the command; only a fault of ours can cause it.
    pub(crate) fn unexpected(event: &Event) -> Self {
        Self::Failed(format!("the engine gave an unexpected answer: {event:?}"))
    }

    /// The program's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Usage(_) => 2,
            Self::Cancelled | Self::ShardCancelled | Self::StudyCancelled { .. } => 130,
            Self::Input(_)
            | Self::Unfit
            | Self::Failed(_)
            | Self::Engine(_)
            | Self::Report(_)
            | Self::Study(_)
            | Self::Wrong(_)
            | Self::Print(_) => 1,
        }
    }

    /// Says it on stderr.
    pub(crate) fn tell(&self, color: ColorChoice) {
        let (red, plain) = if stderr_has_color(color) {
            ("\u{1b}[1;31m", "\u{1b}[0m")
        } else {
            ("", "")
        };
        let sentence = self.to_string();
        let sentence = printable(&sentence);
        match self {
            Self::ClosedPipe | Self::Unfit => {}
            Self::Cancelled | Self::ShardCancelled | Self::StudyCancelled { .. } => say(&sentence),
            Self::Usage(_) => {
                say(&format!(
                    "{red}error:{plain} {sentence}\n\nFor more information, try '--help'."
                ));
            }
            _ => say(&format!("{red}error:{plain} {sentence}")),
        }
    }
}
