//! The bar at the top: which run is shown, run and cancel, the tabs, what the app can do besides.

use eframe::egui::{self, RichText};

use super::{
    export, fold,
    landmark::{Landmark, mark},
    sideways,
    store::{Origin, Run, Store, Tab},
    theme::{self, colors},
    tour::{self, Chapter},
};

/// Below this width the rarely used controls move into a menu.
const NARROW: f32 = 760.0;
/// Below this width the button that measures has a line of its own.
const TINY: f32 = 300.0;

/// Draws the bar.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let frame =
        egui::Frame::side_top_panel(ui.style()).inner_margin(egui::Margin::symmetric(14, 8));
    egui::Panel::top("top bar").frame(frame).show(ui, |ui| {
        let narrow = ui.available_width() < NARROW;
        let tiny = ui.available_width() < TINY;
        ui.horizontal(|ui| {
            ui.label(RichText::new("mirscope").heading().strong());
            ui.add_space(4.0);
            if !narrow {
                run_chooser(ui, store);
            }
            if !tiny {
                run_button(ui, store);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if !tiny {
                    theme_switch(ui);
                }
                if narrow {
                    export::open_menu(ui, "Menu", |ui| {
                        run_chooser(ui, store);
                        if tiny {
                            ui.horizontal(|ui| {
                                theme_switch(ui);
                                ui.label("Colors");
                            });
                        }
                        fold::show(ui, "chapters", "Chapters", false, |ui| chapters(ui, store));
                        fold::show(ui, "export", "Export", false, |ui| {
                            export::content(ui, store)
                        });
                    });
                } else {
                    extras(ui, store);
                }
            });
        });
        if tiny {
            run_button(ui, store);
        }
        ui.add_space(2.0);
        let hidden = egui::scroll_area::ScrollBarVisibility::AlwaysHidden;
        let area = egui::ScrollArea::horizontal().scroll_bar_visibility(hidden);
        sideways::show(ui, "tabs", area, |ui| {
            let tabs = ui.horizontal(|ui| {
                for tab in Tab::ALL {
                    tab_label(ui, store, tab);
                }
            });
            mark(ui, Landmark::Tabs, tabs.response.rect);
        });
    });
}

/// What the app can do besides.
fn extras(ui: &mut egui::Ui, store: &mut Store) {
    export::menu(ui, store);
    let mut button = egui::Button::new("Chapters");
    if !store.tour_seen {
        // Newcomers find it.
        button = button.stroke(egui::Stroke::new(1.5, colors(ui).accent));
    }
    egui::containers::menu::MenuButton::from_button(button)
        .ui(ui, |ui| chapters(ui, store))
        .0
        .on_hover_text("What there is to see, two minutes each");
}

/// The chapters, in a menu.
fn chapters(ui: &mut egui::Ui, store: &mut Store) {
    for chapter in Chapter::ALL {
        let entry = ui.button(chapter.title());
        if entry.on_hover_text(chapter.about()).clicked() {
            tour::start(ui.ctx(), store, chapter);
            ui.close();
        }
    }
}

/// One tab, underlined where it is the one shown.
fn tab_label(ui: &mut egui::Ui, store: &mut Store, tab: Tab) {
    let chosen = store.view.tab == tab;
    let colors = colors(ui);
    let text = RichText::new(tab.title());
    let text = if chosen {
        text.strong().color(colors.accent)
    } else {
        text.color(colors.faint)
    };
    let button = egui::Button::new(text)
        .frame_when_inactive(false)
        .selected(false);
    let response = ui.add(button);
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Tab, true, chosen, tab.title()));
    if chosen {
        let id = egui::Id::unique("tab in sight");
        let before = ui.data_mut(|data| data.get_temp(id));
        if before != Some(tab.title()) {
            ui.data_mut(|data| data.insert_temp(id, tab.title()));
            ui.scroll_to_rect(response.rect, Some(egui::Align::Center));
        }
        let rect = response.rect;
        ui.painter().hline(
            rect.x_range().shrink(8.0),
            rect.bottom() + 1.0,
            egui::Stroke::new(2.0, colors.accent),
        );
    }
    if response.clicked() {
        store.view.tab = tab;
    }
}

/// Which run is shown.
fn run_chooser(ui: &mut egui::Ui, store: &mut Store) {
    let current = store.run().map(described).unwrap_or_default();
    let mut chosen = store.current;
    egui::ComboBox::from_id_salt("run")
        .selected_text(current)
        .width(ui.available_width().min(210.0))
        .truncate()
        .show_ui(ui, |ui| {
            for (index, run) in store.runs.iter().enumerate() {
                ui.selectable_value(&mut chosen, index, described(run));
            }
        })
        .response
        .on_hover_text("The run that is shown");
    if chosen != store.current {
        store.show(chosen);
    }
}

/// A run's name and where it comes from.
fn described(run: &Run) -> String {
    match run.origin {
        Origin::Recorded => format!("{} (recorded)", run.name),
        Origin::Measured => run.name.clone(),
        Origin::Opened => format!("{} (opened)", run.name),
    }
}

/// Starts or stops a measurement.
fn run_button(ui: &mut egui::Ui, store: &mut Store) {
    if store.is_busy() {
        let button = egui::Button::new("Cancel");
        if ui
            .add(button)
            .on_hover_text("Stop the measurement (Esc)")
            .clicked()
        {
            store.cancel();
        }
        return;
    }
    let button = ui
        .add(theme::primary(ui, "Run on this device"))
        .on_hover_text(format!(
            "Measure {} here, on your own device. Nothing is uploaded.",
            store.runs_again().unwrap_or("the demo")
        ));
    mark(ui, Landmark::Run, button.rect);
    if button.clicked() {
        store.run_shown();
    }
}

/// Light or dark.
fn theme_switch(ui: &mut egui::Ui) {
    let dark = ui.visuals().dark_mode;
    let (icon, label) = if dark {
        (theme::Icon::Sun, "Light colors")
    } else {
        (theme::Icon::Moon, "Dark colors")
    };
    if theme::icon_button(ui, icon, label).clicked() {
        ui.ctx().set_theme(if dark {
            egui::Theme::Light
        } else {
            egui::Theme::Dark
        });
    }
}
