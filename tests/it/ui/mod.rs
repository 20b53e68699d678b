//! The app, driven through its accessibility tree.

mod eyes;
mod made_up;
mod support;
