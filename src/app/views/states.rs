//! What a view shows in place of what it lacks: a call to run, a wait, a refusal.

use eframe::egui;

use crate::app::{
    store::{Answer, Store, Tab},
    theme,
};

/// Why something cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The engine has been asked.
    Waiting,
    /// Nobody can be asked.
    NotLive,
    /// The engine refused, with its reason.
    Refused(String),
}

impl Missing {
    /// Why the answer is not known; nothing if it is.
    pub fn of<T>(answer: &Answer<'_, T>) -> Option<Self> {
        match answer {
            Answer::Known(_) => None,
            Answer::Waiting => Some(Self::Waiting),
            Answer::NotLive => Some(Self::NotLive),
            Answer::Refused(reason) => Some(Self::Refused((*reason).to_owned())),
        }
    }
}

/// What the reader asked for in place of what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Measure the demo on this device.
    RunDemo,
    /// Choose what to measure.
    ChooseData,
}

impl Wish {
    /// Carries the wish out.
    pub fn carry_out(self, store: &mut Store) {
        match self {
            Self::RunDemo => {
                let connector = store.report().and_then(demo_connector).flatten();
                store.run_demo(connector, None);
            }
            Self::ChooseData => store.view.tab = Tab::Data,
        }
    }
}

/// The demo's connector that a report was measured with; nothing if it is not of the demo, and no name
/// for the trained one.
pub fn demo_connector(report: &crate::report::Report) -> Option<Option<String>> {
    let rest = report.model.name.strip_prefix("mirscope demo")?;
    match rest.strip_prefix(", connector ") {
        Some(name) => Some(Some(name.to_owned())),
        None => rest.is_empty().then_some(None),
    }
}

/// Shows what is missing: `what` names it in a sentence, "the words of this patch" for example.
pub fn missing(ui: &mut egui::Ui, store: &Store, missing: &Missing, what: &str) -> Option<Wish> {
    match missing {
        Missing::Waiting => {
            ui.horizontal(|ui| {
                // Where motion is reduced the words say it.
                if ui.style().animation_time > 0.0 {
                    ui.spinner();
                }
                ui.label(format!("Computing {what}..."));
            });
            None
        }
        Missing::Refused(reason) => {
            let colors = theme::colors(ui);
            ui.colored_label(colors.alarm, format!("The engine could not give {what}."));
            ui.label(reason.as_str());
            None
        }
        Missing::NotLive => call_to_run(ui, store, what),
    }
}

/// Says why nobody can be asked, with the button that changes it.
fn call_to_run(ui: &mut egui::Ui, store: &Store, what: &str) -> Option<Wish> {
    if store.is_busy() {
        ui.label(format!(
            "A measurement is under way. When it is done, {what} can be asked for."
        ));
        return None;
    }
    let of_the_demo = store.report().and_then(demo_connector).is_some();
    if of_the_demo {
        ui.label(format!(
            "This is a recording, and {what} is not part of it. Run the demo on this device to look \
             inside: it takes seconds to minutes, and nothing leaves your machine."
        ));
        let run = ui.button("Run on this device");
        run.clicked().then_some(Wish::RunDemo)
    } else {
        ui.label(format!(
            "The model of this run is not loaded, so {what} cannot be computed. Measure it here to \
             look inside."
        ));
        let choose = ui.button("Choose model and data");
        choose.clicked().then_some(Wish::ChooseData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::store::Store;

    #[test]
    fn connectors_are_read_from_the_models_name() {
        let store = Store::new();
        let mut report = store.report().cloned().unwrap();
        assert_eq!(demo_connector(&report), Some(None));
        report.model.name = "mirscope demo, connector halfway".to_owned();
        assert_eq!(demo_connector(&report), Some(Some("halfway".to_owned())));
        report.model.name = "mirscope demonstration".to_owned();
        assert_eq!(demo_connector(&report), None);
        report.model.name = "llava".to_owned();
        assert_eq!(demo_connector(&report), None);
    }
}
