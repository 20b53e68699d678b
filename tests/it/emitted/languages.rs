//! A kernel in the languages that drivers read, and the checks in it.

use naga::{
    Expression, MathFunction, ScalarKind, ShaderStage,
    back::{hlsl, msl, spv},
    proc::{BoundsCheckPolicies, BoundsCheckPolicy},
};

use super::Variant;

/// Checks that naga adds to a stranger's shader.
#[derive(Debug, Default, PartialEq)]
pub struct Checks {
    /// Indices that are clamped to what they index.
    pub clamps: usize,
    /// Mentions of counters that end loops.
    pub loop_counters: usize,
    /// Mentions of functions that replace a divisor of 0.
    pub divisions: usize,
}

impl Checks {
    fn of_text(text: &str, clamp: &str) -> Self {
        Self {
            clamps: text.matches(clamp).count(),
            loop_counters: text.matches("loop_bound").count(),
            divisions: text.matches("naga_div(").count() + text.matches("naga_mod(").count(),
        }
    }
}

/// What bounds indices: everything, or nothing (`image_load` and `binding_array` are of no use here).
fn policies(checked: bool) -> BoundsCheckPolicies {
    let policy = if checked {
        BoundsCheckPolicy::Restrict
    } else {
        BoundsCheckPolicy::Unchecked
    };
    BoundsCheckPolicies {
        index: policy,
        buffer: policy,
        image_load: policy,
        binding_array: BoundsCheckPolicy::Unchecked,
    }
}

pub fn spirv(variant: &Variant, checked: bool) -> Result<Vec<u32>, String> {
    let options = spv::Options {
        lang_version: (1, 3),
        // With names, by which loop counters are found.
        flags: spv::WriterFlags::DEBUG,
        fake_missing_bindings: true,
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: checked,
        emit_int_div_checks: checked,
        ..spv::Options::default()
    };
    let pipeline = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: variant.entry.clone(),
    };
    spv::write_vec(&variant.module, &variant.info, &options, Some(&pipeline))
        .map_err(|error| error.to_string())
}

fn metal(variant: &Variant, checked: bool) -> Result<String, String> {
    let options = msl::Options {
        lang_version: (2, 4),
        fake_missing_bindings: true,
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: checked,
        emit_int_div_checks: checked,
        ..msl::Options::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, variant.entry.clone())),
        ..msl::PipelineOptions::default()
    };
    msl::write_string(&variant.module, &variant.info, &options, &pipeline)
        .map(|(text, _)| text)
        .map_err(|error| error.to_string())
}

/// Direct3D's has no option for divisions: they are always checked.
fn direct3d(variant: &Variant, checked: bool) -> Result<String, String> {
    let options = hlsl::Options {
        // What the compiler that comes with Windows reads.
        shader_model: hlsl::ShaderModel::V5_1,
        fake_missing_bindings: true,
        zero_initialize_workgroup_memory: false,
        restrict_indexing: checked,
        force_loop_bounding: checked,
        ..hlsl::Options::default()
    };
    let pipeline = hlsl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, variant.entry.clone())),
    };
    let mut text = String::new();
    hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(&variant.module, &variant.info, None)
        .map_err(|error| error.to_string())?;
    Ok(text)
}

/// Instructions of SPIR-V: operation code and operands.
fn instructions(words: &[u32]) -> Vec<(u32, &[u32])> {
    const HEADER: usize = 5;
    let mut all = Vec::new();
    let mut rest = &words[HEADER..];
    while let Some(first) = rest.first() {
        let length = (first >> 16) as usize;
        assert!(length > 0 && length <= rest.len(), "a broken instruction");
        all.push((first & 0xffff, &rest[1..length]));
        rest = &rest[length..];
    }
    all
}

/// The checks in SPIR-V: clamps are the minima of unsigned integers beyond those of the source.
fn checks_of_spirv(words: &[u32], variant: &Variant) -> Checks {
    const NAME: u32 = 5;
    const EXTENDED: u32 = 12;
    const UMIN: u32 = 38;
    let (mut minima, mut checks) = (0, Checks::default());
    for (code, operands) in instructions(words) {
        match code {
            EXTENDED if operands.get(3) == Some(&UMIN) => minima += 1,
            NAME => {
                let letters = operands[1..].iter().flat_map(|word| word.to_le_bytes());
                let name: String = letters.map(char::from).collect();
                let has = |part| usize::from(name.contains(part));
                checks.loop_counters += has("loop_bound");
                checks.divisions += has("naga_div") + has("naga_mod");
            }
            _ => {}
        }
    }
    let own = own_minima(variant);
    assert!(minima >= own, "{}: {minima} minima of {own}", variant.name);
    checks.clamps = minima - own;
    checks
}

/// Minima of unsigned integers that the source itself asks for; a clamp is written with one.
fn own_minima(Variant { module, info, .. }: &Variant) -> usize {
    let points = module.entry_points.iter().enumerate();
    let points = points.map(|(index, point)| (&point.function, info.get_entry_point(index)));
    let functions = module.functions.iter();
    let functions = functions.map(|(handle, function)| (function, &info[handle]));
    let mut count = 0;
    for (function, types) in functions.chain(points) {
        for (_, expression) in function.expressions.iter() {
            if let Expression::Math {
                fun: MathFunction::Min | MathFunction::Clamp,
                arg,
                ..
            } = expression
            {
                let scalar = types[*arg].ty.inner_with(&module.types).scalar();
                count += usize::from(scalar.is_some_and(|scalar| scalar.kind == ScalarKind::Uint));
            }
        }
    }
    count
}

/// The checks that each language's text of a variant has, or why there is none.
pub fn checks(variant: &Variant, checked: bool) -> [(&'static str, Result<Checks, String>); 3] {
    [
        (
            "SPIR-V",
            spirv(variant, checked).map(|words| checks_of_spirv(&words, variant)),
        ),
        (
            "MSL",
            metal(variant, checked).map(|text| Checks::of_text(&text, "metal::min(unsigned(")),
        ),
        (
            "HLSL",
            direct3d(variant, checked).map(|text| Checks::of_text(&text, "min(uint(")),
        ),
    ]
}
