use mirscope::{
    gpu::Recording,
    input::Processor,
    model::{ForwardInput, Vlm},
    platform::Cancel,
};

use crate::{
    golden,
    support::{gpu, relative_error},
};

/// JPEG decoders may differ by a few levels per byte. What this does to the image features stays far
/// below what another photo of the same thing would do; `--nocapture` prints it.
const TOLERANCE: f64 = 0.05;

#[test]
fn another_jpeg_decoder_hardly_moves_the_image_features() {
    let gpu = gpu();
    let folder = golden::root().join("images");
    let case = &golden::cases()[0];
    let checkpoint = case.checkpoint();
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.config).unwrap();
    let vlm = pollster::block_on(Vlm::load(
        &gpu,
        &checkpoint,
        &Cancel::default(),
        &mut |_, _| {},
    ));
    let vlm = vlm.unwrap();
    let features = |file: &str| {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let pixels = processor.image(file, &bytes).unwrap().pixel_values;
        let input = ForwardInput {
            pixel_values: &pixels.data,
            pixel_shape: pixels.shape(),
            input_ids: &[],
            vision: &[],
        };
        let mut recording = Recording::new();
        let features = vlm.encode_image(&mut recording, &input).unwrap();
        crate::support::run_recording(&gpu, &recording, &features)
    };
    for name in [
        "jpeg_420",
        "jpeg_422",
        "jpeg_444",
        "jpeg_gray",
        "jpeg_rotated",
    ] {
        let own = features(&format!("{name}.jpg"));
        let pil = features(&format!("{name}.decoded.png"));
        let effect = relative_error(&own, &pil);
        println!("{name}: image features move by {effect:.1e}");
        assert!(
            effect <= TOLERANCE,
            "{name}: image features move by {effect:.1e}"
        );
    }
    let other = relative_error(&features("jpeg_444.jpg"), &features("odd.png"));
    assert!(
        other > 2.0 * TOLERANCE,
        "two different images differ by only {other:.1e}"
    );
}
