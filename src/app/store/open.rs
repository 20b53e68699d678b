//! Reports and views that a reader brings.

use super::{Origin, Run, Store, View};
use crate::report::{Report, parse};

/// A report from JSON text, and what to call it; `file` is the file's name.
///
/// # Errors
/// Why it is none, in one sentence that does not begin with the file's name.
pub(super) fn read_report(file: &str, json: &str) -> Result<(String, Report), String> {
    let report = parse(json, file).map_err(|error| {
        let reason = error.to_string();
        let named = reason.strip_prefix(file);
        let bare = named.and_then(|rest| rest.strip_prefix(": "));
        bare.unwrap_or(&reason).to_owned()
    })?;
    let name = match file.strip_suffix(".json").unwrap_or(file) {
        // What `mirscope measure` and the export call every report tells none from another.
        "" | "report" | "mirscope-report" => report.model.name.clone(),
        stem => stem.to_owned(),
    };
    Ok((name, report))
}

impl Store {
    /// Selects what a link says, as far as the run has it that the link names. Where it names none, a run that is
    /// not recorded stays.
    pub fn restore(&mut self, view: View) {
        let recorded = |run: &Run| run.origin == Origin::Recorded;
        let named = |run: &Run| recorded(run) && run.name == view.run;
        let named = self.runs.iter().position(named);
        let own = self.run().is_some_and(|run| !recorded(run));
        let index = named.unwrap_or(if own { self.current } else { 0 });
        self.view = view.clamped();
        self.show(index);
    }

    /// Selects a layer, from 1 on: the last one of the shown run where that has fewer, as a click on another run's
    /// may ask for.
    pub fn select_layer(&mut self, layer: usize) {
        let most = self.report().map_or(1, |report| report.layers.len());
        self.view.layer = layer.clamp(1, most.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = include_str!("../../../assets/demo/report.json");

    #[test]
    fn a_report_is_called_after_its_file_or_its_model() {
        let (name, report) = read_report("my run.json", REPORT).unwrap();
        assert_eq!(name, "my run");
        assert_eq!(report.layers.len(), 6);
        for file in ["report.json", ".json", "mirscope-report.json"] {
            assert_eq!(read_report(file, REPORT).unwrap().0, report.model.name);
        }
    }

    #[test]
    fn what_is_no_report_is_refused_with_the_reason() {
        for (json, reason) in [
            ("", "expected a report"),
            (
                "{\"schema\": 99}",
                "expected a report with `schema` 1 to 2, found 99",
            ),
            ("[[[[[[[[", "expected a report"),
        ] {
            let error = read_report("a.json", json).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
        for (mir, reason) in [
            (
                "9e999",
                "expected a report of mirscope, found something else in `mir`",
            ),
            (
                "0.5",
                "`mir` is 0.5, but log10 of the sum of its `layers` is 0.82",
            ),
        ] {
            let mir = format!("\"mir\": {mir}, \"x\": 0.");
            let spoiled = REPORT.replacen("\"mir\": 0.", &mir, 1);
            let error = read_report("a.json", &spoiled).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn a_link_of_a_deeper_model_selects_the_last_layer() {
        let mut store = Store::new();
        store.restore(View::from_link("#layer=99&inputs=true"));
        assert_eq!(store.view.layer, store.report().unwrap().layers.len());
        assert!(store.view.inputs);
        // As a click on the curve of a deeper model asks.
        for (asked, selected) in [(99, 6), (0, 1), (3, 3)] {
            store.select_layer(asked);
            assert_eq!(store.view.layer, selected);
        }
        store.restore(View {
            vision_scale: f64::NAN,
            ..View::default()
        });
        assert_eq!(store.view.vision_scale, 1.0);
    }

    #[test]
    fn a_link_names_a_recorded_run() {
        let mut store = Store::new();
        assert_eq!(store.view.to_link(), "#");
        store.show(2);
        let (link, name) = (store.view.to_link(), store.run().unwrap().name.clone());
        store.restore(View::default());
        assert_eq!(store.current, 0);
        store.restore(View::from_link(&link));
        assert_eq!(store.run().unwrap().name, name);
        store.restore(View::from_link("#run=nothing"));
        assert_eq!((store.current, store.view.to_link().as_str()), (0, "#"));
        // The reader's own has no name in links, and is not taken away by one.
        let report = store.report().unwrap().clone();
        store.add("own".to_owned(), Origin::Opened, report);
        assert_eq!(store.view.to_link(), "#");
        store.restore(View::from_link("#tab=compare"));
        assert_eq!(store.run().unwrap().name, "own");
    }
}
