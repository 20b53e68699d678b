//! The bar at the top: which run is shown, run and cancel, the tabs, what the app can do besides.

use eframe::egui::{self, RichText};

use super::{
    export,
    landmark::{Landmark, mark},
    store::{Origin, Run, Store, Tab},
    theme::{self, colors},
    tour::{self, Chapter},
};

/// Below this width the rarely used controls move into a menu.
const NARROW: f32 = 760.0;

/// Draws the bar.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let frame =
        egui::Frame::side_top_panel(ui.style()).inner_margin(egui::Margin::symmetric(14, 8));
    egui::Panel::top("top bar").frame(frame).show(ui, |ui| {
        let narrow = ui.available_width() < NARROW;
        ui.horizontal(|ui| {
            ui.label(RichText::new("mirscope").heading().strong());
            ui.add_space(4.0);
            if !narrow {
                run_chooser(ui, store);
            }
            run_button(ui, store);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                theme_switch(ui);
                if narrow {
                    ui.menu_button("Menu", |ui| {
                        run_chooser(ui, store);
                        extras(ui, store);
                    });
                } else {
                    extras(ui, store);
                }
            });
        });
        ui.add_space(2.0);
        egui::ScrollArea::horizontal()
            .id_salt("tabs")
            .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
            .show(ui, |ui| {
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
    let mut chosen = None;
    egui::containers::menu::MenuButton::from_button(button)
        .ui(ui, |ui| {
            for chapter in Chapter::ALL {
                let entry = ui.button(chapter.title());
                if entry.on_hover_text(chapter.about()).clicked() {
                    chosen = Some(chapter);
                    ui.close();
                }
            }
        })
        .0
        .on_hover_text("What there is to see, two minutes each");
    if let Some(chapter) = chosen {
        tour::start(ui.ctx(), store, chapter);
        ui.close();
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
        .width(210.0)
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
