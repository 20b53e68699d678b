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
    /// Measure what is shown on this device.
    Run,
    /// Choose what to measure.
    ChooseData,
}

impl Wish {
    /// Carries the wish out.
    pub fn carry_out(self, store: &mut Store) {
        match self {
            Self::Run => store.run_shown(),
            Self::ChooseData => store.view.tab = Tab::Data,
        }
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
    if let Some(model) = store.runs_again() {
        ui.label(format!(
            "This is a recording, and {what} is not part of it. Run {model} on this device to look \
             inside: it takes seconds to minutes, and nothing leaves your machine."
        ));
        let run = ui.button("Run on this device");
        run.clicked().then_some(Wish::Run)
    } else {
        ui.label(format!(
            "The model of this run is not loaded, so {what} cannot be computed. Measure it here to \
             look inside."
        ));
        let choose = ui.button("Choose model and data");
        choose.clicked().then_some(Wish::ChooseData)
    }
}
