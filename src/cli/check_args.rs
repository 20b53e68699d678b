//! The arguments of `check`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{
    device_args::Device,
    error::CliError,
    model_args::{Network, Parts, model_source},
};
use crate::engine::{Against, CheckRequest, Command};

const CHECK_EXAMPLES: &str = "\
Examples:
  mirscope check
      every kernel against its CPU twin, and the demo's number against the recorded one
  mirscope check --golden tests/golden --adapter nvidia --json
  mirscope check --adapter 1              the second that `mirscope adapters` lists

Exit codes: 0 all is right, 1 something is wrong, 2 wrong usage, 130 cancelled.";

/// Arguments of `check`.
#[derive(Debug, ClapArgs)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// Folder of small checkpoints with the states that transformers gives, like tests/golden
    #[arg(long, value_name = "FOLDER")]
    golden: Option<PathBuf>,
    /// Check the kernels (and what --golden names), not the demo's number
    #[arg(long)]
    kernels: bool,
    /// Check only what --golden names
    #[arg(long, requires = "golden", conflicts_with = "kernels")]
    states_only: bool,
    /// Instead of all that: this checkpoint [default: the demo] against --against
    #[arg(long, value_name = "DIR|ID", requires = "against")]
    model: Option<PathBuf>,
    #[command(flatten)]
    network: Network,
    /// Hidden states of the same checkpoint that tools/export_states.py wrote with PyTorch
    #[arg(long, value_name = "STATES.safetensors", conflicts_with_all = ["golden", "kernels"])]
    against: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the JSON into a file as well
    #[arg(long, value_name = "FILE.json")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    device: Device,
}

impl Check {
    /// The engine's command.
    ///
    /// # Errors
    /// There is no such checkpoint or file of states.
    pub(crate) fn command(&self) -> Result<Command, CliError> {
        let against = match &self.against {
            None => None,
            Some(states) if states.is_file() => Some(Against {
                model: model_source(self.model.as_ref(), &Parts::default(), self.network.offline)?,
                states: states.clone(),
            }),
            Some(states) => {
                return Err(CliError::Input(format!(
                    "{}: expected a file of states, found {}",
                    states.display(),
                    if states.exists() {
                        "a folder"
                    } else {
                        "nothing"
                    }
                )));
            }
        };
        Ok(Command::Check(Box::new(CheckRequest {
            device: self.device.settings(),
            golden: self.golden.clone(),
            kernels_only: self.kernels,
            states_only: self.states_only,
            against,
            ..CheckRequest::default()
        })))
    }
}
