//! Shards whose states would take too much save sums of them, and a merge gives what a run over all pairs does.

use std::{fs, path::Path};

use mirscope::{
    engine::{
        Command, Extra, MeasureRequest, MeasureSettings, MetricChoice, Session, ShardRequest,
    },
    report::{Definition, MetricReport, Outliers, Report},
};

use super::{
    measure,
    pieces::{interrupted, merge, merged, numbers, request, saved},
    refusal, report,
};

/// More tokens than sums take, with all that is computed of them.
fn many() -> MeasureRequest {
    let mut request = measure(100);
    request.keep = false;
    request.settings = MeasureSettings {
        seed: 3,
        metrics: MetricChoice::All,
        also: vec![Extra::LogitLens, Extra::WithoutImage],
        intervals: true,
        ..MeasureSettings::default()
    };
    request
}

/// A shard that has no room for states.
fn summed(measure: &MeasureRequest, number: u64, of: u64, file: &Path) -> ShardRequest {
    let mut own = request(measure, number, of, file);
    own.measure.settings.memory_budget = Some(1);
    own
}

#[track_caller]
fn near(found: f64, right: f64, what: &str) {
    assert!(
        (found / right - 1.0).abs() < 1e-5,
        "{what}: {found}, {right}"
    );
}

/// Everything that a merge says beside the rate has the bits of one run.
fn compare(found: &Report, one: &Report) {
    near(found.mir.unwrap(), one.mir.unwrap(), "MIR");
    for (found, one) in found.layers.iter().zip(&one.layers) {
        assert_eq!(found.outliers_vision, one.outliers_vision);
        assert_eq!(found.near_limit, one.near_limit);
        near(found.frechet, one.frechet, "distance");
    }
    let by_pair = |metric: &&MetricReport| {
        [
            "chamfer",
            "centroid-gap",
            "linear-cka",
            "mutual-knn",
            "logit-lens",
            "image-effect",
        ]
        .iter()
        .any(|id| metric.id.starts_with(id))
    };
    let both = [found, one].map(|report| report.metrics.iter().filter(by_pair).collect::<Vec<_>>());
    assert!(both[0].len() >= 10);
    assert_eq!(both[0], both[1]);
    assert_eq!(
        found.metrics.iter().map(|it| &it.id).collect::<Vec<_>>(),
        one.metrics.iter().map(|it| &it.id).collect::<Vec<_>>()
    );
}

#[test]
fn sums_of_shards_give_what_one_run_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    for (outliers, definition) in [
        (Outliers::Replace, Definition::Exact),
        (Outliers::Drop, Definition::Exact),
        (Outliers::Replace, Definition::OfficialFast),
    ] {
        let mut request = many();
        request.settings.outliers = outliers;
        request.settings.definition = definition;
        let one = report(&mut session, request.clone());
        let file = |number: u64| {
            folder
                .path()
                .join(format!("{outliers}-{definition}-{number}.safetensors"))
        };
        for number in 1..=3 {
            let summary = saved(&mut session, summed(&request, number, 3, &file(number)));
            assert!(summary.sums, "{summary:?}");
        }
        let [a, b, c] = [1, 2, 3].map(file);
        let found = merged(&mut session, &[&a, &b, &c], None);
        compare(&found, &one);
        assert!(found.contradiction().is_none());
        assert!(found.notes.iter().any(|note| note.starts_with("streamed")));
        // The order of the files is no matter.
        let other = merged(&mut session, &[&c, &a, &b], None);
        assert_eq!(numbers(&found), numbers(&other));
        let reason = refusal(&mut session, merge(&[&a, &c], None));
        assert!(reason.contains("found none of shard 2"), "{reason}");
        let reason = refusal(&mut session, merge(&[&a, &a], None));
        assert!(reason.contains("name each shard once"), "{reason}");
    }
}

#[test]
fn states_that_have_room_are_saved_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    let (own, sums) = (
        folder.path().join("1.safetensors"),
        folder.path().join("2.safetensors"),
    );
    assert!(!saved(&mut session, request(&many(), 1, 2, &own)).sums);
    assert!(saved(&mut session, summed(&many(), 2, 2, &sums)).sums);
    let bytes = |file: &Path| fs::metadata(file).unwrap().len();
    assert!(bytes(&sums) < bytes(&own));
    let reason = refusal(&mut session, merge(&[&own, &sums], None));
    assert!(
        reason.contains("1.safetensors") && reason.contains("one memory budget"),
        "{reason}"
    );
    // The same settings with another budget do not replace it.
    let reason = refusal(
        &mut session,
        Command::Shard(Box::new(request(&many(), 2, 2, &sums))),
    );
    assert!(reason.contains("--force"), "{reason}");
}

