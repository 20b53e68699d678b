//! Images of pairs as textures: uploaded once, then taken from a small cache.

use std::collections::HashMap;

use eframe::egui::{self, Color32, ColorImage, Rect, TextureHandle, TextureOptions, pos2, vec2};

use crate::report::{PairView, Picture};

/// Textures that are kept: more than are shown at one time.
const MOST: usize = 256;

/// A run, a pair of it, and a picture of the pair.
type Key = (u64, usize, usize);

#[derive(Clone, Default)]
struct Textures {
    known: HashMap<Key, (TextureHandle, u64)>,
    uses: u64,
}

/// The texture of a pair's picture, the first being number 0; `run` is the number of the run that the
/// pair belongs to. None where there is no such picture.
///
/// Pixels stay pixels: a patch of 8 x 8 pixels is shown as 8 x 8 squares.
pub fn texture(
    context: &egui::Context,
    run: u64,
    pair: &PairView,
    number: usize,
) -> Option<TextureHandle> {
    let shown = pair.pictures.get(number)?;
    Some(cached(context, (run, pair.pair, number), &shown.picture))
}

/// Draws a texture into `frame`.
pub fn paint(painter: &egui::Painter, texture: &TextureHandle, frame: Rect) {
    let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    painter.image(texture.id(), frame, whole, Color32::WHITE);
}

/// The texture of a thumbnail; `number` names it.
pub fn thumbnail(context: &egui::Context, number: u64, picture: &Picture) -> TextureHandle {
    // Runs count from 1.
    cached(
        context,
        (0, usize::try_from(number).unwrap_or(usize::MAX), 0),
        picture,
    )
}

/// The texture of one of the demo's pictures to ask about.
pub fn of_demo(context: &egui::Context, number: usize, picture: &Picture) -> TextureHandle {
    cached(context, (0, number, 1), picture)
}

/// The texture of a riddle's picture.
pub fn of_riddle(context: &egui::Context, number: usize, picture: &Picture) -> TextureHandle {
    cached(context, (0, number, 2), picture)
}

fn cached(context: &egui::Context, key: Key, picture: &Picture) -> TextureHandle {
    let cache = egui::Id::unique("pair textures");
    let found = context.data_mut(|data| {
        let textures = data.get_temp_mut_or_default::<Textures>(cache);
        textures.uses += 1;
        let uses = textures.uses;
        textures.known.get_mut(&key).map(|(texture, used)| {
            *used = uses;
            texture.clone()
        })
    });
    if let Some(texture) = found {
        return texture;
    }
    let most = context.input(|input| input.max_texture_side);
    let image = color_image(picture, most);
    let texture = context.load_texture(
        format!("picture {} of {} of {}", key.2, key.1, key.0),
        image,
        TextureOptions::NEAREST,
    );
    context.data_mut(|data| {
        let textures = data.get_temp_mut_or_default::<Textures>(cache);
        let uses = textures.uses;
        textures.known.insert(key, (texture.clone(), uses));
        if textures.known.len() > MOST {
            let oldest = textures.known.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                textures.known.remove(&oldest);
            }
        }
    });
    texture
}

/// `picture` as egui takes it, thinned to at most `most` pixels a side; gray where its sizes and its
/// bytes disagree.
fn color_image(picture: &Picture, most: usize) -> ColorImage {
    let Picture { width, height, rgb } = picture;
    let (width, height) = (*width, *height);
    let fits = width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(3))
        .is_some_and(|bytes| bytes > 0 && bytes == rgb.len());
    if !fits {
        return ColorImage::filled([1, 1], Color32::GRAY);
    }
    if width <= most && height <= most {
        return ColorImage::from_rgb([width, height], rgb);
    }
    let step = width.max(height).div_ceil(most.max(1));
    let size = [width.div_ceil(step), height.div_ceil(step)];
    let pixels = (0..size[1])
        .flat_map(|row| (0..size[0]).map(move |column| 3 * (row * step * width + column * step)))
        .map(|at| Color32::from_rgb(rgb[at], rgb[at + 1], rgb[at + 2]))
        .collect();
    ColorImage::new(size, pixels)
}

/// Where patch `patch` of a grid of rows and columns lies in an image drawn at `frame`.
pub fn patch_rect(frame: Rect, grid: [usize; 2], patch: usize) -> Rect {
    let [rows, columns] = grid.map(|side| side.max(1));
    let size = vec2(frame.width() / columns as f32, frame.height() / rows as f32);
    let (row, column) = (patch / columns, patch % columns);
    let corner = pos2(
        frame.left() + column as f32 * size.x,
        frame.top() + row as f32 * size.y,
    );
    Rect::from_min_size(corner, size)
}

/// The patch at a point of an image drawn at `frame`.
pub fn patch_at(frame: Rect, grid: [usize; 2], point: egui::Pos2) -> Option<usize> {
    let [rows, columns] = grid;
    if rows == 0 || columns == 0 || !frame.contains(point) {
        return None;
    }
    let share = (point - frame.min) / frame.size();
    let row = ((share.y * rows as f32) as usize).min(rows - 1);
    let column = ((share.x * columns as f32) as usize).min(columns - 1);
    Some(row * columns + column)
}

/// [`fitted`] for a pair's picture; nothing where there is none.
pub fn fitted_of(pair: &PairView, number: usize, room: egui::Vec2) -> egui::Vec2 {
    let shown = pair.pictures.get(number);
    shown.map_or(egui::Vec2::ZERO, |shown| fitted(&shown.picture, room))
}

/// The largest rectangle of the picture's proportions inside `room`, at its top left.
pub fn fitted(picture: &Picture, room: egui::Vec2) -> egui::Vec2 {
    let (width, height) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
    vec2(width, height) * (room.x / width).min(room.y / height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_in_the_patch_they_find() {
        let frame = Rect::from_min_size(pos2(10.0, 20.0), vec2(80.0, 60.0));
        for patch in 0..12 {
            let rect = patch_rect(frame, [3, 4], patch);
            assert_eq!(patch_at(frame, [3, 4], rect.center()), Some(patch));
        }
        assert_eq!(patch_at(frame, [3, 4], frame.max), Some(11));
        assert_eq!(patch_at(frame, [3, 4], pos2(9.0, 30.0)), None);
        assert_eq!(patch_at(frame, [0, 4], frame.center()), None);
    }

    #[test]
    fn large_pictures_are_thinned_and_broken_ones_gray() {
        let picture = Picture {
            width: 5,
            height: 2,
            rgb: (0..30).collect(),
        };
        assert_eq!(color_image(&picture, 5).size, [5, 2]);
        let thin = color_image(&picture, 3);
        assert_eq!(thin.size, [3, 1]);
        assert_eq!(thin.pixels[2], Color32::from_rgb(12, 13, 14));
        let broken = Picture {
            width: usize::MAX,
            height: 2,
            rgb: vec![0; 12],
        };
        assert_eq!(color_image(&broken, 5).size, [1, 1]);
    }
}
