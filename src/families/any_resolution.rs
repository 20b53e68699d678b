//! Images of any resolution ("AnyRes"): the whole as a picture, then the image on the canvas that keeps
//! most of it, cut into tiles; of these the margins are left out again, and a learned row ends each line
//! (LLaVA-NeXT). By the PIL image processors of transformers 5 and `pack_image_features`.

use std::ops::Range;

use super::{
    AnyResolution, ImagePlan, ImagePlanner, PixelSettings, Planned, ProcessorFile, VisionSpec,
    pixels::PixelDefaults,
    plan::{Canvas, Misfit, Picture, Piece, Place, Step, View},
    processor_file::class_of,
    resize::{Resize, height_width, resize_size},
};
use crate::weights::WeightsError;

/// What an image processor's class takes for absent keys.
pub(super) struct Class {
    /// Its name, without what stands for the backend.
    pub(super) name: &'static str,
    pub(super) size: Resize,
    pub(super) crop: Option<(usize, usize)>,
    pub(super) resolutions: &'static [[usize; 2]],
}

/// The planner.
#[derive(Clone, Debug)]
pub(super) struct Tiles {
    settings: AnyResolution,
    /// Side of a picture, in pixels.
    side: usize,
    /// Tokens along a side of a picture.
    grid: usize,
}

impl Tiles {
    /// The settings in the file; absent ones take the defaults of the processor's class.
    ///
    /// # Errors
    /// A field that is not valid or contradicts the configuration; another class of image processor.
    pub(super) fn parse(
        file: &ProcessorFile,
        vision: &VisionSpec,
        class: &Class,
    ) -> Result<Planned, WeightsError> {
        let f = &file.image();
        let settings = vision.any_resolution.clone().unwrap_or_default();
        if let Some((key, name, plain)) = class_of(f)?
            && plain != class.name
        {
            return Err(f.unsupported(key, name, class.name));
        }
        if f.flag("do_resize")? == Some(false) {
            return Err(f.unsupported("do_resize", "false", "true"));
        }
        let wanted = vision.tower.image_size;
        let other = |key: &str, found: String| {
            let expected = format!("vision_config.image_size = {wanted}, height and width,");
            Err(f.invalid(key, expected, found))
        };
        match resize_size(f)?.unwrap_or(class.size) {
            Resize::Exact(height, width) if (height, width) == (wanted, wanted) => {}
            Resize::ShortestEdge(edge) if edge == wanted => {}
            size => return other("size", size.to_string()),
        }
        let crop = height_width(f, "crop_size")?;
        // `null` stands for no crop, whatever the class.
        let crop = crop.or(class.crop.filter(|_| !f.is_null("crop_size")));
        if let Some((height, width)) = crop.filter(|crop| *crop != (wanted, wanted)) {
            return other("crop_size", format!("{height} x {width}"));
        }
        let resolutions = AnyResolution::resolutions(f)?;
        let resolutions = resolutions.as_deref().unwrap_or(class.resolutions);
        if resolutions != settings.resolutions {
            return Err(AnyResolution::differs(f, resolutions));
        }
        Ok(Planned {
            pixels: PixelSettings::parse(file, &PixelDefaults::CLIP)?,
            planner: Box::new(Self {
                settings,
                side: wanted,
                grid: vision.tower.patches_per_side(),
            }),
        })
    }

    /// The canvas that keeps most of an image, then wastes least; height and width.
    fn best(&self, height: usize, width: usize) -> [usize; 2] {
        let of = |size: &[usize; 2]| {
            let (high, wide) = (size[0] as f64, size[1] as f64);
            let scale = (wide / width as f64).min(high / height as f64);
            let kept = (width as f64 * scale) as u64 * (height as f64 * scale) as u64;
            let kept = kept.min(width as u64 * height as u64);
            (kept, (size[0] as u64 * size[1] as u64).saturating_sub(kept))
        };
        let mut best: Option<((u64, u64), [usize; 2])> = None;
        for size in &self.settings.resolutions {
            let (kept, wasted) = of(size);
            let better =
                best.is_none_or(|((most, least), _)| kept > most || kept == most && wasted < least);
            if better {
                best = Some(((kept, wasted), *size));
            }
        }
        best.map_or([self.side; 2], |(_, size)| size)
    }
}

/// Height and width of an image of these proportions that fits the canvas `high` x `wide`.
fn fitted(height: usize, width: usize, [high, wide]: [usize; 2]) -> (usize, usize) {
    let (across, down) = (wide as f64 / width as f64, high as f64 / height as f64);
    let scaled = |length: usize, scale: f64, most: usize| {
        ((length as f64 * scale).ceil() as usize).min(most)
    };
    match across < down {
        true => (scaled(height, across, high), wide),
        false => (high, scaled(width, down, wide)),
    }
}

