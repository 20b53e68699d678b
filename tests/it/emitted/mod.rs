//! What drivers get to read: every kernel in the languages of wgpu's native backends, with the options
//! that wgpu gives naga for modules without runtime checks (`gpu/pipeline.rs`).

use std::collections::HashMap;

use mirscope::gpu::{RUNTIME_CHECKS, SHADERS, SUBGROUP_SHADERS, shader};
use naga::{
    Module, ScalarKind, ShaderStage,
    back::{PipelineConstants, pipeline_constants::process_overrides},
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

mod languages;

use languages::{Checks, checks, spirv};

/// An entry point with values of its overrides.
struct Variant {
    name: String,
    entry: String,
    module: Module,
    info: ModuleInfo,
}

/// Values that a kernel's override takes besides its default.
fn other_values(name: &str, module: &Module) -> Vec<f64> {
    let is_bool = |(_, constant): (_, &naga::Override)| {
        let scalar = module.types[constant.ty].inner.scalar();
        constant.name.as_deref() == Some(name)
            && scalar.is_some_and(|scalar| scalar.kind == ScalarKind::Bool)
    };
    match name {
        "DTYPE" => vec![1.0, 2.0],
        "ACTIVATION" => (0..8).map(f64::from).collect(),
        "TILE_ROWS" | "QUERIES" => vec![32.0],
        "LINES" => vec![128.0],
        "ROWS" => vec![2.0, 4.0, 8.0],
        "GROUP_ROWS" => vec![2.0],
        "SIDE" => vec![4.0, 8.0],
        // Computed from SIDE.
        "LANES" => Vec::new(),
        "SLOTS" => vec![512.0],
        "QUADS" => vec![20.0],
        _ if module.overrides.iter().any(is_bool) => vec![0.0, 1.0],
        _ => panic!("{name} is an override of a kernel: which values does it take?"),
    }
}

/// Every entry point of every kernel with its defaults, and with each other value of each override.
fn variants() -> Vec<Variant> {
    let mut all = Vec::new();
    for (kernel, source) in SHADERS.iter().chain(SUBGROUP_SHADERS) {
        let module = naga::front::wgsl::parse_str(source).expect(kernel);
        let info = Validator::new(ValidationFlags::all(), Capabilities::all())
            .validate(&module)
            .expect(kernel);
        let mut settings = vec![PipelineConstants::default()];
        // Sizes that are computed from overrides are overrides without a name.
        let names = module.overrides.iter();
        for name in names.filter_map(|(_, constant)| constant.name.clone()) {
            let values = other_values(&name, &module).into_iter();
            settings
                .extend(values.map(|value| PipelineConstants::from_iter([(name.clone(), value)])));
        }
        let base = shader(kernel).filter(|base| base != source);
        for entry in &module.entry_points {
            // Those of the kernel alone have come already.
            if base.is_some_and(|base| base.contains(&format!("fn {}(", entry.name))) {
                continue;
            }
            for constants in &settings {
                let point = Some((ShaderStage::Compute, entry.name.as_str()));
                let name = format!("{kernel} {} {constants:?}", entry.name);
                let (module, info) =
                    process_overrides(&module, &info, point, constants).expect(&name);
                all.push(Variant {
                    name,
                    entry: entry.name.clone(),
                    module: module.into_owned(),
                    info: info.into_owned(),
                });
            }
        }
    }
    all
}

#[test]
fn no_kernel_comes_to_a_driver_with_checks_that_slow_it() {
    // The device's code turns off what is turned off here.
    const { assert!(!RUNTIME_CHECKS.bounds_checks && !RUNTIME_CHECKS.force_loop_bounding) };
    let mut failures = Vec::new();
    for variant in variants() {
        for (language, found) in checks(&variant, false) {
            // Divisors are checked in HLSL whatever the options.
            let fine = |checks: &Checks| {
                checks.clamps + checks.loop_counters == 0
                    && (checks.divisions == 0 || language == "HLSL")
            };
            match found {
                Ok(checks) if fine(&checks) => {}
                found => failures.push(format!("{language} of {}: {found:?}", variant.name)),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What the test above looks for is there where wgpu's own checks are on.
#[test]
fn checks_are_seen_where_they_are_on() {
    let mut all: HashMap<&str, Checks> = HashMap::new();
    for variant in variants() {
        for (language, found) in checks(&variant, true) {
            let found =
                found.unwrap_or_else(|error| panic!("{language} of {}: {error}", variant.name));
            let sum = all.entry(language).or_default();
            sum.clamps += found.clamps;
            sum.loop_counters += found.loop_counters;
            sum.divisions += found.divisions;
        }
    }
    for (language, sum) in &all {
        let seen = [sum.clamps, sum.loop_counters, sum.divisions];
        assert!(seen.iter().all(|&count| count > 100), "{language}: {sum:?}");
    }
}

/// A kernel's code, whose loops are written out by hand, stays within what drivers compile in a moment.
#[test]
fn spirv_has_the_size_of_a_kernel() {
    const LEAST: usize = 200;
    const MOST: usize = 20_000;
    let sizes = variants().into_iter().map(|variant| {
        let words =
            spirv(&variant, false).unwrap_or_else(|error| panic!("{}: {error}", variant.name));
        assert_eq!(words[0], 0x0723_0203, "{}: not SPIR-V", variant.name);
        (words.len(), variant.name)
    });
    let odd: Vec<_> = sizes
        .filter(|(words, _)| !(LEAST..=MOST).contains(words))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}
