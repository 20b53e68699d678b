//! What several tests share: devices, random numbers, comparison.

use std::sync::OnceLock;

use mirscope::engine::SplitMix64;
use mirscope::gpu::{Dispatch, Gpu, GpuOptions, LimitTier, Recording, Tensor, shader};

/// The device of the suite: the machine's adapter at exactly WebGPU's default limits.
pub fn gpu() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        let options = GpuOptions {
            limits: LimitTier::WebGpuDefault,
            ..GpuOptions::default()
        };
        pollster::block_on(Gpu::request(&options)).expect("the tests need a graphics adapter")
    })
    .clone()
}

/// Runs dispatches and reads one tensor back.
pub fn run(gpu: &Gpu, dispatches: impl IntoIterator<Item = Dispatch>, out: &Tensor) -> Vec<f32> {
    let mut recording = Recording::new();
    for dispatch in dispatches {
        check_params(&dispatch);
        recording.push(dispatch);
    }
    run_recording(gpu, &recording, out)
}

/// Fails where the host's parameters have another size than the shader's uniform, as naga sees it.
#[track_caller]
fn check_params(dispatch: &Dispatch) {
    let source = shader(dispatch.kernel).expect("a known kernel");
    let module = naga::front::wgsl::parse_str(source).expect("a valid shader");
    let uniform = module
        .global_variables
        .iter()
        .find(|(_, variable)| variable.space == naga::AddressSpace::Uniform)
        .map(|(_, variable)| &module.types[variable.ty].inner);
    let Some(naga::TypeInner::Struct { span, .. }) = uniform else {
        panic!("{} has no uniform of parameters", dispatch.kernel);
    };
    let (host, device) = (dispatch.params.len(), *span as usize);
    assert_eq!(
        host, device,
        "{}: bytes of Params on host and device",
        dispatch.kernel
    );
}

/// Runs a recording and reads one tensor back.
pub fn run_recording(gpu: &Gpu, recording: &Recording, out: &Tensor) -> Vec<f32> {
    pollster::block_on(async {
        gpu.run(recording).await.expect("the recording runs");
        let mut read = gpu.read(&[out]).await.expect("the result comes back");
        read.remove(0).values
    })
}

/// Deterministic random numbers, from the generator that the engine selects with.
pub struct Random(SplitMix64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Standard normal values.
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal() as f32).collect()
    }
}

/// Norm of the difference over norm of the reference.
pub fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "lengths differ");
    let (mut difference, mut norm) = (0.0, 0.0);
    for (&f, &e) in found.iter().zip(expected) {
        difference += (f64::from(f) - f64::from(e)).powi(2);
        norm += f64::from(e).powi(2);
    }
    if difference.is_nan() {
        return f64::INFINITY;
    }
    if norm == 0.0 {
        return difference.sqrt();
    }
    (difference / norm).sqrt()
}

/// Fails with the place of the largest deviation where the relative error exceeds `tolerance`.
#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f64, what: &str) {
    let error = relative_error(found, expected);
    if error <= tolerance {
        return;
    }
    let worst = found
        .iter()
        .zip(expected)
        .map(|(&f, &e)| (f64::from(f) - f64::from(e)).abs())
        .enumerate()
        .fold((0, -1.0), |worst, (index, deviation)| {
            if deviation > worst.1 || deviation.is_nan() {
                (index, deviation)
            } else {
                worst
            }
        });
    panic!(
        "{what}: relative error {error:.2e} exceeds {tolerance:.0e}; worst at index {}: found {}, expected {}",
        worst.0, found[worst.0], expected[worst.0]
    );
}

/// Rounding of sums in f32: a few units in the last place, whatever the order.
pub const F32_SUMS: f64 = 2e-6;
