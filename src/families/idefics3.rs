//! Idefics3 (arXiv 2408.12637) and SmolVLM (arXiv 2504.05299): `Idefics3ForConditionalGeneration` and
//! `SmolVLMForConditionalGeneration`, which differ in nothing that counts here.
//!
//! An image is resized until square tiles cut it without a rest; the tiles go through the tower row by
//! row, the whole image, made one tile, after them.

use serde_json::Map;

use super::{
    Activation, ConnectorKind, ConnectorSpec, DecoderSpec, Family, Filter, ImagePlan, ImagePlanner,
    ModelSpec, PixelSettings, Planned, ProcessorFile, TowerKind, TowerSpec, VisionSpec, names,
    pixels::PixelDefaults,
    plan::{Misfit, Piece},
    processor_file::check_class,
    resize::MAX_SIDE,
    spec::connector::ConnectorFields,
    tiles::{self, Tile},
};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// Longest side of an image that is resized to a longest side, in pixels.
const LONGEST: usize = 4096;

/// The family.
pub(crate) struct Idefics3;

impl Family for Idefics3 {
    fn name(&self) -> &'static str {
        "idefics3"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &[
            "Idefics3ForConditionalGeneration",
            "SmolVLMForConditionalGeneration",
        ]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["idefics3", "smolvlm"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let empty = Map::new();
        let f = root.section_or("vision_config", &empty)?;
        let kind = TowerKind::Idefics3;
        let tower = TowerSpec::of_kind(&f, kind, kind.sizes(false))?;
        let mut text = DecoderSpec::parse(root, "text_config.")?;
        // The class of the whole model decides; its default decoder has an epsilon of its own.
        text.tie_word_embeddings = root.flag("tie_word_embeddings")?.unwrap_or(false);
        if !root.has("text_config") {
            text.rms_norm_eps = 1e-5;
        }
        let image_token_id = root.token("image_token_id")?.unwrap_or(128_257);
        text.known(root, "image_token_id", image_token_id)?;
        let scale = root.count("scale_factor", 1..=32)?.unwrap_or(2);
        let connector = ConnectorSpec {
            kind: ConnectorKind::PixelShuffle {
                scale,
                normed: false,
                layers: 1,
            },
            activation: Activation::Identity,
            bias: false,
            in_features: tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields {
                scale: "scale_factor",
                bias: "a bias of modality_projection",
            },
        };
        let vision = VisionSpec {
            image_token_id,
            normed_features: true,
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    fn canonical(&self, name: &str) -> String {
        const PARTS: [(&str, &str); 3] = [
            ("model.vision_model.", "vision_tower."),
            ("model.text_model.", "language_model."),
            (
                "model.connector.modality_projection.proj.",
                "multi_modal_projector.linear_1.",
            ),
        ];
        let found = PARTS.iter().find_map(|(own, canonical)| {
            let rest = name.strip_prefix(own)?;
            Some(format!("{canonical}{rest}"))
        });
        found.unwrap_or_else(|| name.to_owned())
    }

    fn settle(&self, spec: &mut ModelSpec, tensors: &[&str]) {
        names::settle_head(self, spec, tensors);
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        let f = &file.image();
        check_class(f, &["Idefics3ImageProcessor", "SmolVLMImageProcessor"])?;
        let side = match f.section("max_image_size")? {
            Some(most) => (most.count("longest_edge", 1..=MAX_SIDE)?)
                .ok_or_else(|| most.invalid("longest_edge", "the side of a tile", "absent"))?,
            None => 364,
        };
        let spec = spec.clone().with_picture_size(side)?;
        let vision = spec.vision()?;
        vision
            .connector
            .check_grid("config.json", vision.tower.patches_per_side())?;
        let tile = Tile::of(vision);
        tile.check_count(&file.processor(), "image_seq_len", 169)?;
        let on = |key: &str| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(true));
        let defaults = PixelDefaults {
            resample: Filter::Lanczos,
            ..PixelDefaults::HALF
        };
        Ok(Planned {
            pixels: PixelSettings::parse(file, &defaults)?,
            planner: Box::new(Tiles {
                resize: if on("do_resize")? {
                    Some(size(f)?)
                } else {
                    None
                },
                split: on("do_image_splitting")?,
                tile,
            }),
        })
    }
}

/// The first size that an image is resized to.
#[derive(Clone, Copy, Debug)]
enum Size {
    /// The longer side to this length.
    Longest(usize),
    /// Exactly this height and width.
    Exact([usize; 2]),
}

/// `size`.
fn size(f: &Fields<'_>) -> Result<Size, WeightsError> {
    let Some(size) = f.section("size")? else {
        return Ok(Size::Longest(4 * 364));
    };
    let side = |key: &str| size.count(key, 1..=MAX_SIDE);
    match (side("longest_edge")?, side("height")?, side("width")?) {
        (Some(edge), ..) => Ok(Size::Longest(edge)),
        (None, Some(height), Some(width)) => Ok(Size::Exact([height, width])),
        _ => {
            let found = f.value("size").map_or("none".into(), describe);
            Err(f.invalid("size", "longest_edge, or height and width", found))
        }
    }
}

impl Size {
    /// Height and width of an image of `height` x `width` after resizing.
    fn of(self, height: usize, width: usize) -> [usize; 2] {
        let longest = match self {
            Self::Exact(size) => return size,
            Self::Longest(longest) => longest,
        };
        let even = |side: usize| side + side % 2;
        let [height, width] = to_longest(longest, height, width, even);
        match height.max(width) <= LONGEST {
            true => [height, width],
            false => to_longest(LONGEST, height, width, |side| side),
        }
    }
}

/// Height and width of an image whose longer side becomes `long`.
fn to_longest(
    long: usize,
    height: usize,
    width: usize,
    then: impl Fn(usize) -> usize,
) -> [usize; 2] {
    let short = then(by_aspect(long, height, width)).max(1);
    match width >= height {
        true => [short, long],
        false => [long, short],
    }
}

/// The shorter side of an image of `height` x `width` whose longer one becomes `long`: by the quotient
/// of width and height in f64, whose rounding shows, then cut off.
fn by_aspect(long: usize, height: usize, width: usize) -> usize {
    let aspect = width as f64 / height as f64;
    let short = match width >= height {
        true => long as f64 / aspect,
        false => long as f64 * aspect,
    };
    short as usize
}

/// The planner.
#[derive(Debug)]
struct Tiles {
    /// Size to resize to first, if at all.
    resize: Option<Size>,
    /// Whether images are cut.
    split: bool,
    tile: Tile,
}

impl Tiles {
    /// Rows and columns of tiles of an image of `height` x `width`.
    fn grid(&self, height: usize, width: usize) -> [usize; 2] {
        let side = self.tile.side;
        let long = height.max(width).next_multiple_of(side);
        let short = by_aspect(long, height, width).div_ceil(side);
        match width >= height {
            true => [short, long / side],
            false => [long / side, short],
        }
    }

