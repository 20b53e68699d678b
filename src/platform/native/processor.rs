//! What the processor is called.

/// The processor's name, or its family and model under Windows, with the widest vectors that it has, where the system
/// tells it: software adapters compute on it, and how they compile depends on both.
pub fn processor() -> Option<String> {
    let name = name()?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then(|| match vectors() {
        Some(vectors) => format!("{name} ({vectors})"),
        None => name,
    })
}

#[cfg(target_os = "linux")]
fn name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.to_owned())
}

#[cfg(target_os = "macos")]
fn name() -> Option<String> {
    let mut command = std::process::Command::new("/usr/sbin/sysctl");
    let output = command.args(["-n", "machdep.cpu.brand_string"]).output();
    String::from_utf8(output.ok()?.stdout).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn name() -> Option<String> {
    std::env::var("PROCESSOR_IDENTIFIER").ok()
}

/// Whether it has AVX-512.
#[cfg(target_arch = "x86_64")]
pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

#[cfg(not(target_arch = "x86_64"))]
pub fn has_avx512() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> Option<&'static str> {
    if has_avx512() {
        Some("AVX-512")
    } else if is_x86_feature_detected!("avx2") {
        Some("AVX2")
    } else {
        None
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> Option<&'static str> {
    None
}
