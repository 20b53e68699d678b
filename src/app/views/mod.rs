//! One file per tab.

pub mod alignment;
pub mod ask;
pub mod compare;
pub mod data;
pub mod embed;
pub mod eyes;
pub mod fetched;
pub mod on_ruler;
pub mod pipeline;
pub mod reference;
pub mod scale;
pub mod start;
pub mod states;
pub mod study;
pub mod what_if;
