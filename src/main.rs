//! The native program: the command line of [`mirscope`].

use std::process::ExitCode;

fn main() -> ExitCode {
    mirscope::cli::main(std::env::args_os())
}
