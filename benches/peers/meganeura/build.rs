//! Tells the program which meganeura it was built with.

fn main() {
    println!("cargo::rerun-if-changed=Cargo.toml");
    let manifest = std::fs::read_to_string("Cargo.toml").unwrap_or_default();
    let line = manifest.lines().find(|line| line.starts_with("meganeura"));
    let version = line.and_then(|line| line.split('"').nth(1)).unwrap_or("?");
    println!(
        "cargo::rustc-env=MEGANEURA_VERSION={}",
        version.trim_start_matches('=')
    );
}
