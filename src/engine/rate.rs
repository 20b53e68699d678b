//! The Modality Integration Rate as one of those that take states.

use crate::{
    alignment::{AlignmentError, Mir, Second, Streamed},
    gpu::{Recording, Tensor},
    platform::Cancel,
};

/// The Modality Integration Rate's way with the tokens.
pub(super) enum Rate<'a> {
    /// It holds them all.
    Held(&'a mut Mir),
    /// It holds sums of them.
    Streamed(&'a mut Streamed),
    /// It takes them once more, for intervals.
    Second(&'a mut Second),
    /// There is none: the states only go into a file.
    Nobody,
}

impl Rate<'_> {
    /// Whether a pair with so many tokens (vision, text) can come before [`Rate::settle`].
    pub(super) fn has_room(&self, tokens: [usize; 2]) -> bool {
        match self {
            Self::Held(_) | Self::Nobody => true,
            Self::Streamed(streamed) => streamed.has_room(tokens),
            Self::Second(second) => second.has_room(tokens),
        }
    }

    /// Makes room, once what was recorded has run.
    pub(super) async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        match self {
            Self::Held(_) | Self::Nobody => Ok(()),
            Self::Streamed(streamed) => streamed.settle(cancel).await,
            Self::Second(second) => second.settle(cancel).await,
        }
    }

    /// As [`Mir::push_all`].
    pub(super) fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        pairs: &[[Vec<u32>; 2]],
    ) -> Result<(), AlignmentError> {
        let mut each = pairs.iter();
        match self {
            Self::Held(mir) => mir.push_all(recording, states, pairs),
            Self::Streamed(streamed) => {
                each.try_for_each(|[vision, text]| streamed.push(recording, states, vision, text))
            }
            Self::Second(second) => {
                each.try_for_each(|[vision, text]| second.push(recording, states, vision, text))
            }
            Self::Nobody => Ok(()),
        }
    }
}