#[test]
fn an_interrupted_shard_goes_on_from_its_last_saved_sums() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    let file = folder.path().join("a.safetensors");
    let beside = folder.path().join("a.safetensors.saved.safetensors");
    let own = |seconds| {
        let mut own = summed(&many(), 1, 1, &file);
        own.save_seconds = seconds;
        own
    };
    let one = report(&mut session, many());
    interrupted(&mut session, own(Some(0.0)), 60);
    assert!(beside.is_file() && !file.exists());
    assert!(!folder.path().join("a.safetensors.partial").exists());
    // Other settings are another run.
    let mut other = own(None);
    other.measure.settings.seed = 4;
    let reason = refusal(&mut session, Command::Shard(Box::new(other)));
    assert!(
        reason.contains("`settings.seed` is 3, not 4") && reason.contains("--force"),
        "{reason}"
    );
    let summary = saved(&mut session, own(None));
    assert!((1..100).contains(&summary.before), "{summary:?}");
    assert!(file.is_file() && !beside.exists());
    let found = merged(&mut session, &[&file], None);
    compare(&found, &one);
    // What is whole does not run again.
    assert_eq!(saved(&mut session, own(None)).before, 100);
    // A run that nothing stopped says the same.
    let straight = folder.path().join("b.safetensors");
    saved(&mut session, summed(&many(), 1, 1, &straight));
    compare(&merged(&mut session, &[&straight], None), &one);
}

#[test]
fn sums_that_changed_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    let file = folder.path().join("a.safetensors");
    saved(&mut session, summed(&many(), 1, 1, &file));
    let bytes = fs::read(&file).unwrap();
    let size = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
    // One bit of the last tensor, one in the middle.
    for place in [bytes.len() - 3, size + (bytes.len() - size) / 2] {
        let mut changed = bytes.clone();
        changed[place] ^= 4;
        fs::write(&file, &changed).unwrap();
        let reason = refusal(&mut session, merge(&[&file], None));
        assert!(
            reason.contains("others by their sum in `checksums`"),
            "{reason}"
        );
    }
    fs::write(&file, &bytes[..bytes.len() - 8]).unwrap();
    refusal(&mut session, merge(&[&file], None));
    // What the header says is checked before anything is read by it.
    let header = String::from_utf8(bytes[8..size].to_vec()).unwrap();
    let mut changed = |from: &str, to: &str| {
        assert!(header.contains(from) && from.len() == to.len(), "{from}");
        let mut changed = bytes.clone();
        let header = header.replacen(from, to, 1);
        changed[8..size].copy_from_slice(header.as_bytes());
        fs::write(&file, &changed).unwrap();
        refusal(&mut session, merge(&[&file], None))
    };
    for (from, to) in [
        (r#"\"width\":"#, r#"\"wodth\":"#),
        (r#"\"sums\":"#, r#"\"sims\":"#),
        (r#"\"numbers\":[0,1,"#, r#"\"numbers\":[0,0,"#),
        (r#"\"numbers\":[0,1,"#, r#"\"numbers\":[9,1,"#),
    ] {
        if header.contains(from) {
            let reason = changed(from, to);
            assert!(
                reason.contains("measure the shard again"),
                "{from}: {reason}"
            );
        }
    }
    let reason = changed(r#"\"tokens\":[["#, r#"\"tokens\":[3"#);
    assert!(reason.contains("a.safetensors"), "{reason}");
    // So many layers that a list of their entries would fit no memory.
    let at = header.find(r#"\"num_hidden_layers\":"#).unwrap() + 22;
    let digits = header[at..].find(|letter: char| !letter.is_ascii_digit());
    let mut longer = header.clone();
    longer.replace_range(at..at + digits.unwrap(), "1000000000000000");
    while !longer.len().is_multiple_of(8) {
        longer.push(' ');
    }
    let size_now = (longer.len() as u64).to_le_bytes();
    let claims = [&size_now, longer.as_bytes(), &bytes[size..]].concat();
    fs::write(&file, claims).unwrap();
    let reason = refusal(&mut session, merge(&[&file], None));
    assert!(
        reason.contains("1 to 1024 decoder layers, found 1000000000000000"),
        "{reason}"
    );
}
