//! Thumbnails of the images and the beginnings of the texts, each with what is wrong with it.

use eframe::egui::{self, Color32, Rect, Sense, Stroke, StrokeKind, Ui, vec2};

use crate::{
    app::{
        downward, picture,
        store::data::{Data, Item, ItemState},
        theme,
    },
    report::Picture,
    words::counted,
};

/// Most thumbnails and texts that are drawn; the others are counted.
const MOST: usize = 200;

/// Side of a thumbnail.
const SIDE: f32 = 64.0;

/// Draws the images.
pub fn images(ui: &mut Ui, data: &mut Data) {
    if data.images.is_empty() {
        return;
    }
    let open = data.images.iter().filter(|item| item.is_open()).count();
    heading(ui, data.images.len(), "image", open);
    let mut removed = None;
    let area = egui::ScrollArea::vertical()
        .max_height(260.0)
        .auto_shrink([false, true]);
    downward::show(ui, "images", area, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            let fine = data.images.iter().filter(|item| item.wrong().is_none());
            for item in fine.take(MOST) {
                if thumbnail(ui, item) {
                    removed = Some(item.number);
                }
            }
        });
        let wrong = data.images.iter().filter(|item| item.wrong().is_some());
        for item in wrong.take(MOST) {
            if error(ui, item) {
                removed = Some(item.number);
            }
        }
    });
    if let Some(number) = removed {
        data.remove(number);
    }
}

/// Draws the texts.
pub fn texts(ui: &mut Ui, data: &mut Data) {
    if data.texts.is_empty() {
        return;
    }
    let open = data.texts.iter().filter(|item| item.is_open()).count();
    heading(ui, data.texts.len(), "text", open);
    let mut removed = None;
    let area = egui::ScrollArea::vertical()
        .max_height(200.0)
        .auto_shrink([false, true]);
    downward::show(ui, "texts", area, |ui| {
        for item in data.texts.iter().take(MOST) {
            let gone = match &item.state {
                ItemState::Wrong(_) => error(ui, item),
                ItemState::Ready(text) => line(ui, item, text),
                ItemState::Queued | ItemState::Reading => line(ui, item, ""),
            };
            if gone {
                removed = Some(item.number);
            }
        }
    });
    if let Some(number) = removed {
        data.remove(number);
    }
}

fn heading(ui: &mut Ui, number: usize, what: &str, open: usize) {
    ui.horizontal_wrapped(|ui| {
        ui.strong(counted(number, what));
        if open > 0 {
            ui.spinner();
            ui.label(format!("{open} still being looked at"));
        }
        if number > MOST {
            ui.label(format!("the first {MOST} are shown"));
        }
    });
}

/// An image; whether it is to be removed.
fn thumbnail(ui: &mut Ui, item: &Item<Option<Picture>>) -> bool {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::click());
    response.widget_info(|| {
        let label = format!("Remove {}", item.file.path);
        egui::WidgetInfo::labeled(egui::Role::Button, true, label)
    });
    let painter = ui.painter();
    painter.rect_filled(rect, 4.0, colors.line.gamma_multiply(0.4));
    if let Some(Some(thumbnail)) = item.ready() {
        let texture = picture::thumbnail(ui.ctx(), item.number, thumbnail);
        let size = picture::fitted(thumbnail, rect.size());
        let place = Rect::from_center_size(rect.center(), size);
        picture::paint(painter, &texture, place);
    }
    if response.hovered() || response.has_focus() {
        // What a click does.
        painter.rect_filled(rect, 4.0, Color32::from_black_alpha(110));
        let stroke = Stroke::new(2.0, Color32::WHITE);
        let cross = Rect::from_center_size(rect.center(), vec2(16.0, 16.0));
        painter.line_segment([cross.left_top(), cross.right_bottom()], stroke);
        painter.line_segment([cross.right_top(), cross.left_bottom()], stroke);
    }
    let line = Stroke::new(1.0, colors.line);
    painter.rect_stroke(rect, 4.0, line, StrokeKind::Inside);
    let hint = format!("{}. Click to remove it.", item.file.path);
    response.on_hover_text(hint).clicked()
}

/// A file that cannot be used, with the reason; whether it is to be removed.
fn error<T>(ui: &mut Ui, item: &Item<T>) -> bool {
    let alarm = theme::colors(ui).alarm;
    ui.horizontal_wrapped(|ui| {
        let gone = remove(ui, item);
        ui.strong(item.file.name());
        ui.colored_label(alarm, item.wrong().unwrap_or_default());
        gone
    })
    .inner
}

/// A text on one line; whether it is to be removed.
fn line<T>(ui: &mut Ui, item: &Item<T>, text: &str) -> bool {
    ui.horizontal(|ui| {
        let gone = remove(ui, item);
        ui.strong(item.file.name());
        let shown: String = text.chars().take(200).collect();
        ui.add(egui::Label::new(shown.replace('\n', " ")).truncate());
        gone
    })
    .inner
}

fn remove<T>(ui: &mut Ui, item: &Item<T>) -> bool {
    ui.small_button("×")
        .accessible_name(format!("Remove {}", item.file.path))
        .clicked()
}
