use mirscope::gpu::SHADERS;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Validates every composed shader as a browser would: core WGSL (which has `unpack2x16float`, the
/// one capability), no native extras. Overrides that
/// size nothing and choose branches stay open, so all variants are covered.
#[test]
fn every_shader_is_valid_core_wgsl() {
    assert!(!SHADERS.is_empty(), "the table of shaders is empty");
    let mut failures = Vec::new();
    for (name, source) in SHADERS {
        let outcome = naga::front::wgsl::parse_str(source)
            .map_err(|error| error.emit_to_string(source))
            .and_then(|module| {
                Validator::new(
                    ValidationFlags::all(),
                    Capabilities::SHADER_FLOAT16_IN_FLOAT32,
                )
                .validate(&module)
                .map(|_| ())
                .map_err(|error| error.emit_to_string(source))
            });
        if let Err(message) = outcome {
            failures.push(format!("{name}: {message}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
