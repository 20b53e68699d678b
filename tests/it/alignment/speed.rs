//! How long the metric takes: `cargo test --test it -- --ignored --nocapture speed`.

use std::time::Instant;

use mirscope::{
    alignment::{Mir, MirSettings},
    gpu::{Gpu, GpuOptions, Recording},
    platform::Cancel,
    report::Outliers,
};

use crate::support::Random;

#[test]
#[ignore = "takes seconds per layer on a software adapter"]
fn one_layer_of_a_small_model() {
    let gpu = pollster::block_on(Gpu::request(&GpuOptions::default())).expect("an adapter");
    let (width, pairs, tokens) = (576, 8, 512);
    let mut random = Random::new(401);
    for outliers in [false, true] {
        let settings = MirSettings {
            outliers: if outliers {
                Outliers::Replace
            } else {
                Outliers::Keep
            },
            ..MirSettings::default()
        };
        let count = pairs * tokens;
        let mut mir = Mir::new(&gpu, settings, 1, width, count, count, None).expect("fits");
        let vision: Vec<u32> = (0..tokens as u32).collect();
        let text: Vec<u32> = (tokens as u32..2 * tokens as u32).collect();
        for _ in 0..pairs {
            let values = random.normals(2 * tokens * width);
            let state = gpu.upload(2 * tokens, width, &values).expect("upload");
            let mut recording = Recording::new();
            mir.push(&mut recording, &[state], &vision, &text)
                .expect("fits");
            pollster::block_on(gpu.run(&recording)).expect("runs");
        }
        let plan = *mir.memory_plan();
        let start = Instant::now();
        let result = pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {}));
        let seconds = start.elapsed().as_secs_f64();
        let layer = &result.expect("runs").layers[0];
        println!(
            "{}: {seconds:.3} s for {count} + {count} tokens of width {width}, {:?} outliers, {plan:?}",
            gpu.name(),
            layer.outliers
        );
        assert_eq!(layer.outliers[0] > 0, outliers);
    }
}
