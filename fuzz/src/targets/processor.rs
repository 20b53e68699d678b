//! What a checkpoint's files say about images, with the configuration of one of the golden models.

use std::sync::OnceLock;

use mirscope::{
    families::{self, ModelSpec},
    input::{ImageProcessor, RgbImage},
    weights::MemorySource,
};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , true false null -1 0 1 2 4294967296 1e308 0.00392156862745098 "image_processor"
    "image_processor_type" "processor_class" "size" "crop_size" "height" "width" "shortest_edge" "longest_edge"
    "do_resize" "do_rescale" "do_normalize" "do_center_crop" "do_pad" "do_image_splitting" "max_image_size" "image_mean"
    "image_std" "rescale_factor" "resample" "image_grid_pinpoints" "min_pixels" "max_pixels" "patch_size" "merge_size"
    "temporal_patch_size" "min_patches" "max_patches" "crop_to_patches" "image_seq_length" "vision_feature_select_strategy""#;

/// Configurations, of each family one at least.
fn specs() -> &'static [ModelSpec] {
    static SPECS: OnceLock<Vec<ModelSpec>> = OnceLock::new();
    SPECS.get_or_init(|| {
        let texts = seeds::files(&["/config.json"]).into_iter();
        let texts = texts.filter_map(|text| String::from_utf8(text).ok());
        let specs = texts.filter_map(|text| families::parse("config.json", &text).ok());
        specs.filter(|spec| spec.vision.is_some()).collect()
    })
}

pub fn run(data: &[u8]) {
    let Some((which, files)) = data.split_first() else {
        return;
    };
    let spec = &specs()[usize::from(*which) % specs().len()];
    let [preprocessor, processor] = seeds::parts(files);
    let mut source = MemorySource::new("m").with("preprocessor_config.json", preprocessor.to_vec());
    if !processor.is_empty() {
        source.insert("processor_config.json", processor.to_vec());
    }
    let Ok(processor) = ImageProcessor::open(&source, spec) else {
        return;
    };
    for (height, width) in [(700, 500), (3, 9000)] {
        let _ = processor.plan_one_of(2, "i", height, width);
    }
    for (height, width) in [(15, 20), (1, 1)] {
        let image = RgbImage {
            height,
            width,
            data: vec![99; 3 * height * width],
            transparent: None,
        };
        // Larger pictures take longer, and no other way.
        let plan = processor.plan("i", height, width);
        let pixels = |plan: families::ImagePlan| -> usize {
            (plan.pictures.iter())
                .map(|picture| picture.padded.iter().product::<usize>())
                .sum()
        };
        if plan.is_ok_and(|plan| pixels(plan) < 1 << 18)
            && let Ok(made) = processor.process("i", &image)
        {
            for view in made.plan.views.iter().take(2) {
                processor.view(&made.plan, view, &made.pixel_values);
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let (pre, own) = (seeds::files(&["preprocessor_config.json"]), seeds::files(&["/processor_config.json"]));
    let own = own.iter().map(|own| seeds::joined(&[b"{}", own]));
    let files: Vec<Vec<u8>> = pre.into_iter().chain(own).collect();
    let seed = |(number, file): (usize, Vec<u8>)| {
        let which = (number % specs().len()) as u8;
        [&[which], &*file].concat()
    };
    files.into_iter().enumerate().map(seed).collect()
}
