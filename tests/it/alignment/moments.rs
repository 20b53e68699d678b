//! The distance of scaled vision tokens, from the moments alone.

use mirscope::gpu::KernelVariant;

use super::{
    clouds::normal,
    run::{PLAIN, device, measure},
};
use crate::support::Random;

#[test]
fn moments_tell_the_distance_of_scaled_vision_tokens() {
    let mut random = Random::new(91);
    let r = &mut random;
    let settings = mirscope::alignment::MirSettings::default();
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        for (n_v, n_t) in [(200, 150), (16, 30)] {
            let layers = [
                (
                    normal(r, n_v, 24, 100.0, 5.0),
                    normal(r, n_t, 24, 10.0, 1.0),
                ),
                (normal(r, n_v, 24, 1e4, 1.0), normal(r, n_t, 24, 1e4, 1.0)),
            ];
            for settings in [PLAIN, settings] {
                let plain = measure(&gpu, settings, &layers);
                for scale in [1.0, 0.125, 0.7, 3.0] {
                    let scaled = layers
                        .clone()
                        .map(|(vision, text)| (vision.scaled(scale), text));
                    let expected = measure(&gpu, settings, &scaled);
                    for (plain, expected) in plain.layers.iter().zip(&expected.layers) {
                        let found =
                            (plain.moments).frechet_scaled(f64::from(scale), plain.mean_norms[1]);
                        let error = (found / expected.frechet - 1.0).abs();
                        println!("{kernels:?}, {n_v} tokens times {scale}: {error:.1e} off");
                        assert!(error < 1e-4, "{kernels:?}, times {scale}: {error:.1e}");
                    }
                }
            }
        }
    }
}
