//! The runs that are there before anything was measured.

use super::{Origin, Store};
use crate::report::parse;

/// The demo's recorded report.
const REPORT: &str = include_str!("../../../assets/demo/report.json");

impl Store {
    /// Adds the recorded runs of the demo.
    pub(super) fn add_recorded(&mut self) {
        match parse(REPORT, "report.json") {
            Ok(report) => {
                self.add("Demo".to_owned(), Origin::Recorded, report);
            }
            Err(error) => self.alarm(error.to_string()),
        }
    }
}