    /// What stands for a picture: its mark and the placeholders.
    fn marked(&self, pieces: &mut Vec<Piece>, before: &str, mark: &str) {
        let scaffold = format!("{before}<fake_token_around_image>{mark}");
        pieces.push(Piece::Scaffold(scaffold));
        pieces.push(Piece::Placeholders(self.tile.tokens));
    }
}

impl ImagePlanner for Tiles {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let mut plan = ImagePlan::default();
        let [mut height, mut width] = [height, width];
        let mut last = None;
        if let Some(size) = self.resize {
            [height, width] = size.of(height, width);
            last = Some(tiles::resized(&mut plan, None, [height, width]));
        }
        let side = self.tile.side;
        let mut before = "";
        if self.split {
            let grid = self.grid(height, width);
            tiles::check(grid)?;
            let size = grid.map(|count| count * side);
            let canvas = tiles::resized(&mut plan, last, size);
            last = Some(canvas);
            if grid != [1, 1] {
                self.tile.add(&mut plan, canvas, grid);
                for row in 1..=grid[0] {
                    for column in 1..=grid[1] {
                        let mark = format!("<row_{row}_col_{column}>");
                        let before = if row > 1 && column == 1 { "\n" } else { "" };
                        self.marked(&mut plan.pieces, before, &mark);
                    }
                }
                before = "\n\n";
            }
        }
        let whole = tiles::resized(&mut plan, last, [side; 2]);
        self.tile.add(&mut plan, whole, [1, 1]);
        self.marked(&mut plan.pieces, before, "<global-img>");
        let end = "<fake_token_around_image>".to_owned();
        plan.pieces.push(Piece::Scaffold(end));
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.tile.side, self.tile.side))
    }
}
