//! Images that all become pictures of one size: the image processors of CLIP, LLaVA, SigLIP and BiT,
//! by their PIL variants in transformers 5. Made square, resized, cropped, padded, in this order; and
//! sub-images, crops of the image at a larger size (MM1, arXiv 2403.09611).

use super::{
    Filter, ImagePlan, ImagePlanner, PixelSettings, ProcessorFile, VisionSpec,
    pixels::PixelDefaults,
    plan::{Canvas, Misfit, Picture, Piece, Place, Planned, Step, View},
    processor_file::class_of,
    resize::{Resize, height_width, resize_size},
};
use crate::weights::{WeightsError, fields::Fields};

/// The planner.
#[derive(Clone, Debug)]
pub struct FixedSize {
    /// Whether the image is first padded to a square, itself in the middle.
    square: bool,
    /// Size to resize to, if at all.
    resize: Option<Resize>,
    /// Height and width of the part kept from the center, if any.
    crop: Option<(usize, usize)>,
    /// Height and width to pad to with zeros at the right and the bottom, if any.
    pad: Option<(usize, usize)>,
    /// What the model makes of a picture.
    tokens: Tokens,
}

/// The image tokens of a picture.
#[derive(Clone, Debug, Default)]
struct Tokens {
    /// All of them.
    count: usize,
    /// Those of no place, which come first.
    before: usize,
    /// Side of the grid of the others.
    grid: Option<usize>,
    /// Side of a picture, and patches along it.
    side: usize,
    patches: usize,
    /// Crops along each side of an image.
    crops: Option<usize>,
    /// What stands around the placeholders.
    around: Option<[&'static str; 2]>,
}

/// The class of an image processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// CLIP's: the shortest edge to a length, the middle kept.
    Clip,
    /// LLaVA's: CLIP's, but `do_pad` makes the image square first.
    Llava,
    /// SigLIP's: to a fixed size.
    Siglip,
    /// BiT's, which DINOv2 uses: as CLIP's.
    Bit,
    /// Gemma 3's: SigLIP's, with another filter where none is named.
    Gemma3,
}

impl Class {
    /// The class that the object `f` names; CLIP's where it names none.
    fn of(f: &Fields<'_>) -> Result<Self, WeightsError> {
        let Some((key, name, class)) = class_of(f)? else {
            return Ok(Self::Clip);
        };
        match class {
            "CLIPImageProcessor" | "CLIPFeatureExtractor" => Ok(Self::Clip),
            "LlavaImageProcessor" => Ok(Self::Llava),
            "SiglipImageProcessor" => Ok(Self::Siglip),
            "BitImageProcessor" => Ok(Self::Bit),
            "Gemma3ImageProcessor" => Ok(Self::Gemma3),
            _ => {
                let supported = "CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor, \
                     BitImageProcessor, Gemma3ImageProcessor";
                Err(f.unsupported(key, name, supported))
            }
        }
    }
}

