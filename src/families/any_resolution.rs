//! Images of any resolution ("AnyRes"): the whole as a picture, then the image on the canvas that keeps
//! most of it, cut into tiles; of these the margins are left out again, what is too much is shrunk, and a
//! learned row ends each line (LLaVA-NeXT; LLaVA-OneVision, arXiv 2408.03326). By the PIL image processors
//! of transformers 5 and `pack_image_features`.

use std::ops::Range;

use super::{
    AnyResolution, ImagePlan, ImagePlanner, PixelSettings, Planned, ProcessorFile, VisionSpec,
    fitting::{best, fitted, floor_quotient, kept, taps},
    pixels::PixelDefaults,
    plan::{Canvas, Misfit, Picture, Piece, Place, Row, Step, View},
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
    /// Whether frames of videos are taken.
    frames: bool,
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
                frames: vision.video_token_id.is_some(),
            }),
        })
    }
}

impl ImagePlanner for Tiles {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let grid = self.grid;
        let size = best(&self.settings.resolutions, height, width).unwrap_or([self.side; 2]);
        let [rows, columns] = size.map(|length| length / self.side);
        let mut plan = self.whole(None, 1 + rows * columns);
        let newline = Row::One(plan.features as u32);
        self.add_tiles(&mut plan, [height, width], size);
        let [down, across] = kept(height, width, [grid * rows, grid * columns]);
        let [lines, line] = self.shrunk([down.len(), across.len()])?;
        self.add_view(&mut plan, [rows, columns], [&down, &across], [lines, line]);
        // The feature of a token on the canvas.
        let feature = |row: usize, column: usize| {
            let (row, column) = (down.start + row, across.start + column);
            let tile = 1 + row / grid * columns + column / grid;
            (tile * grid * grid + row % grid * grid + column % grid) as u32
        };
        let mut taken: Vec<Row> = (0..(grid * grid) as u32).map(Row::One).collect();
        let horizontal = taps(across.len(), line);
        let mut cells = 0..lines * line;
        for line in taps(down.len(), lines) {
            let blended = blends(&[line], &horizontal, feature);
            plan.places.extend(blended.iter().map(|_| Place {
                view: 1,
                cell: cells.next(),
            }));
            taken.extend(blended);
            taken.push(newline);
            plan.places.push(Place {
                view: 1,
                cell: None,
            });
        }
        Ok(with_rows(plan, taken))
    }

    fn plan_one_of(&self, images: usize, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        if images < 2 || !self.settings.alone {
            return self.plan(height, width);
        }
        let mut plan = self.whole(Some(height.max(width)), 1);
        let taken = (0..=plan.features as u32).map(Row::One).collect();
        plan.places.push(Place::default());
        Ok(with_rows(plan, taken))
    }

    /// The features of each frame are halved on both sides; a learned row ends the video.
    fn plan_frames(&self, frames: usize) -> Option<ImagePlan> {
        let (side, grid) = (self.side, self.grid);
        let half = grid.div_ceil(2);
        let mut plan = ImagePlan {
            features: frames * grid * grid,
            canvases: vec![Canvas {
                from: None,
                step: Step::Resize,
                height: side,
                width: side,
            }],
            video: true,
            ..ImagePlan::default()
        };
        let lines = taps(grid, half);
        let mut taken = Vec::with_capacity(frames * half * half + 1);
        for frame in 0..frames {
            plan.pictures.push(self.picture(0, [0, 0]));
            plan.views.push(View {
                pictures: frame..frame + 1,
                patches: [grid; 2],
                cells: Some([half; 2]),
                tiles: None,
                part: None,
            });
            let feature = |row: usize, column: usize| ((frame * grid + row) * grid + column) as u32;
            taken.extend(blends(&lines, &lines, feature));
            plan.places.extend((0..half * half).map(|cell| Place {
                view: frame,
                cell: Some(cell),
            }));
        }
        taken.push(Row::One(plan.features as u32));
        plan.places.push(Place {
            view: frames.saturating_sub(1),
            cell: None,
        });
        self.frames.then(|| with_rows(plan, taken))
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.side, self.side))
    }
}

/// What lies between features, line by line.
fn blends(
    down: &[[(usize, f32); 2]],
    across: &[[(usize, f32); 2]],
    feature: impl Fn(usize, usize) -> u32,
) -> Vec<Row> {
    let blend = |[(top, up), (bottom, low)]: [(usize, f32); 2],
                 [(left, before), (right, after)]: [(usize, f32); 2]| {
        match up * before == 1.0 {
            true => Row::One(feature(top, left)),
            false => Row::Blend([
                (feature(top, left), up * before),
                (feature(top, right), up * after),
                (feature(bottom, left), low * before),
                (feature(bottom, right), low * after),
            ]),
        }
    };
    let lines = down.iter();
    lines
        .flat_map(|line| across.iter().map(|column| blend(*line, *column)))
        .collect()
}

/// The plan with what its placeholders take.
fn with_rows(plan: ImagePlan, taken: Vec<Row>) -> ImagePlan {
    ImagePlan {
        pieces: vec![Piece::Placeholders(taken.len())],
        rows: Some(taken),
        ..plan
    }
}

impl Tiles {
    /// Rows and columns of tokens that so many of features become.
    fn shrunk(&self, [rows, columns]: [usize; 2]) -> Result<[usize; 2], Misfit> {
        let Some(most) = self.settings.most else {
            return Ok([rows, columns]);
        };
        let most = (most * self.grid * self.grid) as f64;
        let ratio = ((rows * columns) as f64 / most).sqrt();
        if ratio <= 1.1 {
            return Ok([rows, columns]);
        }
        let left = [rows, columns].map(|count| floor_quotient(count as f64, ratio));
        match left.contains(&0) {
            true => Err(Misfit {
                expected: "proportions of which some lines of features are left after shrinking"
                    .into(),
                found: format!("{rows} x {columns} features made {} x {}", left[0], left[1]),
            }),
            false => Ok(left),
        }
    }

    /// Adds the view of the canvas in tiles, of which the tokens `down` and `across` are kept as so many
    /// lines of so many tokens.
    fn add_view(
        &self,
        plan: &mut ImagePlan,
        [rows, columns]: [usize; 2],
        kept: [&Range<usize>; 2],
        cells: [usize; 2],
    ) {
        let (side, grid) = (self.side, self.grid);
        let shown = kept.iter().all(|kept| !kept.is_empty()).then_some(kept);
        let pixels = |kept: &Range<usize>| kept.start * side / grid..kept.end * side / grid;
        plan.views.push(View {
            pictures: 1..1 + rows * columns,
            patches: shown.map_or([grid * rows, grid * columns], |kept| kept.map(Range::len)),
            cells: shown.map(|_| cells),
            tiles: Some([rows, columns]),
            part: shown.map(|kept| kept.map(pixels)),
        });
    }

    /// A plan that has a picture of the whole image so far, with its tokens, and room for the features of
    /// so many pictures; the image in the middle of a square of this side, if any.
    fn whole(&self, square: Option<usize>, pictures: usize) -> ImagePlan {
        let (side, grid) = (self.side, self.grid);
        let mut plan = ImagePlan {
            features: pictures * grid * grid,
            ..ImagePlan::default()
        };
        let canvas = |from, step, side| Canvas {
            from,
            step,
            height: side,
            width: side,
        };
        let surrounded = square.map(|square| canvas(None, Step::Surround, square));
        plan.canvases.extend(surrounded);
        let from = square.map(|_| 0);
        plan.canvases.push(canvas(from, Step::Resize, side));
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
        plan
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
            resampled: false,
        }
    }
}
