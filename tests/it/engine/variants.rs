//! A variant through the engine, from wherever its files come.

use mirscope::{
    engine::{Command, ModelSource, NamedBytes, Session},
    platform::native::files_at,
};

use super::{measure, refusal, report};
use crate::{
    golden,
    model::variants::{study, write},
};

#[test]
fn a_variant_is_measured_like_the_same_weights_in_one_file() {
    let mut session = Session::default();
    let mut request = measure(2);
    request.model = ModelSource::Folder(golden::cases()[0].folder.clone());
    let whole = report(&mut session, request);
    let (folder, files) = (tempfile::tempdir().unwrap(), study());
    write(folder.path(), &files);
    let variant = folder.path().join("variant");
    let fetched = files.iter().map(|(name, bytes)| NamedBytes {
        name: format!("assets/study/{name}"),
        bytes: bytes.clone(),
    });
    for model in [
        ModelSource::Folder(variant.clone()),
        ModelSource::Files(fetched.collect()),
        ModelSource::Picked(files_at(&[variant, folder.path().join("base")])),
    ] {
        let mut request = measure(2);
        request.model = model;
        let found = report(&mut session, request);
        assert_eq!(found.mir, whole.mir);
        assert_eq!(found.model.parameters, whole.model.parameters);
    }
}

#[test]
fn a_shard_that_changes_beside_the_folder_is_read_again() {
    let (folder, files) = (tempfile::tempdir().unwrap(), study());
    write(folder.path(), &files);
    let mut session = Session::default();
    let mut request = measure(2);
    request.model = ModelSource::Folder(folder.path().join("variant"));
    let before = report(&mut session, request.clone());
    // One weight of the base is negated: the sign is the last bit of a little-endian number.
    let (name, mut bytes) = files[0].clone();
    let place = {
        let tensors = safetensors::SafeTensors::deserialize(&bytes)
            .unwrap()
            .tensors();
        let norm = |name: &str| name.ends_with("layers.0.layer_norm1.weight");
        let (_, view) = tensors.iter().find(|(name, _)| norm(name)).unwrap();
        view.data().as_ptr() as usize - bytes.as_ptr() as usize
    };
    bytes[place + 3] ^= 0x80;
    std::thread::sleep(std::time::Duration::from_millis(20));
    write(folder.path(), &[(name, bytes)]);
    let after = report(&mut session, request);
    let loaded = |report: &mirscope::report::Report| {
        report.timings.iter().any(|timing| timing.stage == "load")
    };
    assert!(loaded(&before) && loaded(&after));
    assert_ne!(before.mir, after.mir);
}

#[test]
fn what_is_missing_beside_chosen_files_is_named() {
    let files = study()
        .into_iter()
        .filter(|(name, _)| name.starts_with("variant/"));
    let files = files.map(|(name, bytes)| NamedBytes { name, bytes });
    let mut request = measure(1);
    request.model = ModelSource::Files(files.collect());
    let reason = refusal(&mut Session::default(), Command::Measure(Box::new(request)));
    assert!(reason.contains("../base/model.safetensors"), "{reason}");
    assert!(reason.contains("which is not there"), "{reason}");
}
