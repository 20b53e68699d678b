//! One program for all fuzz targets: `FUZZ_TARGET` names the one that runs.
//!
//! `./dev fuzz` builds and runs it; options are those of libFuzzer. With `FUZZ_SEEDS=FOLDER` it writes the target's seeds
//! there and ends.

#![no_main]

mod memory;
mod seeds;
mod stack;
mod targets;
mod tokens;

use std::{env, fs, path::Path, process, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

#[global_allocator]
static MEMORY: memory::Bounded = memory::Bounded;

static TARGET: OnceLock<&Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = env::var("FUZZ_TARGET").unwrap_or_default();
        let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
            eprintln!("FUZZ_TARGET: expected a target, found {name:?}");
            process::exit(2);
        };
        if let Some(folder) = env::var_os("FUZZ_SEEDS") {
            write_seeds(target, Path::new(&folder));
            process::exit(0);
        }
        stack::prepare();
        TARGET.get_or_init(|| target);
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(data);
        }
    }
);

fn write_seeds(target: &Target, folder: &Path) {
    fs::create_dir_all(folder).expect("a folder for the seeds");
    for (number, seed) in (target.seeds)().iter().enumerate() {
        let path = folder.join(format!("seed-{number:04}"));
        fs::write(path, seed).expect("a seed that can be written");
    }
    let words = tokens::dictionary(target.words);
    fs::write(folder.with_extension("dict"), words).expect("a dictionary that can be written");
}
