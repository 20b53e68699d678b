//! What is folded away below its title. A title that is wider than its place takes several lines.

use eframe::egui::{
    self, Role, Sense, TextStyle, TextWrapMode, WidgetInfo, WidgetText,
    collapsing_header::{CollapsingState, paint_default_icon},
    pos2, vec2,
};

/// Draws the title, and `content` while it is unfolded. `salt` tells it from others in `ui`.
pub fn show(
    ui: &mut egui::Ui,
    salt: impl std::hash::Hash + std::fmt::Debug,
    title: impl Into<WidgetText>,
    is_open_at_first: bool,
    content: impl FnOnce(&mut egui::Ui),
) {
    let id = ui.make_persistent_id(salt);
    let mut state = CollapsingState::load_with_default_open(ui.ctx(), id, is_open_at_first);
    ui.vertical(|ui| {
        let indent = ui.spacing().indent;
        let room = (ui.available_width() - indent).max(indent);
        let title: WidgetText = title.into();
        let galley = title.into_galley(ui, Some(TextWrapMode::Wrap), room, TextStyle::Button);
        let padding = ui.spacing().button_padding.y;
        let size = vec2(indent + galley.size().x, galley.size().y + 2.0 * padding);
        let (_, rect) = ui.allocate_space(size.max(ui.spacing().interact_size));
        let response = ui.interact(rect, id, Sense::click());
        if response.clicked() {
            state.toggle(ui);
        }
        response.widget_info(|| {
            WidgetInfo::labeled(Role::DisclosureTriangle, ui.is_enabled(), galley.text())
        });
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_expanded(state.is_open());
        });
        if ui.is_rect_visible(rect) {
            let (mut icon, _) = ui.spacing().icon_rectangles(rect);
            icon.set_center(pos2(rect.left() + indent / 2.0, rect.center().y));
            let openness = state.openness(ui.ctx());
            paint_default_icon(ui, openness, &response.clone().with_new_rect(icon));
            let ink = ui.style().interact(&response).text_color();
            let corner = pos2(
                rect.left() + indent,
                rect.center().y - galley.size().y / 2.0,
            );
            ui.painter().galley(corner, galley, ink);
        }
        state.show_body_indented(&response, ui, content);
    });
}
