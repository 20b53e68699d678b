//! Running the metric on clouds.

use mirscope::{
    alignment::{AlignmentError, Mir, MirResult, MirSettings},
    gpu::{Gpu, GpuOptions, KernelVariant, LimitTier, Recording},
    platform::Cancel,
    report::{Definition, Outliers},
};

use super::clouds::Cloud;

/// Exact, without the replacement of outliers.
pub const PLAIN: MirSettings = MirSettings {
    definition: Definition::Exact,
    outliers: Outliers::Keep,
    intervals: false,
    ranks: false,
};

/// A device with the given variant of all kernels, at WebGPU's default limits.
pub fn device(kernels: KernelVariant) -> Gpu {
    let options = GpuOptions {
        kernels: Some(kernels),
        limits: LimitTier::WebGpuDefault,
        ..GpuOptions::default()
    };
    pollster::block_on(Gpu::request(&options)).expect("the tests need a graphics adapter")
}

/// Measures layers of (vision, text). The clouds come in two pairs whose rows are mixed: tokens of
/// the modalities in turn, so that positions matter.
pub fn try_measure(
    gpu: &Gpu,
    settings: MirSettings,
    layers: &[(Cloud, Cloud)],
    budget: Option<u64>,
) -> Result<MirResult, AlignmentError> {
    let (vision, text) = &layers[0];
    let width = vision.width;
    let (n_v, n_t) = (vision.tokens(), text.tokens());
    let mut mir = Mir::new(gpu, settings, layers.len(), width, n_v, n_t, budget)?;
    pollster::block_on(async {
        for (v_range, t_range) in [(0..n_v / 2, 0..n_t / 3), (n_v / 2..n_v, n_t / 3..n_t)] {
            let count = v_range.len() + t_range.len() + 1;
            // A row that belongs to nobody, then text backwards from the end, vision in front.
            let vision_at: Vec<u32> = (1..=v_range.len() as u32).collect();
            let text_at: Vec<u32> = (0..t_range.len() as u32)
                .map(|i| count as u32 - 1 - i)
                .collect();
            let states: Vec<_> = layers
                .iter()
                .map(|(vision, text)| {
                    let mut rows = vec![f32::NAN; width];
                    rows.extend(&vision.values[v_range.start * width..v_range.end * width]);
                    for row in t_range.clone().rev() {
                        rows.extend(&text.values[row * width..(row + 1) * width]);
                    }
                    gpu.upload(count, width, &rows).expect("upload")
                })
                .collect();
            let mut recording = Recording::new();
            mir.push(&mut recording, &states, &vision_at, &text_at)?;
            gpu.run(&recording).await?;
        }
        mir.finish(&Cancel::default(), &mut |_, _| {}).await
    })
}

/// [`try_measure`] that succeeds.
pub fn measure(gpu: &Gpu, settings: MirSettings, layers: &[(Cloud, Cloud)]) -> MirResult {
    try_measure(gpu, settings, layers, None).expect("the metric runs")
}