/// The rows and columns of the tokens on a canvas that an image of these proportions lies on.
fn kept(height: usize, width: usize, [rows, columns]: [usize; 2]) -> [Range<usize>; 2] {
    let (high, wide) = (height as f64, width as f64);
    let cut = |length: f64, scale: f64, all: usize| {
        // To seven decimals before they are cut off.
        let length = format!("{:.7}", length * scale);
        let whole = length
            .split('.')
            .next()
            .and_then(|whole| whole.parse().ok());
        let margin = all.saturating_sub(whole.unwrap_or(all)) / 2;
        margin..all - margin
    };
    match wide / high > columns as f64 / rows as f64 {
        true => [cut(high, columns as f64 / wide, rows), 0..columns],
        false => [0..rows, cut(wide, rows as f64 / high, columns)],
    }
}

impl ImagePlanner for Tiles {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let (side, grid) = (self.side, self.grid);
        let size = self.best(height, width);
        let [rows, columns] = size.map(|length| length / side);
        let mut plan = ImagePlan {
            features: (1 + rows * columns) * grid * grid,
            ..ImagePlan::default()
        };
        self.add_whole(&mut plan, None);
        self.add_tiles(&mut plan, [height, width], size);
        let mut taken: Vec<u32> = (0..(grid * grid) as u32).collect();
        let [down, across] = kept(height, width, [grid * rows, grid * columns]);
        let shown = (!down.is_empty() && !across.is_empty()).then_some([&down, &across]);
        let pixels = |kept: &Range<usize>| kept.start * side / grid..kept.end * side / grid;
        plan.views.push(View {
            pictures: 1..1 + rows * columns,
            patches: shown.map_or([grid * rows, grid * columns], |kept| kept.map(Range::len)),
            cells: shown.map(|kept| kept.map(Range::len)),
            tiles: Some([rows, columns]),
            part: shown.map(|kept| kept.map(pixels)),
        });
        for (row, line) in down.clone().zip(0..) {
            for (column, place) in across.clone().zip(0..) {
                let tile = 1 + row / grid * columns + column / grid;
                let cell = tile * grid * grid + row % grid * grid + column % grid;
                taken.push(cell as u32);
                plan.places.push(Place {
                    view: 1,
                    cell: Some(line * across.len() + place),
                });
            }
            // The row that the model has learned.
            taken.push(plan.features as u32);
            plan.places.push(Place {
                view: 1,
                cell: None,
            });
        }
        plan.pieces = vec![Piece::Placeholders(taken.len())];
        plan.rows = Some(taken);
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.side, self.side))
    }
}

impl Tiles {
    /// Adds a picture of the whole canvas `from`, with its tokens.
    fn add_whole(&self, plan: &mut ImagePlan, from: Option<usize>) {
        let (side, grid) = (self.side, self.grid);
        plan.canvases.push(Canvas {
            from,
            step: Step::Resize,
            height: side,
            width: side,
        });
        plan.pictures
            .push(self.picture(plan.canvases.len() - 1, [0, 0]));
        plan.views.push(View {
            pictures: 0..1,
            patches: [grid; 2],
            cells: Some([grid; 2]),
            tiles: None,
            part: None,
        });
        let places = (0..grid * grid).map(|cell| Place {
            view: 0,
            cell: Some(cell),
        });
        plan.places.extend(places);
    }

    /// Adds the tiles of the canvas of this size, row-major.
    fn add_tiles(&self, plan: &mut ImagePlan, [height, width]: [usize; 2], size: [usize; 2]) {
        let (high, wide) = fitted(height, width, size);
        let image = plan.canvases.len();
        for (from, step, height, width) in [
            (None, Step::Resize, high, wide),
            (Some(image), Step::Letterbox, size[0], size[1]),
        ] {
            plan.canvases.push(Canvas {
                from,
                step,
                height,
                width,
            });
        }
        let starts = |length: usize| (0..length).step_by(self.side);
        for top in starts(size[0]) {
            for left in starts(size[1]) {
                plan.pictures.push(self.picture(image + 1, [top, left]));
            }
        }
    }

    fn picture(&self, canvas: usize, [top, left]: [usize; 2]) -> Picture {
        let side = self.side;
        Picture {
            canvas: Some(canvas),
            top,
            left,
            height: side,
            width: side,
            padded: [side; 2],
        }
    }
}
