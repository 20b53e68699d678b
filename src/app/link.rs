//! The way to the engine.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
pub mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use native::NativeLink;

use crate::engine::{Command, Event};

/// What comes from the engine's side.
#[derive(Debug)]
pub enum News {
    /// An event of the command under way.
    Event(Event),
    /// The engine died, with the reason; the next command starts another, which has kept nothing.
    Lost(String),
}

/// An engine that carries out one command at a time, elsewhere.
pub trait Link {
    /// Gives the engine a command; never while another one is under way.
    fn send(&mut self, command: Command);

    /// Asks the command under way to stop.
    fn cancel(&mut self);

    /// The next news, if any have come; never waits.
    fn poll(&mut self) -> Option<News>;
}
