//! Compiled kernels.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Access, Dispatch, shader, subgroup_shader};

/// A compiled kernel variant.
pub(super) struct Pipeline {
    /// Counts the variants of a device.
    pub(super) id: u64,
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
}

/// A variant of a kernel with what tells it from the others.
struct Variant {
    entry: &'static str,
    constants: Vec<(&'static str, f64)>,
    access: Vec<Access>,
    pipeline: Arc<Pipeline>,
}

impl Variant {
    fn serves(&self, dispatch: &Dispatch) -> bool {
        self.entry == dispatch.entry
            && self.constants == dispatch.constants
            && self.access.len() == dispatch.bindings.len()
            && self
                .access
                .iter()
                .zip(&dispatch.bindings)
                .all(|(access, binding)| *access == binding.access)
    }
}

/// All kernel variants compiled so far.
#[derive(Default)]
pub(super) struct Pipelines(Mutex<Cache>);

#[derive(Default)]
struct Cache {
    kernels: HashMap<&'static str, (wgpu::ShaderModule, Vec<Variant>)>,
    count: u64,
    /// Whether kernels decode 16-bit floats with integer operations.
    integer_f16: bool,
}

/// The constant that the snippet for weights chooses its decoding by.
const INTEGER_F16: &str = "INTEGER_F16";

impl Pipelines {
    /// The compiled kernel of a dispatch.
    pub(super) fn get(&self, device: &wgpu::Device, dispatch: &Dispatch) -> Arc<Pipeline> {
        let mut cache = self.lock();
        let Cache {
            kernels,
            count,
            integer_f16,
        } = &mut *cache;
        // A kernel has few variants, and a look at each is quicker than a key.
        let (module, variants) = kernels
            .entry(dispatch.kernel)
            .or_insert_with(|| (module(device, dispatch.kernel), Vec::new()));
        if let Some(variant) = variants.iter().find(|variant| variant.serves(dispatch)) {
            return variant.pipeline.clone();
        }
        let access: Vec<Access> = dispatch
            .bindings
            .iter()
            .map(|binding| binding.access)
            .collect();
        *count += 1;
        let mut constants = dispatch.constants.clone();
        if *integer_f16 && shader(dispatch.kernel).is_some_and(|code| code.contains(INTEGER_F16)) {
            constants.push((INTEGER_F16, 1.0));
        }
        let pipeline = compile(device, module, dispatch, &constants, &access, *count);
        let pipeline = Arc::new(pipeline);
        variants.push(Variant {
            entry: dispatch.entry,
            constants: dispatch.constants.clone(),
            access,
            pipeline: pipeline.clone(),
        });
        pipeline
    }

    pub(super) fn decodes_by_integers(&self) -> bool {
        self.lock().integer_f16
    }

    /// Has kernels decode 16-bit floats with integer operations from now on.
    pub(super) fn decode_by_integers(&self) {
        let mut cache = self.lock();
        cache.integer_f16 = true;
        cache.kernels.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is checked while a kernel runs natively: nothing. A browser checks for itself.
pub const RUNTIME_CHECKS: wgpu::ShaderRuntimeChecks = wgpu::ShaderRuntimeChecks::unchecked();

/// A kernel's module, natively without the checks that keep a stranger's shader within its buffers: the
/// clamps and loop counters keep drivers from unrolling loops and from holding sums in registers.
#[allow(unsafe_code)]
fn module(device: &wgpu::Device, kernel: &'static str) -> wgpu::ShaderModule {
    // An unknown name becomes an empty module, which the driver reports by the label.
    let granted = device.features().contains(wgpu::Features::SUBGROUP);
    let with_subgroups = granted.then(|| subgroup_shader(kernel)).flatten();
    let source = with_subgroups.or(shader(kernel)).unwrap_or_default();
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(kernel),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    };
    // SAFETY: the source is one of this program's own kernels, composed when it was built, never text
    // from outside. Each checks its indices against sizes that its dispatch function has compared
    // with the tensors bound, and so their types (`expect`), every loop counts towards an end that its
    // parameters give, and divisors are sizes that are checked not to be 0. The suite runs them all like this.
    unsafe { device.create_shader_module_trusted(descriptor, RUNTIME_CHECKS) }
}

fn compile(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    dispatch: &Dispatch,
    constants: &[(&str, f64)],
    access: &[Access],
    id: u64,
) -> Pipeline {
    let uniform = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: true,
            min_binding_size: None,
        },
        count: None,
    };
    let storage = |(index, access): (usize, &Access)| wgpu::BindGroupLayoutEntry {
        binding: index as u32 + 1,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage {
                read_only: *access == Access::Read,
            },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    };
    let entries: Vec<_> = std::iter::once(uniform)
        .chain(access.iter().enumerate().map(storage))
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(dispatch.kernel),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(dispatch.kernel),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(dispatch.kernel),
        layout: Some(&pipeline_layout),
        module,
        entry_point: Some(dispatch.entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants,
            // No kernel reads workgroup memory that it has not written.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    });
    Pipeline {
        id,
        pipeline,
        layout,
    }
}
