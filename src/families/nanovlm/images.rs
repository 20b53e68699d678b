//! Pictures of nanoVLM: one square, or tiles behind the whole, all in values from 0 to 1.

use super::{
    super::{
        Filter, ImagePlan, ImagePlanner, PixelSettings, Planned, VisionSpec,
        plan::{Misfit, Piece},
        resize::MAX_SIDE,
        tiles::{self, Tile},
    },
    EXTRA,
};
use crate::weights::{WeightsError, fields::Fields};

const LONGEST: &str = "max_img_size";

/// The planner that the configuration describes.
///
/// # Errors
/// A field that is impossible, or contradicts the model.
pub(super) fn planned(vision: &VisionSpec, f: &Fields<'_>) -> Result<Planned, WeightsError> {
    let tile = Tile::of(vision);
    vision
        .connector
        .check_grid("config.json", vision.tower.patches_per_side())?;
    for key in ["mp_image_token_length", "IMAGE_TOKEN_LENGTH"] {
        tile.check_count(f, key, tile.tokens)?;
    }
    let pixels = |resample: Filter| PixelSettings {
        resample,
        rescale_factor: Some(1.0 / 255.0),
        normalize: None,
        convert_rgb: false,
        background: [0; 3],
    };
    let marks = match f.section(EXTRA)? {
        Some(extra) => Marks::of(&extra)?,
        None => Marks::default(),
    };
    if marks.whole.is_none() && marks.tiles.is_empty() {
        return Ok(Planned {
            pixels: pixels(Filter::Bilinear),
            planner: Box::new(Square(tile)),
        });
    }
    let expected = format!("a multiple of vit_img_size = {}", tile.side);
    let longest = f.count(LONGEST, 1..=MAX_SIDE)?;
    let longest = longest.ok_or_else(|| f.invalid(LONGEST, &expected, "absent"))?;
    if !longest.is_multiple_of(tile.side) {
        return Err(f.invalid(LONGEST, expected, longest));
    }
    Ok(Planned {
        pixels: pixels(Filter::Bicubic),
        planner: Box::new(Tiles {
            longest,
            enlarged: f.flag("resize_to_max_side_len")?.unwrap_or(false),
            marks,
            tile,
        }),
    })
}

/// Every picture is resized to one square.
#[derive(Debug)]
struct Square(Tile);

impl ImagePlanner for Square {
    fn plan(&self, _height: usize, _width: usize) -> Result<ImagePlan, Misfit> {
        let mut plan = ImagePlan::default();
        let canvas = tiles::resized(&mut plan, None, [self.0.side; 2]);
        self.0.add(&mut plan, canvas, [1, 1]);
        plan.pieces = vec![Piece::Placeholders(plan.features)];
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.0.side, self.0.side))
    }
}

/// The tokens before the placeholders of a picture.
#[derive(Debug, Default)]
struct Marks {
    /// Of the whole.
    whole: Option<String>,
    /// Of the tile in a row and a column.
    tiles: Vec<Vec<String>>,
}

impl Marks {
    /// Those of `global_image_token` and `r1c1`, `r1c2`, ...
    fn of(extra: &Fields<'_>) -> Result<Self, WeightsError> {
        let token = |key: &str| Ok::<_, WeightsError>(extra.string(key)?.map(str::to_owned));
        let mut marks = Self {
            whole: token("global_image_token")?,
            tiles: Vec::new(),
        };
        loop {
            let row = marks.tiles.len() + 1;
            let mut columns = Vec::new();
            while let Some(mark) = token(&format!("r{row}c{}", columns.len() + 1))? {
                columns.push(mark);
            }
            if columns.is_empty() {
                return Ok(marks);
            }
            marks.tiles.push(columns);
        }
    }

    /// Those of so many rows and columns, row by row.
    fn of_grid(&self, [rows, columns]: [usize; 2]) -> Result<Vec<&str>, Misfit> {
        let misfit = || Misfit {
            expected: format!(
                "an image of at most {} rows and {} columns of tiles, for which {EXTRA} has tokens",
                self.tiles.len(),
                self.tiles.iter().map(Vec::len).min().unwrap_or(0)
            ),
            found: format!("{rows} and {columns}"),
        };
        let of_row = |row: usize| self.tiles.get(row)?.get(..columns);
        let lines = (0..rows).map(|row| of_row(row).ok_or_else(misfit));
        let lines: Vec<_> = lines.collect::<Result<_, _>>()?;
        Ok(lines.into_iter().flatten().map(String::as_str).collect())
    }
}

/// Pictures are resized until square tiles cut them without a rest.
#[derive(Debug)]
struct Tiles {
    /// The longest side.
    longest: usize,
    /// Whether the longer side always becomes that long.
    enlarged: bool,
    marks: Marks,
    tile: Tile,
}

impl Tiles {
    /// Rows and columns of the tiles of an image of `height` x `width`, in f64, whose rounding shows.
    fn grid(&self, height: usize, width: usize) -> [usize; 2] {
        let side = self.tile.side;
        let (long, short) = (height.max(width), height.min(width));
        let target = match self.enlarged {
            true => self.longest,
            false => self.longest.min(long.next_multiple_of(side)),
        };
        let scale = target as f64 / long as f64;
        let across = (short as f64 * scale / side as f64).ceil() as usize;
        let (long, short) = (target / side, across.max(1));
        match width >= height {
            true => [short, long],
            false => [long, short],
        }
    }
}

impl ImagePlanner for Tiles {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let mut plan = ImagePlan::default();
        let tile = &self.tile;
        let grid = self.grid(height, width);
        tiles::check(grid)?;
        let [height, width] = grid.map(|count| count * tile.side);
        let canvas = tiles::resized(&mut plan, None, [height, width]);
        let marked = |pieces: &mut Vec<Piece>, mark: &str| {
            pieces.push(Piece::Scaffold(mark.to_owned()));
            pieces.push(Piece::Placeholders(tile.tokens));
        };
        if let Some(mark) = &self.marks.whole {
            tile.add(&mut plan, canvas, [1, 1]);
            marked(&mut plan.pieces, mark);
            if grid == [1, 1] {
                return Ok(plan);
            }
            // The whole is made of the resized image once more, in f32.
            if let Some(whole) = plan.pictures.last_mut() {
                (whole.height, whole.width, whole.resampled) = (height, width, true);
            }
        }
        for mark in self.marks.of_grid(grid)? {
            marked(&mut plan.pieces, mark);
        }
        tile.add(&mut plan, canvas, grid);
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.tile.side, self.tile.side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_of_the_grid() {
        let config = serde_json::json!({
            "r1c1": "a", "r1c2": "b", "r2c1": "c", "r2c2": "d", "image_token": "i"
        });
        let map = config.as_object().unwrap();
        let marks = Marks::of(&Fields::new("config.json", "", map)).unwrap();
        assert_eq!(marks.whole, None);
        assert_eq!(marks.of_grid([2, 1]).unwrap(), ["a", "c"]);
        assert_eq!(marks.of_grid([2, 2]).unwrap(), ["a", "b", "c", "d"]);
        assert!(marks.of_grid([3, 1]).is_err() && marks.of_grid([1, 3]).is_err());
    }
}
