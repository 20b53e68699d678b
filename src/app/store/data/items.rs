//! Images and texts one by one.

use crate::platform::PickedFile;

/// A file with what became of it.
#[derive(Clone, Debug)]
pub struct Item<T> {
    /// Names the item as long as the app is open.
    pub number: u64,
    /// The file.
    pub file: PickedFile,
    /// What became of it.
    pub state: ItemState<T>,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemState<T> {
    /// It will be looked at.
    Queued,
    /// It is being read.
    Reading,
    /// It can be run.
    Ready(T),
    /// It cannot, with the reason.
    Wrong(String),
}

impl<T> Item<T> {
    pub(super) fn new(number: u64, file: PickedFile) -> Self {
        Self {
            number,
            file,
            state: ItemState::Queued,
        }
    }

    /// What it holds, once it was found good.
    pub fn ready(&self) -> Option<&T> {
        match &self.state {
            ItemState::Ready(content) => Some(content),
            _ => None,
        }
    }

    /// Why it cannot be run.
    pub fn wrong(&self) -> Option<&str> {
        match &self.state {
            ItemState::Wrong(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether it was not looked at yet.
    pub fn is_open(&self) -> bool {
        matches!(self.state, ItemState::Queued | ItemState::Reading)
    }
}
