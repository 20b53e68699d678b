//! What several tests share: devices, random numbers, comparison.

use std::sync::OnceLock;

pub use mirscope::check::{F32_SUMS, Random, relative_error};
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
pub fn check_params(dispatch: &Dispatch) {
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

/// Fails with the place of the largest deviation where the relative error exceeds `tolerance`.
#[track_caller]
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths differ");
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
