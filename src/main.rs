//! The native program: the command line of [`mirscope`].

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    quiet_driver();
    mirscope::cli::main(std::env::args_os())
}

/// Mesa's drivers ask libwayland for a display even where nothing is shown, and it prints an error that
/// means nothing where no desktop session has set this variable. A folder that is not there is as good as
/// none, without the message.
#[cfg(target_os = "linux")]
fn quiet_driver() {
    const VARIABLE: &str = "XDG_RUNTIME_DIR";
    let folder = std::env::var_os(VARIABLE).unwrap_or_default();
    if std::path::Path::new(&folder).is_absolute() {
        return;
    }
    // SAFETY: the program has one thread yet: this is the first thing that `main` does.
    #[allow(unsafe_code)]
    unsafe {
        std::env::set_var(VARIABLE, "/nonexistent");
    }
}
