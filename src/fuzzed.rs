//! Doors for the fuzz targets: parsers of what strangers bring that nobody else needs from outside. Compiled with
//! `--cfg fuzzing` alone.

#[path = "app/store/view.rs"]
mod view;
#[path = "app/store/view_link.rs"]
mod view_link;

pub use crate::engine::{sum_of, tried_states};
pub use view::View;
