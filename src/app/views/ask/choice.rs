//! Which checkpoint is asked, about which picture.

use eframe::egui::{self, Rect, Sense, Stroke, StrokeKind, WidgetInfo, vec2};

use super::{super::eyes::image, TWO_COLUMNS, looks::picture_width};
use crate::{
    app::{
        picture, sideways,
        store::{
            Store,
            ask::{DemoPictures, Target, Whom},
        },
        theme,
    },
    engine::ImageInput,
    report::Picture,
};

/// Side of a small picture.
const SIDE: f32 = 44.0;

/// Most small pictures.
const MOST: usize = 60;

/// The chooser of the checkpoint: that of a run, or the reader's own.
pub fn models(ui: &mut egui::Ui, store: &mut Store, current: &str) {
    let mut chosen = None;
    let mut own = false;
    let enabled = !store.is_asking();
    ui.add_enabled_ui(enabled, |ui| {
        let chooser = egui::ComboBox::from_id_salt("asked model")
            .selected_text(current)
            .show_ui(ui, |ui| {
                for (index, run) in store.runs.iter().enumerate() {
                    let selected = store.ask.whom == Whom::Run && index == store.current;
                    if run.source().is_some() && ui.selectable_label(selected, &run.name).clicked()
                    {
                        chosen = Some(index);
                    }
                }
                if store.has_own_model() {
                    let name = format!("{} (your data)", store.data.model.name());
                    let selected = store.ask.whom == Whom::Data;
                    own = ui.selectable_label(selected, name).clicked();
                }
            });
        chooser.response.accessible_name("Model to ask");
    });
    if own {
        store.ask.whom = Whom::Data;
    } else if let Some(index) = chosen {
        store.ask.whom = Whom::Run;
        store.show(index);
    }
}

/// The picture that is asked about, and those to choose from.
/// The former only where it is `shown` here.
pub fn pictures(ui: &mut egui::Ui, store: &mut Store, target: &Target, shown: bool) {
    match &target.images {
        Some(images) => own(ui, store, images, shown),
        None => demo(ui, store, shown),
    }
}

fn demo(ui: &mut egui::Ui, store: &mut Store, large_too: bool) {
    match &store.ask.pictures {
        DemoPictures::There(_) => {}
        DemoPictures::Wrong(reason) => {
            let alarm = theme::colors(ui).alarm;
            ui.colored_label(alarm, "The demo's pictures could not be loaded.");
            ui.label(reason.as_str());
            if ui.button("Try again").clicked() {
                store.ask.pictures = DemoPictures::Wanted;
            }
            return;
        }
        _ => {
            ui.label("Loading the demo's pictures...");
            return;
        }
    }
    let number = store.ask.picture.unwrap_or(0);
    if let Some(shown) = store.ask.pictures.get(number).filter(|_| large_too) {
        let texture = picture::of_demo(ui.ctx(), number, &shown.picture);
        large(ui, &shown.picture, &texture, &shown.caption);
    }
    let mut chosen = store.ask.picture;
    ui.add_enabled_ui(!store.is_asking(), |ui| {
        row(ui, |ui| {
            for (index, shown) in store.ask.pictures.all().iter().enumerate() {
                let texture = picture::of_demo(ui.ctx(), index, &shown.picture);
                let name = format!("Picture {}", index + 1);
                if small(
                    ui,
                    Some((&shown.picture, &texture)),
                    &name,
                    chosen == Some(index),
                ) {
                    chosen = Some(index);
                }
            }
        });
    });
    store.ask.picture = chosen;
}

fn own(ui: &mut egui::Ui, store: &mut Store, images: &[ImageInput], large_too: bool) {
    let looks = |ui: &egui::Ui, image: &ImageInput| {
        let ImageInput::Picked(file) = image else {
            return None;
        };
        let item = store.data.images.iter().find(|item| item.file == *file)?;
        let thumbnail = item.ready()?.as_ref()?;
        let texture = picture::thumbnail(ui.ctx(), item.number, thumbnail);
        Some((thumbnail.clone(), texture))
    };
    let selected = store.ask.picture.filter(|number| *number < images.len());
    if let Some(image) = selected.and_then(|number| images.get(number)) {
        if let Some((thumbnail, texture)) = looks(ui, image).filter(|_| large_too) {
            large(ui, &thumbnail, &texture, &image.name());
        }
        ui.add(egui::Label::new(image.name()).truncate());
    }
    let mut chosen = selected;
    ui.add_enabled_ui(!store.is_asking(), |ui| {
        row(ui, |ui| {
            for (index, image) in images.iter().take(MOST).enumerate() {
                let known = looks(ui, image);
                let known = known.as_ref().map(|(picture, texture)| (picture, texture));
                if small(ui, known, &image.name(), chosen == Some(index)) {
                    chosen = Some(index);
                }
            }
            if ui
                .selectable_label(chosen.is_none(), "No picture")
                .clicked()
            {
                chosen = None;
            }
        });
    });
    store.ask.picture = chosen;
}

/// The small pictures: in rows, on a narrow screen in one that is moved sideways.
fn row(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    let narrow = ui.ctx().content_rect().width() < TWO_COLUMNS;
    ui.spacing_mut().item_spacing = vec2(5.0, 5.0);
    match narrow {
        true => {
            let area = egui::ScrollArea::horizontal();
            sideways::show(ui, "small pictures", area, |ui| ui.horizontal(content));
        }
        false => {
            ui.horizontal_wrapped(content);
        }
    }
}

/// The picture as large as there is room, with its caption for those who hear it.
fn large(ui: &mut egui::Ui, shown: &Picture, texture: &egui::TextureHandle, caption: &str) {
    ui.strong("The picture");
    let room = vec2(picture_width(ui), image::tallest(ui, false));
    let (frame, response) = ui.allocate_exact_size(picture::fitted(shown, room), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, caption));
    picture::paint(ui.painter(), texture, frame);
    let line = Stroke::new(1.0, theme::colors(ui).line);
    ui.painter()
        .rect_stroke(frame, 0.0, line, StrokeKind::Outside);
}

/// A small picture to choose; whether it was.
fn small(
    ui: &mut egui::Ui,
    known: Option<(&Picture, &egui::TextureHandle)>,
    name: &str,
    chosen: bool,
) -> bool {
    let colors = theme::colors(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(SIDE, SIDE), Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(egui::Role::RadioButton, ui.is_enabled(), chosen, name)
    });
    let painter = ui.painter();
    painter.rect_filled(rect, 3.0, colors.line.gamma_multiply(0.4));
    if let Some((shown, texture)) = known {
        let size = picture::fitted(shown, rect.size());
        picture::paint(
            painter,
            texture,
            Rect::from_center_size(rect.center(), size),
        );
    }
    if chosen || response.hovered() || response.has_focus() {
        let width = if chosen { 3.0 } else { 1.5 };
        let stroke = Stroke::new(width, colors.accent);
        painter.rect_stroke(rect, 3.0, stroke, StrokeKind::Inside);
        if response.has_focus() {
            let outer = Stroke::new(1.5, ui.visuals().text_color());
            painter.rect_stroke(rect, 3.0, outer, StrokeKind::Outside);
        }
    }
    response.on_hover_text(name).clicked()
}
