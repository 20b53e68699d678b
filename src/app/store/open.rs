//! Reports and views that a reader brings.

use super::{Origin, Store, View};
use crate::report::parse;

/// Largest report that is read, in bytes; one layer takes less than a thousand.
const LARGEST: usize = 16 << 20;

impl Store {
    /// Opens a report and shows it; `name` is the file's. Where that fails the reason is told among the
    /// messages. Returns whether it was opened.
    pub fn open_report(&mut self, name: &str, bytes: &[u8]) -> bool {
        if bytes.len() > LARGEST {
            self.alarm(format!(
                "{name}: expected a report of at most {} MiB, found {} MiB.",
                LARGEST >> 20,
                bytes.len() >> 20
            ));
            return false;
        }
        let Ok(json) = std::str::from_utf8(bytes) else {
            self.alarm(format!(
                "{name}: expected a report as JSON text, found bytes that are no UTF-8."
            ));
            return false;
        };
        // JSON knows no NaN and no infinity, but 1e999 reads as one.
        let report = parse(json, name).and_then(|report| report.check_finite().map(|()| report));
        match report {
            Ok(report) => {
                let stem = name.strip_suffix(".json").unwrap_or(name);
                let shown = match stem {
                    "" | "report" => report.model.name.clone(),
                    stem => stem.to_owned(),
                };
                self.add(shown, Origin::Opened, report);
                true
            }
            Err(error) => {
                self.alarm(format!("{error}."));
                false
            }
        }
    }

    /// Selects what a link says, as far as the run that is shown has it.
    pub fn restore(&mut self, view: View) {
        self.view = view;
        self.show(self.current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &[u8] = include_bytes!("../../../assets/demo/report.json");

    #[test]
    fn a_report_is_opened_and_shown() {
        let mut store = Store::new();
        let before = store.runs.len();
        assert!(store.open_report("my run.json", REPORT));
        assert_eq!(store.runs.len(), before + 1);
        let run = store.run().unwrap();
        assert_eq!((run.name.as_str(), run.origin), ("my run", Origin::Opened));
        assert!(store.messages.is_empty());
        assert!(store.open_report("report.json", REPORT));
        let model = store.report().unwrap().model.name.clone();
        assert_eq!(store.run().unwrap().name, model);
    }

    #[test]
    fn what_is_no_report_is_refused_by_name() {
        let mut store = Store::new();
        let before = store.runs.len();
        let infinite = String::from_utf8(REPORT.to_vec()).unwrap();
        let infinite = infinite.replacen("\"mir\": 0.", "\"mir\": 9e999, \"x\": 0.", 1);
        let cases: [(&[u8], &str); 5] = [
            (b"", "a.json: expected a report"),
            (
                b"{\"schema\": 99}",
                "a.json: expected a report with `schema` 1, found 99",
            ),
            (b"\xff\xfe", "a.json: expected a report as JSON text"),
            (b"[[[[[[[[", "a.json: expected a report"),
            (infinite.as_bytes(), ""),
        ];
        for (bytes, reason) in cases {
            assert!(!store.open_report("a.json", bytes));
            let message = store.messages.pop().unwrap();
            assert!(
                message.alarm && message.text.starts_with(reason),
                "{message:?}"
            );
        }
        let large = vec![b' '; LARGEST + 1];
        assert!(!store.open_report("a.json", &large));
        assert_eq!(store.runs.len(), before);
    }

    #[test]
    fn a_link_of_a_deeper_model_selects_the_last_layer() {
        let mut store = Store::new();
        store.restore(View::from_link("#layer=99&inputs=true"));
        assert_eq!(store.view.layer, store.report().unwrap().layers.len());
        assert!(store.view.inputs);
    }
}