impl FixedSize {
    /// The settings in the file; absent ones take the defaults of the processor's class.
    ///
    /// # Errors
    /// A field that is not valid, or another class of image processor.
    pub(super) fn parse(
        file: &ProcessorFile,
        vision: Option<&VisionSpec>,
    ) -> Result<Planned, WeightsError> {
        let f = &file.image();
        let class = Class::of(f)?;
        let clip = !matches!(class, Class::Siglip | Class::Gemma3);
        let on = |key: &str, default: bool| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(default));
        let resize = if on("do_resize", true)? {
            let default = match clip {
                true => Resize::ShortestEdge(224),
                false => Resize::Exact(224, 224),
            };
            Some(resize_size(f)?.unwrap_or(default))
        } else {
            None
        };
        let crop = if on("do_center_crop", clip)? {
            let default = clip.then_some((224, 224));
            Some(height_width(f, "crop_size")?.or(default).ok_or_else(|| {
                f.invalid("crop_size", "a size, for do_center_crop is on", "none")
            })?)
        } else {
            None
        };
        let do_pad = on("do_pad", false)?;
        let llava = class == Class::Llava;
        // Without a size the largest picture of a batch gives it, and here a batch is one picture.
        let pad = match do_pad && !llava {
            true => height_width(f, "pad_size")?,
            false => None,
        };
        let defaults = match class {
            Class::Clip | Class::Llava | Class::Bit => PixelDefaults::CLIP,
            Class::Siglip => PixelDefaults::HALF,
            Class::Gemma3 => PixelDefaults {
                resample: Filter::Bilinear,
                ..PixelDefaults::HALF
            },
        };
        let mut pixels = PixelSettings::parse(file, &defaults)?;
        let (mut resize, mut crop) = (resize, crop);
        if vision.is_some_and(|vision| vision.stretch)
            && let Some((height, width)) = fixed_size(resize, crop)
        {
            // What the processor then does changes nothing.
            (resize, crop) = (Some(Resize::Exact(height, width)), None);
            pixels.resample = Filter::Bicubic;
        }
        let planner = Self {
            square: do_pad && llava || vision.is_some_and(|vision| vision.pad_to_square),
            resize,
            crop,
            pad,
            tokens: vision.map(Tokens::of).unwrap_or_default(),
        };
        Ok(Planned {
            pixels,
            planner: Box::new(planner),
        })
    }

    /// Adds what is made of an image of `height` x `width` pixels, at `times` the settings' size, and
    /// the picture that comes of it.
    fn add(&self, plan: &mut ImagePlan, height: usize, width: usize, times: usize) -> Picture {
        let mut last = (None, height, width);
        let mut step = |step: Step, height: usize, width: usize| {
            plan.canvases.push(Canvas {
                from: last.0,
                step,
                height,
                width,
            });
            last = (Some(plan.canvases.len() - 1), height, width);
        };
        let (mut height, mut width) = (height, width);
        if self.square {
            let side = height.max(width);
            (height, width) = (side, side);
            step(Step::Surround, height, width);
        }
        if let Some(size) = self.resize {
            (height, width) = size.enlarged(times).target(height, width);
            step(Step::Resize, height, width);
        }
        if let Some(crop) = self.crop {
            (height, width) = (times * crop.0, times * crop.1);
            step(Step::Center, height, width);
        }
        let padded = self
            .pad
            .map_or([height, width], |pad| [times * pad.0, times * pad.1]);
        Picture {
            canvas: last.0,
            top: 0,
            left: 0,
            height,
            width,
            padded,
            resampled: false,
        }
    }
}

impl ImagePlanner for FixedSize {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let mut plan = ImagePlan::default();
        let tokens = &self.tokens;
        let whole = self.add(&mut plan, height, width, 1);
        plan.pictures.push(whole);
        plan.views.push(View {
            pictures: 0..1,
            patches: [tokens.patches; 2],
            cells: tokens.grid.map(|side| [side; 2]),
            tiles: None,
            part: None,
        });
        let cell = |token: usize| {
            token
                .checked_sub(tokens.before)
                .filter(|_| tokens.grid.is_some())
        };
        let places = (0..tokens.count).map(|token| Place {
            view: 0,
            cell: cell(token),
        });
        plan.places.extend(places);
        if let Some(crops) = tokens.crops {
            let large = self.add(&mut plan, height, width, crops);
            self.cut(&mut plan, &large, crops)?;
        }
        plan.features = plan.places.len();
        let placeholders = Piece::Placeholders(plan.features);
        plan.pieces = match tokens.around {
            None => vec![placeholders],
            Some([before, behind]) => vec![
                Piece::Text(before.to_owned()),
                placeholders,
                Piece::Text(behind.to_owned()),
            ],
        };
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        let resized = match self.resize {
            Some(Resize::Exact(height, width)) => Some((height, width)),
            Some(Resize::ShortestEdge(side)) if self.square => Some((side, side)),
            _ => None,
        };
        self.pad.or(self.crop).or(resized)
    }
}

/// Height and width of every picture before padding, where they do not depend on the image.
fn fixed_size(resize: Option<Resize>, crop: Option<(usize, usize)>) -> Option<(usize, usize)> {
    match resize {
        Some(Resize::Exact(height, width)) => crop.or(Some((height, width))),
        _ => crop,
    }
}

impl FixedSize {
    /// Adds the crops of the picture `large`, `crops` along each side, row-major.
    fn cut(&self, plan: &mut ImagePlan, large: &Picture, crops: usize) -> Result<(), Misfit> {
        let tokens = &self.tokens;
        let (height, width) = (large.height / crops, large.width / crops);
        let side = crops * tokens.side;
        if large.padded != [side; 2] {
            let [height, width] = large.padded;
            return Err(Misfit {
                expected: format!("{side} x {side} pixels for its crops"),
                found: format!("{width} x {height}"),
            });
        }
        plan.views.push(View {
            pictures: 1..1 + crops * crops,
            patches: [crops * tokens.patches; 2],
            cells: tokens.grid.map(|grid| [crops * grid; 2]),
            tiles: Some([crops; 2]),
            part: None,
        });
        for crop in 0..crops * crops {
            let (row, column) = (crop / crops, crop % crops);
            plan.pictures.push(Picture {
                canvas: large.canvas,
                top: row * height,
                left: column * width,
                height,
                width,
                padded: [tokens.side; 2],
                resampled: false,
            });
            let places = (0..tokens.count).map(|token| {
                let cell = token.checked_sub(tokens.before).zip(tokens.grid);
                Place {
                    view: 1,
                    cell: cell.map(|(cell, grid)| {
                        let (row, column) = (row * grid + cell / grid, column * grid + cell % grid);
                        row * crops * grid + column
                    }),
                }
            });
            plan.places.extend(places);
        }
        Ok(())
    }
}

