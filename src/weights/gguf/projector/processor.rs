//! The settings of the image processor, as `preprocessor_config.json`.

use serde_json::{Map, Value, json};

use super::{super::super::error::WeightsError, Kind, Projector, shortest};

/// Bounds on the pixels of Qwen's images where the file has none, as no converter writes them: those of
/// the published checkpoints.
const QWEN_PIXELS: [u64; 2] = [56 * 56, 16384 * 28 * 28];
/// Bounds on an image's tiles where the file has none.
const TILES: [u64; 2] = [1, 12];

impl Projector {
    /// `preprocessor_config.json`.
    ///
    /// # Errors
    /// As [`Projector::config`].
    pub(in super::super) fn preprocessor(&self) -> Result<Value, WeightsError> {
        let mut settings = Map::from_iter([
            ("do_convert_rgb".to_owned(), json!(true)),
            ("do_resize".to_owned(), json!(true)),
            ("do_rescale".to_owned(), json!(true)),
            ("do_normalize".to_owned(), json!(true)),
            ("rescale_factor".to_owned(), json!(1.0 / 255.0)),
            ("image_mean".to_owned(), self.three("image_mean")?),
            ("image_std".to_owned(), self.three("image_std")?),
        ]);
        if let Value::Object(more) = self.of_kind()? {
            settings.extend(more);
        }
        Ok(Value::Object(settings))
    }

    /// Whether there is a `processor_config.json`: its classes otherwise take a number of their own for the
    /// tokens of a picture.
    pub(in super::super) fn counts_tokens(&self) -> bool {
        matches!(self.kind, Kind::Idefics3 | Kind::InternVl)
    }

    /// `processor_config.json`.
    ///
    /// # Errors
    /// As [`Projector::config`].
    pub(in super::super) fn processor(&self) -> Result<Value, WeightsError> {
        let patches = self.count("image_size")? / self.count("patch_size")?;
        let side = patches / self.count("projector.scale_factor")?;
        let tokens = side.saturating_mul(side);
        Ok(match self.kind {
            Kind::InternVl => json!({"image_seq_length": tokens}),
            _ => json!({"image_seq_len": tokens}),
        })
    }

    /// What differs between the kinds.
    fn of_kind(&self) -> Result<Value, WeightsError> {
        let side = || self.count("image_size");
        let or =
            |key: &str, default: u64| Ok::<_, WeightsError>(self.given(key)?.unwrap_or(default));
        Ok(match self.kind {
            Kind::Llava => json!({
                "image_processor_type": "CLIPImageProcessor", "do_center_crop": true,
                "crop_size": {"height": side()?, "width": side()?},
                "size": {"shortest_edge": side()?}, "resample": 3,
            }),
            Kind::Gemma3 => json!({
                "image_processor_type": "Gemma3ImageProcessor",
                "size": {"height": side()?, "width": side()?}, "resample": 2,
            }),
            Kind::Idefics3 => json!({
                "image_processor_type": "Idefics3ImageProcessor", "do_image_splitting": true,
                "max_image_size": {"longest_edge": side()?},
                // Older files lack the key; all published models take four tiles.
                "size": {"longest_edge": or("preproc_image_size", 4 * side()?)?},
                "resample": 1,
            }),
            Kind::InternVl => json!({
                "image_processor_type": "GotOcr2ImageProcessor", "resample": 3,
                "size": {"height": side()?, "width": side()?},
                "min_patches": or("preproc_min_tiles", TILES[0])?,
                "max_patches": or("preproc_max_tiles", TILES[1])?,
            }),
            Kind::Qwen2Vl | Kind::Qwen25Vl => json!({
                "image_processor_type": "Qwen2VLImageProcessor", "resample": 3,
                "patch_size": self.count("patch_size")?, "merge_size": self.merge()?,
                "temporal_patch_size": 2,
                "min_pixels": or("image_min_pixels", QWEN_PIXELS[0])?,
                "max_pixels": or("image_max_pixels", QWEN_PIXELS[1])?,
            }),
        })
    }

    /// A list of a number for each color.
    fn three(&self, key: &str) -> Result<Value, WeightsError> {
        let (metadata, key) = (&self.header.metadata, format!("clip.vision.{key}"));
        let list = metadata.floats(&key)?.filter(|list| list.len() == 3);
        let list = list.ok_or_else(|| metadata.wrong(&key, "three numbers"))?;
        let short = list.iter().map(|number| shortest(f64::from(*number)));
        Ok(Value::Array(short.collect()))
    }
}
