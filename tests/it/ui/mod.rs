//! The app, driven through its accessibility tree.

mod alignment;
mod ask;
mod ask_really;
mod data;
mod documents;
mod eyes;
mod frame;
mod hub;
mod made_up;
mod quantities;
mod recorded;
mod snapshots;
mod start;
mod study;
mod support;
mod tour;
mod what_if;