impl Tokens {
    fn of(vision: &VisionSpec) -> Self {
        Self {
            count: vision.tokens_per_picture(),
            before: vision.tokens_before_grid(),
            grid: vision.token_grid(),
            side: vision.tower.picture_size,
            patches: vision.tower.patches_per_side(),
            crops: vision.sub_images,
            around: vision.around,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Planned {
        let source = crate::weights::MemorySource::new("p")
            .with("preprocessor_config.json", text.as_bytes().to_vec());
        let file = ProcessorFile::open(&source).unwrap().unwrap();
        FixedSize::parse(&file, None).unwrap()
    }

    #[test]
    fn only_a_last_step_of_fixed_size_fixes_the_size() {
        let fixed = |text| parse(text).planner.fixed();
        assert_eq!(fixed("{}"), Some((224, 224)));
        assert_eq!(fixed(r#"{"do_center_crop": false, "size": 30}"#), None);
        let siglip = r#"{"image_processor_type": "SiglipImageProcessor", "size": {"height": 30, "width": 26}}"#;
        assert_eq!(fixed(siglip), Some((30, 26)));
        let padded = r#"{"crop_size": 20, "do_pad": true, "pad_size": 24}"#;
        assert_eq!(fixed(padded), Some((24, 24)));
        let square = r#"{"image_processor_type": "LlavaImageProcessor", "do_pad": true, "size": 30,
            "do_center_crop": false}"#;
        assert_eq!(fixed(square), Some((30, 30)));
    }

    /// A planner of pictures of 2 x 2 tokens, `before` of no place before them.
    fn planner(crops: Option<usize>, before: usize, grid: Option<usize>) -> FixedSize {
        FixedSize {
            square: false,
            resize: Some(Resize::ShortestEdge(20)),
            crop: Some((18, 18)),
            pad: None,
            tokens: Tokens {
                count: 4 + before,
                before,
                grid,
                side: 18,
                patches: 4,
                crops,
                around: None,
            },
        }
    }

    #[test]
    fn tokens_of_crops_stand_on_their_crops() {
        let plan = planner(Some(3), 0, Some(2)).plan(40, 60).unwrap();
        let sizes = |canvas: &Canvas| (canvas.height, canvas.width);
        let sizes: Vec<_> = plan.canvases.iter().map(sizes).collect();
        // The whole, then the same at three times the size.
        assert_eq!(sizes, [(20, 30), (18, 18), (60, 90), (54, 54)]);
        let second = &plan.pictures[2];
        assert_eq!((second.canvas, second.top, second.left), (Some(3), 0, 18));
        assert_eq!(plan.tokens(), 40);
        let place = |token: usize| (plan.places[token].view, plan.places[token].cell);
        assert_eq!(place(3), (0, Some(3)));
        // The first crop begins at the corner; its second row is the second one of the 6 x 6 grid.
        assert_eq!(place(4), (1, Some(0)));
        assert_eq!(place(6), (1, Some(6)));
        // The second crop stands right of the first, the fourth below it.
        assert_eq!(place(8), (1, Some(2)));
        assert_eq!(place(16), (1, Some(12)));
        assert_eq!(place(39), (1, Some(35)));
        let mut cells: Vec<_> = (4..40).filter_map(|token| place(token).1).collect();
        cells.sort_unstable();
        assert!(cells.into_iter().eq(0..36));
    }

    #[test]
    fn tokens_of_no_place_still_have_their_picture() {
        let pooled = planner(None, 0, None).plan(9, 9).unwrap();
        assert!(pooled.places.iter().all(|place| *place == Place::default()));
        let class_token = planner(None, 1, Some(2)).plan(9, 9).unwrap();
        let cells: Vec<_> = class_token.places.iter().map(|place| place.cell).collect();
        assert_eq!(cells, [None, Some(0), Some(1), Some(2), Some(3)]);
    }
}
