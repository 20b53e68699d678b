use mirscope::gpu::{SHADERS, SUBGROUP_SHADERS};
use naga::{
    Arena, Block, Expression, Function, Handle, Module, Statement, TypeInner,
    proc::TypeResolution,
    valid::{
        Capabilities, FunctionInfo, ModuleInfo, ShaderStages, SubgroupOperationSet,
        ValidationFlags, Validator,
    },
};

/// What a browser takes: core WGSL has `unpack2x16float`.
const CORE: Capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;

fn validated(source: &str) -> Result<(Module, ModuleInfo), String> {
    validated_with(source, CORE)
}

fn validated_with(source: &str, granted: Capabilities) -> Result<(Module, ModuleInfo), String> {
    let module =
        naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let mut validator = Validator::new(ValidationFlags::all(), granted);
    validator.subgroup_stages(ShaderStages::COMPUTE);
    validator.subgroup_operations(SubgroupOperationSet::all());
    match validator.validate(&module) {
        Ok(info) => Ok((module, info)),
        Err(error) => Err(error.emit_to_string(source)),
    }
}

/// Validates every composed shader as a browser would: core WGSL, no native extras. Overrides that
/// size nothing and choose branches stay open, so all variants are covered.
#[test]
fn every_shader_is_valid_core_wgsl() {
    assert!(!SHADERS.is_empty(), "the table of shaders is empty");
    let mut failures = Vec::new();
    for (name, source) in SHADERS {
        if let Err(message) = validated(source) {
            failures.push(format!("{name}: {message}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is for subgroups takes them and nothing else, and a browser would refuse it.
#[test]
fn entry_points_for_subgroups_are_valid_beside_the_others() {
    assert!(!SUBGROUP_SHADERS.is_empty(), "the table is empty");
    for (name, source) in SUBGROUP_SHADERS {
        let (_, base) = SHADERS.iter().find(|(base, _)| base == name).expect(name);
        assert!(source.starts_with(base), "{name} is no more than its base");
        validated_with(source, CORE | Capabilities::SUBGROUP).unwrap();
        let refused = validated(source).unwrap_err();
        assert!(refused.contains("SUBGROUP"), "{refused}");
    }
}

/// The compiler that Direct3D has by itself writes no component of a vector, and no vector of a matrix, that
/// is chosen at run time.
#[test]
fn no_shader_stores_through_a_component_chosen_at_run_time() {
    let mut findings = Vec::new();
    for (name, source) in SHADERS {
        let (module, info) = validated(source).unwrap();
        let functions = module.functions.iter();
        let named = functions.map(|(handle, function)| (function, &info[handle]));
        let entries = module.entry_points.iter().enumerate();
        let entries = entries.map(|(index, entry)| (&entry.function, info.get_entry_point(index)));
        for (function, info) in named.chain(entries) {
            let mut stores = 0;
            visit(&function.body, &mut |pointer| {
                stores += u32::from(is_chosen_component(&module, function, info, pointer));
            });
            if stores > 0 {
                let function = function.name.as_deref().unwrap_or("the entry point");
                findings.push(format!("{name}: {stores} in {function}"));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn a_component_chosen_at_run_time_is_found() {
    for (kind, found) in [("vec4<f32>", 1), ("mat4x4<f32>", 1), ("array<f32, 4>", 0)] {
        let value = if kind.starts_with("mat") {
            "vec4<f32>(1.0)"
        } else {
            "1.0"
        };
        let source = format!(
            "@group(0) @binding(0) var<storage, read_write> out: array<f32>;
            @compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
                var v = {kind}();
                loop {{ if id.x == 3u {{ v[id.x] = {value}; }} break; }}
                out[id.x] = f32(id.y);
            }}"
        );
        let (module, info) = validated(&source).unwrap();
        let function = &module.entry_points[0].function;
        let mut stores = 0;
        visit(&function.body, &mut |pointer| {
            stores += u32::from(is_chosen_component(
                &module,
                function,
                info.get_entry_point(0),
                pointer,
            ));
        });
        assert_eq!(stores, found, "{kind}");
    }
}

/// Hands every pointer that is stored through to `found`.
fn visit(block: &Block, found: &mut dyn FnMut(Handle<Expression>)) {
    for statement in block {
        match statement {
            Statement::Store { pointer, .. } | Statement::Atomic { pointer, .. } => found(*pointer),
            Statement::Block(block) => visit(block, found),
            Statement::If { accept, reject, .. } => {
                visit(accept, found);
                visit(reject, found);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|case| visit(&case.body, found));
            }
            Statement::Loop {
                body, continuing, ..
            } => {
                visit(body, found);
                visit(continuing, found);
            }
            _ => {}
        }
    }
}

/// Whether a pointer leads, on its way, through an index into a vector or a matrix that is no constant.
fn is_chosen_component(
    module: &Module,
    function: &Function,
    info: &FunctionInfo,
    pointer: Handle<Expression>,
) -> bool {
    let expressions: &Arena<Expression> = &function.expressions;
    match expressions[pointer] {
        Expression::Access { base, .. } => {
            let inner = match &info[base].ty {
                TypeResolution::Handle(handle) => &module.types[*handle].inner,
                TypeResolution::Value(inner) => inner,
            };
            let pointee = match inner {
                TypeInner::Pointer { base, .. } => &module.types[*base].inner,
                TypeInner::ValuePointer { size: Some(_), .. } => return true,
                other => other,
            };
            matches!(pointee, TypeInner::Vector { .. } | TypeInner::Matrix { .. })
                || is_chosen_component(module, function, info, base)
        }
        Expression::AccessIndex { base, .. } => is_chosen_component(module, function, info, base),
        _ => false,
    }
}
