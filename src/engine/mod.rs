//! The whole run as a stream: a [`Command`] in, [`Event`]s out.
//!
//! Messages are serde values and nothing is shared, so that the engine can live on a thread of its
//! own (native) or in a dedicated Worker with its own device (browser).

mod message;

pub use message::*;
