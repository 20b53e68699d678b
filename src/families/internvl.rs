//! InternVL (arXiv 2412.05271 and 2504.10479): `InternVLForConditionalGeneration`, the layout of
//! transformers.
//!
//! An image is resized to the grid of square tiles whose proportions are nearest to its own; the tiles go
//! through the tower row by row, the whole image, made one tile, after them.

use serde_json::Map;

use super::{
    Activation, ConnectorKind, ConnectorSpec, DecoderSpec, Family, FeatureSelect, ImagePlan,
    ImagePlanner, ModelSpec, PixelSettings, Planned, ProcessorFile, TowerKind, TowerSpec,
    VisionSpec, names,
    pixels::PixelDefaults,
    plan::{Misfit, Piece},
    processor_file::check_class,
    resize::height_width,
    spec::connector::ConnectorFields,
    tiles::{self, Tile},
};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// Most tiles that settings may ask for.
const MOST_TILES: usize = 256;

/// The family.
pub(crate) struct InternVl;

impl Family for InternVl {
    fn name(&self) -> &'static str {
        "internvl"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["InternVLForConditionalGeneration"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["internvl"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let empty = Map::new();
        let f = root.section_or("vision_config", &empty)?;
        let kind = TowerKind::InternVit;
        let tower = TowerSpec::of_kind(&f, kind, kind.sizes(false))?;
        let mut text = DecoderSpec::parse_or(root, "text_config.", "qwen2")?;
        // The class of the whole model decides.
        text.tie_word_embeddings = root.flag("tie_word_embeddings")?.unwrap_or(true);
        let image_token_id = root.token("image_token_id")?.unwrap_or(151_667);
        text.known(root, "image_token_id", image_token_id)?;
        let select = "vision_feature_select_strategy";
        match root.string(select)?.unwrap_or("default") {
            "default" => {}
            other => return Err(root.unsupported(select, other, "default")),
        }
        let layer = feature_layer(root, tower.num_hidden_layers)?;
        let connector = ConnectorSpec {
            kind: ConnectorKind::PixelShuffle {
                scale: scale(root)?,
                normed: true,
                layers: 2,
            },
            activation: Activation::parse(root, "projector_hidden_act", Activation::Gelu)?,
            bias: true,
            in_features: tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields {
                scale: RATIO,
                bias: "biases of multi_modal_projector",
            },
        };
        let vision = VisionSpec {
            image_token_id,
            feature_layers: vec![layer],
            feature_select: FeatureSelect::Default,
            // The norm belongs to the tower's output, and so only to what is called -1.
            normed_features: layer == -1 && !f.flag("use_mean_pooling")?.unwrap_or(true),
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    fn canonical(&self, name: &str) -> String {
        match name
            .trim_start_matches("model.")
            .strip_prefix("vision_tower.")
        {
            Some(rest) => format!("vision_tower.{}", names::vit_part(rest, &LAYER)),
            None => names::canonical(name),
        }
    }

    fn settle(&self, spec: &mut ModelSpec, tensors: &[&str]) {
        names::settle_head(self, spec, tensors);
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        let f = &file.image();
        check_class(f, &["GotOcr2ImageProcessor"])?;
        let side = match height_width(f, "size")?.unwrap_or((384, 384)) {
            (height, width) if height == width => height,
            (height, width) => {
                let found = format!("{height} and {width}");
                return Err(f.invalid("size", "equal height and width", found));
            }
        };
        let spec = spec.clone().with_picture_size(side)?;
        let vision = spec.vision()?;
        let patches = vision.tower.patches_per_side();
        vision.connector.check_grid("config.json", patches)?;
        let tile = Tile::of(vision);
        tile.check_count(&file.processor(), "image_seq_length", 256)?;
        let count = |key: &str, default: usize| {
            Ok::<_, WeightsError>(f.count(key, 1..=MOST_TILES)?.unwrap_or(default))
        };
        let most = count("max_patches", 12)?;
        if most == 1 && !f.flag("do_resize")?.unwrap_or(true) {
            return Err(f.unsupported("do_resize", "false", "true"));
        }
        Ok(Planned {
            pixels: PixelSettings::parse(file, &PixelDefaults::CLIP)?,
            planner: Box::new(Tiles {
                grids: grids(count("min_patches", 1)?, most),
                tile,
            }),
        })
    }
}

const RATIO: &str = "downsample_ratio";

/// The side of a square of patches: one over `downsample_ratio`.
fn scale(root: &Fields<'_>) -> Result<usize, WeightsError> {
    let Some(value) = root.value(RATIO) else {
        return Ok(2);
    };
    let scale = value.as_f64().map(|ratio| 1.0 / ratio);
    match scale.filter(|scale| (1.0..=32.0).contains(scale) && scale.fract() == 0.0) {
        Some(scale) => Ok(scale as usize),
        None => Err(root.invalid(RATIO, "one over a whole number up to 32", describe(value))),
    }
}

/// `vision_feature_layer`, within the tower's hidden states.
fn feature_layer(root: &Fields<'_>, layers: usize) -> Result<i64, WeightsError> {
    const KEY: &str = "vision_feature_layer";
    let Some(value) = root.value(KEY) else {
        return Ok(-1);
    };
    let states = layers as i64 + 1;
    value
        .as_i64()
        .filter(|layer| (-states..states).contains(layer))
        .ok_or_else(|| {
            let expected = format!("an index into {states} hidden states");
            root.invalid(KEY, expected, describe(value))
        })
}

/// Beginnings of the names of tensors within a layer of the tower.
const LAYER: [(&str, &str); 6] = [
    ("layernorm_before.", "layer_norm1."),
    ("layernorm_after.", "layer_norm2."),
    ("attention.projection_layer.", "self_attn.out_proj."),
    ("attention.", "self_attn."),
    ("lambda_1", "layer_scale1"),
    ("lambda_2", "layer_scale2"),
];

/// Rows and columns of all grids of `least` to `most` tiles: those of fewer tiles first, of equally many
/// the narrower ones.
fn grids(least: usize, most: usize) -> Vec<[usize; 2]> {
    let all = (1..=most).flat_map(|columns| (1..=most / columns).map(move |rows| [rows, columns]));
    let tiles = |grid: &[usize; 2]| grid[0] * grid[1];
    let mut grids: Vec<_> = all.filter(|grid| tiles(grid) >= least).collect();
    grids.sort_by_key(tiles);
    grids
}

/// The planner.
#[derive(Debug)]
struct Tiles {
    /// Rows and columns to choose from.
    grids: Vec<[usize; 2]>,
    tile: Tile,
}

impl Tiles {
    /// The grid with the proportions nearest to the image's; of equally near ones the last that is not
    /// more than twice as large as the image.
    fn grid(&self, height: usize, width: usize) -> [usize; 2] {
        let aspect = width as f64 / height as f64;
        let (mut best, mut nearest) = ([1, 1], f64::INFINITY);
        for &[rows, columns] in &self.grids {
            let far = (aspect - columns as f64 / rows as f64).abs();
            let area = self.tile.side.pow(2) * rows * columns;
            // In whole numbers, which f64 would hold just as well.
            if far < nearest || far == nearest && 2 * height * width > area {
                (best, nearest) = ([rows, columns], far);
            }
        }
        best
    }
}

impl ImagePlanner for Tiles {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let mut plan = ImagePlan::default();
        let grid = self.grid(height, width);
        let side = self.tile.side;
        let canvas = tiles::resized(&mut plan, None, grid.map(|count| count * side));
        self.tile.add(&mut plan, canvas, grid);
        if grid != [1, 1] {
            let whole = tiles::resized(&mut plan, None, [side; 2]);
            self.tile.add(&mut plan, whole, [1, 1]);
        }
        plan.pieces = vec![
            Piece::Scaffold("<img>".to_owned()),
            Piece::Placeholders(plan.features),
            Piece::Scaffold("</img>".to_owned()),
        ];
        Ok(plan)
    }

    fn fixed(&self) -> Option<(usize, usize)> {
        Some((self.tile.side, self.tile.side))
    }
}
