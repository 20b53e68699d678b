//! The whole run as a stream: a [`Command`] in, [`Event`]s out.
//!
//! [`Session`] is the engine, and [`run`] a session for one command: one async function without threads, clocks of its own or blocking, so
//! that it lives on a thread of its own natively ([`spawn`]) and in a dedicated Worker with its own
//! device in the browser. Messages are serde values and nothing is shared but a
//! [`Cancel`](crate::platform::Cancel) flag.

mod ask;
mod bench;
mod check;
mod checkpoint;
mod content_words;
mod definitions;
mod demo;
mod describe;
mod error;
#[cfg(test)]
mod faults;
#[cfg(not(target_arch = "wasm32"))]
mod fingerprint;
mod finite;
mod forward;
mod hub;
mod inspect;
mod measure;
mod message;
mod metric;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod news;
mod outcome;
mod pair_list;
mod pairs;
mod prepare;
mod question;
mod rate;
mod run;
mod samples;
mod select;
mod session;
mod settings;
mod shard;
mod source;
mod states_file;
mod streamed;
mod study;
mod study_files;
mod sum;
mod text_file;
mod thumbnail;
mod vocabulary;
mod without_image;
#[cfg(target_arch = "wasm32")]
pub mod worker;

pub use crate::alignment::FEWER_PAIRS;
#[cfg(all(feature = "app", not(target_arch = "wasm32")))]
pub use crate::gpu::window_adapter;
pub use crate::report::MetricChoice;
pub use ask::{AskRequest, Exchange, SamplingSettings, TalkQuestion};
pub use bench::random_checkpoint;
pub use demo::{DemoConnector, demo_connectors};
pub use error::EngineError;
#[cfg(not(target_arch = "wasm32"))]
pub use fingerprint::Fingerprints;
pub use message::*;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Running, spawn};
pub use pair_list::{FOLDER_LIST, Listed, PairLine, Shown, TurnLine, pair_lines, portable_path};
pub use question::Explore;
pub use run::run;
pub use select::{SplitMix64, join, select};
pub use session::Session;
pub use settings::{Extra, MeasureSettings};
pub(crate) use shard::refused_shard;
pub use shard::{MergeRequest, Shard, ShardRequest, ShardSummary};
pub use source::*;
#[cfg(fuzzing)]
pub use states_file::tried as tried_states;
#[cfg(fuzzing)]
pub use sum::of_bytes as sum_of;
pub use text_file::{TEXT_EXTENSIONS, text_in_file};
pub use thumbnail::thumbnail;
