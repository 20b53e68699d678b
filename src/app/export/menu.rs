//! The menu of things to take home.

use eframe::egui;

use super::{Document, Image, Plot, link, save_plot, save_report, save_study};
use crate::app::{
    store::{Message, Store, View},
    theme,
};

/// Draws the menu's button, and the menu while it is open.
pub fn menu(ui: &mut egui::Ui, store: &mut Store) {
    ui.menu_button("Export", |ui| {
        ui.set_min_width(280.0);
        ui.label("Plots");
        for plot in Plot::ALL {
            row(ui, store, plot);
        }
        cards(ui, store);
        ui.separator();
        for document in Document::ALL {
            let button = ui.add_enabled(store.run().is_some(), egui::Button::new(document.words()));
            if button.clicked() {
                save_report(store, document, waker(ui));
                ui.close();
            }
        }
        if store.shown_study().is_some() {
            let study = [
                (Document::Csv, "Study as CSV"),
                (Document::Json, "Study as JSON"),
            ];
            for (document, words) in study {
                if ui.button(words).clicked() {
                    save_study(store, document, waker(ui));
                    ui.close();
                }
            }
        }
        ui.separator();
        let about = "Tab, layer and settings; no data are in it.";
        let button = ui.button("Copy a link to this view");
        if button.on_hover_text(about).clicked() {
            ui.ctx().copy_text(link(store));
            store.messages.push(Message {
                text: "A link to this view is on the clipboard.".to_owned(),
                alarm: false,
            });
            ui.close();
        }
        open_link(ui, store);
    });
}

/// The charts of the claims' cards, in a menu of their own: there are many.
fn cards(ui: &mut egui::Ui, store: &mut Store) {
    let there: Vec<Plot> = Plot::cards().filter(|plot| plot.is_there(store)).collect();
    if there.is_empty() {
        return;
    }
    ui.menu_button("Cards of the claims", |ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            for plot in there {
                row(ui, store, plot);
            }
        });
    });
}

/// A plot's name with a button for each form; a plot of nothing is left out.
fn row(ui: &mut egui::Ui, store: &mut Store, plot: Plot) {
    if !plot.is_there(store) {
        return;
    }
    ui.horizontal(|ui| {
        ui.label(plot.words());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            for (image, name) in [(Image::Svg, "SVG"), (Image::Png, "PNG")] {
                let button = ui.button(name);
                let label = format!("{} as {name}", plot.words());
                button.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), &label)
                });
                if button.clicked() {
                    save_plot(store, plot, image, theme::palette(ui), waker(ui));
                    ui.close();
                }
            }
        });
    });
}

/// A box for a link that somebody copied.
fn open_link(ui: &mut egui::Ui, store: &mut Store) {
    let id = ui.scope_id().with("link");
    let mut text: String = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let label = ui.label("Open a link");
    let field = egui::TextEdit::singleline(&mut text)
        .hint_text("#tab=eyes&layer=3")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).labelled_by(label.id);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if entered && !text.trim().is_empty() {
        store.restore(View::from_link(&text));
        text.clear();
        ui.close();
    }
    ui.data_mut(|data| data.insert_temp(id, text));
}

/// Asks for a frame when a file is made or saved.
fn waker(ui: &egui::Ui) -> impl FnOnce() + Send + 'static {
    let context = ui.ctx().clone();
    move || context.request_repaint()
}

#[cfg(test)]
mod tests {
    use eframe::egui::Role;
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::app::store::Tab;

    fn open() -> Harness<'static, Store> {
        opened(Store::new())
    }

    fn opened(store: Store) -> Harness<'static, Store> {
        let mut harness = Harness::builder()
            .with_size(egui::vec2(900.0, 900.0))
            .build_ui_state(menu, store);
        harness.get_by_label("Export").click();
        harness.run();
        harness
    }

    #[test]
    fn plots_and_reports_are_made_away_from_the_frame() {
        for label in ["Distance by layer as PNG", "Report as a page (HTML)"] {
            let mut harness = open();
            harness.get_by_label(label).click();
            harness.run();
            assert!(harness.state().is_saving(), "{label}");
            // The menu has closed.
            assert!(harness.query_by_label(label).is_none());
        }
    }

    #[test]
    fn the_cards_of_the_claims_have_a_menu_of_their_own() {
        for form in ["SVG", "PNG"] {
            let mut store = Store::new();
            let cards = "Cards of the claims";
            assert!(open().query_by_label_contains(cards).is_none());
            for _ in 0..1000 {
                store.poll_studies(|| {});
                std::thread::sleep(std::time::Duration::from_millis(10));
                if Plot::cards().all(|plot| plot.is_there(&store)) {
                    break;
                }
            }
            let mut harness = opened(store);
            harness.get_by_label_contains(cards).click();
            harness.run();
            let label = format!("Does MoCa help? as {form}");
            harness.get_by_label(&label).click();
            harness.run();
            assert!(harness.state().is_saving(), "{form}");
            // The menus have closed.
            assert!(harness.query_by_label(&label).is_none());
            assert!(harness.query_by_label_contains(cards).is_none());
        }
    }

    #[test]
    fn a_link_goes_out_and_comes_in() {
        let mut harness = open();
        harness.get_by_label("Copy a link to this view").click();
        harness.run();
        let told = harness.state().messages.last();
        assert!(told.is_some_and(|message| !message.alarm));
        let mut harness = open();
        let field = harness.get_by_role_and_label(Role::TextInput, "Open a link");
        field.focus();
        harness.run();
        let field = harness.get_by_role_and_label(Role::TextInput, "Open a link");
        field.type_text("#tab=compare&layer=4");
        harness.run();
        harness.key_press(egui::Key::Enter);
        harness.run();
        let view = &harness.state().view;
        assert_eq!((view.tab, view.layer), (Tab::Compare, 4));
    }
}
