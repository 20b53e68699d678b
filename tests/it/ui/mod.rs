//! The app, driven through its accessibility tree.

mod alignment;
mod ask;
mod ask_really;
mod data;
mod documents;
mod eyes;
mod focus;
mod frame;
mod goals;
mod hub;
mod made_up;
mod quantities;
mod recorded;
mod riddle;
mod scale;
mod sideways;
mod snapshots;
mod start;
mod steps;
mod study;
mod support;
mod tour;
mod what_if;
mod words;
