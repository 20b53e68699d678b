//! What is asked of each run beside its pairs and clouds: the words of every patch, patches on their way, and the
//! run under other assumptions.

use super::{Recorder, failed};
use crate::{
    cli::error::CliError,
    engine::{Command, Event, Explore},
    report::{LogitLens, TokenKind},
    study::{RecordedPath, RecordedWhatIfs},
};

/// Patches that are followed through the model, all of the first pair.
const FOLLOWED: usize = 2;

impl Recorder {
    /// The words of all patches of the first `told` pairs.
    pub(super) fn lenses(&mut self, told: usize) -> Result<Vec<LogitLens>, CliError> {
        let vision = |(index, pair): (usize, &crate::report::PairView)| {
            let tokens = pair.tokens.iter().enumerate();
            let vision = tokens.filter(|(_, token)| token.kind == TokenKind::Vision);
            vision
                .map(|(position, _)| (index, position))
                .collect::<Vec<_>>()
        };
        let pairs = self.pairs.iter().take(told).enumerate();
        let wanted: Vec<(usize, usize)> = pairs.flat_map(vision).collect();
        let lenses = wanted.into_iter();
        lenses
            .map(|(pair, position)| self.lens(pair, position))
            .collect()
    }

    /// What becomes of the patches of the first pair that are surest of a word.
    pub(super) fn paths(&mut self) -> Result<Vec<RecordedPath>, CliError> {
        let first = self.patches.iter().filter(|(pair, _)| *pair == 0);
        let wanted: Vec<(usize, usize)> = first.take(FOLLOWED).copied().collect();
        let mut paths = Vec::new();
        for (pair, position) in wanted {
            match self.ask(Command::Explore(Explore::Path { pair, position }))? {
                Event::Path(path) => paths.push(RecordedPath::from(&*path)),
                other => return Err(CliError::unexpected(&other)),
            }
        }
        Ok(paths)
    }

    /// The run under the assumptions that the app offers, over at most so many pairs.
    pub(super) fn what_ifs(&mut self, num_pairs: usize) -> Result<RecordedWhatIfs, CliError> {
        let mut answers = Vec::new();
        for question in RecordedWhatIfs::questions(num_pairs) {
            match self.ask(Command::Explore(Explore::WhatIf(question)))? {
                Event::WhatIf(answer) => answers.push(*answer),
                other => return Err(CliError::unexpected(&other)),
            }
        }
        RecordedWhatIfs::new(num_pairs, &answers).map_err(failed)
    }
}
