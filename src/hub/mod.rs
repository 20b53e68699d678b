//! Checkpoints of a model hub: what a repository's id means, which of its files a checkpoint needs, and
//! what the hub's answers say.
//!
//! What stands here is the same natively and in a page and needs no network: [`RepoId`],
//! [`Listing::parse`], [`FetchPlan::new`], [`FileHasher`], [`check_content`], [`HubError`]. Whoever
//! fetches (`native`, with the feature `hub`; `page` in a browser) asks [`api_path`] for the listing, makes a plan of it,
//! takes each file from [`resolve_path`], and uses none before its length and hash were compared.

mod content;
mod error;
mod gguf;
#[cfg(any(feature = "hub", feature = "app"))]
mod hash;
mod id;
mod lent;
mod listing;
#[cfg(all(feature = "hub", not(target_arch = "wasm32")))]
pub mod native;
#[cfg(all(feature = "app", target_arch = "wasm32"))]
pub mod page;
mod plan;
mod wanted;

pub use content::{BEGINNING, check_content};
pub use error::{HubError, Refusal};
#[cfg(any(feature = "hub", feature = "app"))]
pub use hash::FileHasher;
pub use id::{IdError, RepoId, api_path, cached_name, resolve_path};
pub use lent::Lender;
pub use listing::{FileHash, Listing, MAX_LISTING, RepoFile};
pub use plan::{FetchPlan, PlannedFile};
pub use wanted::{Wanted, wanted};
