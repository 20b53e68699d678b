//! Every family's golden checkpoints, in both variants of the kernels, at the limits that WebGPU
//! guarantees: token ids, masks, positions, pixel values and all states.

use std::path::PathBuf;

use mirscope::engine::{CheckRequest, Command, DeviceSettings, Event, KernelChoice, Session};

use crate::{engine::last, golden};

/// The folders of a family's cases.
pub fn cases(family: &str) -> Vec<PathBuf> {
    let folder = root().join(family);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("golden.safetensors").is_file());
    cases.sort();
    cases
}

/// The folder of all families.
pub fn root() -> PathBuf {
    golden::root().join("families")
}

/// The golden folders, by name.
pub fn folders() -> Vec<String> {
    let entries = std::fs::read_dir(root()).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = folders.map(name).collect();
    names.sort();
    names
}

#[test]
fn every_case_agrees_with_transformers() {
    for family in folders() {
        for (kernel, webgpu_limits) in [(KernelChoice::Direct, false), (KernelChoice::Tiled, true)]
        {
            let request = CheckRequest {
                device: DeviceSettings {
                    kernel,
                    webgpu_limits,
                    ..DeviceSettings::default()
                },
                golden: Some(root().join(&family)),
                states_only: true,
                ..CheckRequest::default()
            };
            let command = Command::Check(Box::new(request));
            let Event::Check(report) = last(&mut Session::default(), command) else {
                panic!("{family}: expected a report");
            };
            let wrong: Vec<_> = report.states.iter().filter(|line| !line.ok).collect();
            assert!(wrong.is_empty(), "{family}, {kernel:?}: {wrong:#?}");
            assert_eq!(report.states.len(), cases(&family).len(), "{family}");
            assert!(report.states.iter().all(|line| line.states > 5), "{family}");
        }
    }
}
