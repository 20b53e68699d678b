//! Images cut into square pictures of one size, each with the same tokens.

use super::{
    ImagePlan, VisionSpec,
    plan::{Canvas, Misfit, Picture, Place, Step, View},
};
use crate::weights::{WeightsError, fields::Fields};

/// Most pictures of an image.
const MOST_PICTURES: usize = 1024;

/// What the model makes of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    /// Side of a picture, in pixels.
    pub(super) side: usize,
    /// Patches along it.
    patches: usize,
    /// Tokens of a picture.
    pub(super) tokens: usize,
    /// Tokens along its side; none where they stand for no place.
    cells: Option<usize>,
}

impl Tile {
    pub(super) fn of(vision: &VisionSpec) -> Self {
        Self {
            side: vision.tower.picture_size,
            patches: vision.tower.patches_per_side(),
            tokens: vision.tokens_per_picture(),
            cells: vision.token_grid(),
        }
    }

    /// Refuses a processor that counts another number of placeholders for a picture, by the field `key`
    /// or its default.
    pub(super) fn check_count(
        &self,
        processor: &Fields<'_>,
        key: &str,
        default: usize,
    ) -> Result<(), WeightsError> {
        let counted = processor.count(key, 1..=1 << 20)?;
        if counted.unwrap_or(default) == self.tokens {
            return Ok(());
        }
        let expected = format!(
            "{}, the image tokens that the model makes of {} x {} pixels",
            self.tokens, self.side, self.side
        );
        let found = match counted {
            Some(count) => count.to_string(),
            None => format!("{default}, its default"),
        };
        Err(processor.invalid(key, expected, found))
    }

    /// Adds `grid` rows and columns of pictures, which lie side by side on a canvas and go through the
    /// tower row by row, with the places of their tokens.
    pub(super) fn add(&self, plan: &mut ImagePlan, canvas: usize, grid: [usize; 2]) {
        let [rows, columns] = grid;
        let first = plan.pictures.len();
        let view = plan.views.len();
        for row in 0..rows {
            for column in 0..columns {
                plan.pictures.push(Picture {
                    canvas: Some(canvas),
                    top: row * self.side,
                    left: column * self.side,
                    height: self.side,
                    width: self.side,
                    padded: [self.side; 2],
                    resampled: false,
                });
                let places = (0..self.tokens).map(|token| Place {
                    view,
                    cell: self.cells.map(|cells| {
                        let down = row * cells + token / cells;
                        down * columns * cells + column * cells + token % cells
                    }),
                });
                plan.places.extend(places);
            }
        }
        plan.features = plan.places.len();
        plan.views.push(View {
            pictures: first..plan.pictures.len(),
            patches: grid.map(|count| count * self.patches),
            cells: self.cells.map(|cells| grid.map(|count| count * cells)),
            tiles: (grid != [1, 1]).then_some(grid),
            part: None,
        });
    }
}

/// Adds a canvas, resized from another one or from the image itself; returns its index.
pub(super) fn resized(
    plan: &mut ImagePlan,
    from: Option<usize>,
    [height, width]: [usize; 2],
) -> usize {
    plan.canvases.push(Canvas {
        from,
        step: Step::Resize,
        height,
        width,
    });
    plan.canvases.len() - 1
}

/// Refuses an image that would become more pictures than any needs.
pub(super) fn check([rows, columns]: [usize; 2]) -> Result<(), Misfit> {
    match rows.checked_mul(columns) {
        Some(..=MOST_PICTURES) => Ok(()),
        _ => Err(Misfit {
            expected: format!("an image of at most {MOST_PICTURES} tiles"),
            found: format!("{rows} rows of {columns}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_a_tile_stand_on_it() {
        let tile = Tile {
            side: 10,
            patches: 4,
            tokens: 4,
            cells: Some(2),
        };
        let mut plan = ImagePlan::default();
        let canvas = resized(&mut plan, None, [20, 30]);
        tile.add(&mut plan, canvas, [2, 3]);
        let whole = resized(&mut plan, Some(canvas), [10, 10]);
        tile.add(&mut plan, whole, [1, 1]);
        let corner = |index: usize| (plan.pictures[index].top, plan.pictures[index].left);
        assert_eq!(
            (corner(1), corner(5), corner(6)),
            ((0, 10), (10, 20), (0, 0))
        );
        let cells = |tokens: std::ops::Range<usize>| -> Vec<_> {
            plan.places[tokens].iter().map(|place| place.cell).collect()
        };
        // Six columns of tokens on the first view.
        assert_eq!(cells(4..8), [2, 3, 8, 9].map(Some));
        assert_eq!(cells(12..16), [12, 13, 18, 19].map(Some));
        assert_eq!(cells(24..28), [0, 1, 2, 3].map(Some));
        assert_eq!(plan.views[0].tiles, Some([2, 3]));
        assert_eq!(
            (plan.views[1].pictures.clone(), plan.views[1].tiles),
            (6..7, None)
        );
        assert_eq!(plan.features, 28);
        assert!(check([32, 32]).is_ok() && check([32, 33]).is_err());
    }
}
