//! Rules of the source tree that a program can check. Every test lists all it finds at once.

mod commands;
mod families;
mod kernels;
mod lean;
mod modules;
mod policy;
mod source;
mod style;

/// Fails with all findings, if there are any.
fn report(rule: &str, findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{rule}: {} found\n  {}",
        findings.len(),
        findings.join("\n  ")
    );
}
