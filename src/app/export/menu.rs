//! The menu of things to take home.

use eframe::egui::{
    self, PopupCloseBehavior, ScrollArea,
    containers::menu::{MenuButton, MenuConfig},
};

use super::{Image, Plot, group::Group, link, save_plot, save_report, save_study};
use crate::app::{
    downward, fold, letters,
    store::{Message, Store, View},
    theme,
};

/// Width of the menu where there is room.
const WIDTH: f32 = 330.0;
/// Narrower than this a plot's buttons stand below its name.
const NARROW: f32 = 250.0;

/// Draws the menu's button, and the menu while it is open.
pub fn menu(ui: &mut egui::Ui, store: &mut Store) {
    open_menu(ui, "Export", |ui| content(ui, store));
}

/// A button, and while it is open a menu that stays until it is left or something in it is done: higher than the window
/// it scrolls.
pub fn open_menu(ui: &mut egui::Ui, title: &str, content: impl FnOnce(&mut egui::Ui)) {
    let stays = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    MenuButton::new(title).config(stays).ui(ui, |ui| {
        let window = ui.ctx().content_rect().width();
        ui.set_width(letters::grown(ui, WIDTH).min(window - 40.0));
        // The bar above and the menu's frame take about 80 points.
        let most = letters::room_beside(ui, 80.0);
        // A popup is as high as what was in it the frame before.
        let area = ScrollArea::vertical()
            .max_height(most)
            .min_scrolled_height(most);
        downward::show(ui, title, area, |ui| {
            // Nothing lies under the scroll bar.
            ui.set_max_width(ui.available_width() - 8.0);
            content(ui);
        });
    });
}

/// Everything that can be taken home.
pub fn content(ui: &mut egui::Ui, store: &mut Store) {
    for group in Group::ALL {
        of_group(ui, store, group);
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
}

/// The plots and documents of a group, unfolded where they are about what is on the screen; nothing where there are none.
fn of_group(ui: &mut egui::Ui, store: &mut Store, group: Group) {
    let plots: Vec<Plot> = group.plots();
    let plots: Vec<Plot> = (plots.into_iter())
        .filter(|plot| plot.is_there(store))
        .collect();
    if plots.is_empty() {
        return;
    }
    let shown = group.is_shown(&store.view);
    // What was unfolded is about one view.
    fold::show(ui, (group.title(), shown), group.title(), shown, |ui| {
        for plot in plots {
            row(ui, store, plot);
        }
        for (document, words) in group.documents() {
            if ui.button(words).clicked() {
                match group {
                    Group::Checkpoints => save_study(store, document, waker(ui)),
                    _ => save_report(store, document, waker(ui)),
                }
                ui.close();
            }
        }
    });
}

/// A plot's name with a button for each form.
fn row(ui: &mut egui::Ui, store: &mut Store, plot: Plot) {
    let narrow = ui.available_width() < letters::grown(ui, NARROW);
    if narrow {
        ui.add(egui::Label::new(plot.words()).wrap());
    }
    ui.horizontal(|ui| {
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
            if !narrow {
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(plot.words()).wrap());
                });
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

    /// The menu, opened over a tab, once what ships has been read.
    fn open(tab: Tab, size: [f32; 2]) -> Harness<'static, Store> {
        let mut store = Store::new();
        store.view.tab = tab;
        for _ in 0..1000 {
            store.poll_studies(|| {});
            if Plot::cards()
                .chain([Plot::RealLoss, Plot::StudyScore])
                .all(|plot| plot.is_there(&store))
            {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let mut harness = Harness::builder()
            .with_size(size)
            .build_ui_state(menu, store);
        harness.get_by_label("Export").click();
        harness.run();
        harness
    }

    const LAPTOP: [f32; 2] = [1280.0, 720.0];

    /// Unfolds a group of the menu, if it is not.
    fn unfold(harness: &mut Harness<'_, Store>, group: Group) {
        if !group.is_shown(&harness.state().view) {
            harness.get_by_label(group.title()).click();
            harness.run();
        }
    }

    #[test]
    fn plots_and_reports_are_made_away_from_the_frame() {
        for (group, label) in [
            (Group::Run, "Distance by layer as PNG"),
            (Group::Run, "Report as a page (HTML)"),
            (Group::Checkpoints, "Study as CSV"),
            (Group::Claims, "Does MoCa help? as SVG"),
            (
                Group::RealParts,
                "Real parts: MIR against right choices as PNG",
            ),
            (Group::RealParts, "Real parts: MIR against loss as SVG"),
        ] {
            let mut harness = open(Tab::Alignment, LAPTOP);
            unfold(&mut harness, group);
            harness.get_by_label(label).click();
            // The thread that makes it may ask for a frame at any time, so their number is not checked.
            harness.run_ok();
            assert!(harness.state().is_saving(), "{label}");
            // The menu has closed.
            assert!(harness.query_by_label(label).is_none());
        }
    }

    #[test]
    fn the_menu_begins_with_what_is_on_the_screen() {
        for (tab, label) in [
            (Tab::Start, "Two trainings on one ruler as SVG"),
            (Tab::Alignment, "Distance by layer as SVG"),
            (Tab::Study, "Does MoCa help? as SVG"),
        ] {
            let harness = open(tab, LAPTOP);
            assert!(harness.query_by_label(label).is_some(), "{tab:?}");
        }
    }

    /// However much is unfolded, the menu stays inside the window, says that there is more, and all of it can be reached.
    #[test]
    fn the_menu_fits_the_window() {
        for size in [LAPTOP, [390.0, 844.0], [195.0, 422.0]] {
            let mut harness = open(Tab::Alignment, size);
            for group in Group::ALL {
                harness.get_by_label(group.title()).scroll_to_me();
                harness.run();
                unfold(&mut harness, group);
            }
            let window = egui::Rect::from_min_size(egui::Pos2::ZERO, size.into());
            let more = harness.get_by_label("More below").rect();
            assert!(window.contains_rect(more), "{more:?} in {size:?}");
            let field = |harness: &Harness<'_, Store>| {
                let field = harness.get_by_role_and_label(Role::TextInput, "Open a link");
                field.rect()
            };
            assert!(!window.contains_rect(field(&harness)), "in {size:?}");
            for _ in 0..20 {
                let Some(more) = harness.query_by_label("More below") else {
                    break;
                };
                more.click();
                harness.run();
            }
            let found = field(&harness);
            assert!(window.contains_rect(found), "{found:?} in {size:?}");
            // A click inside leaves it open.
            harness
                .get_by_role_and_label(Role::TextInput, "Open a link")
                .click();
            harness.run();
            assert!(
                harness
                    .query_by_role_and_label(Role::TextInput, "Open a link")
                    .is_some()
            );
        }
    }

    #[test]
    fn a_link_goes_out_and_comes_in() {
        let mut harness = open(Tab::Alignment, LAPTOP);
        harness.get_by_label("Copy a link to this view").click();
        harness.run();
        let told = harness.state().messages.last();
        assert!(told.is_some_and(|message| !message.alarm));
        let mut harness = open(Tab::Alignment, LAPTOP);
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
