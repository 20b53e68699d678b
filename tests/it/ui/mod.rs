//! The app, driven through its accessibility tree.

mod eyes;
mod frame;
mod made_up;
mod snapshots;
mod support;
