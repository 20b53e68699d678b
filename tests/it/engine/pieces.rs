//! A measurement in pieces: shards that save their states, and what is made of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mirscope::{
    engine::{
        Command, DeviceSettings, Event, Extra, ImageInput, KernelChoice, MeasureRequest,
        MeasureSettings, MergeRequest, MetricChoice, ModelSource, PairInput, PairSource, Session,
        Shard, ShardRequest, ShardSummary, Stage,
    },
    platform::Cancel,
    report::{Definition, Report, TextMask},
};

use super::{last, measure, refusal, report};

/// Seven of nine pairs, with all that is computed of them, what needs the model included.
fn whole() -> MeasureRequest {
    let mut request = measure(9);
    request.keep = false;
    request.settings = MeasureSettings {
        num_pairs: Some(7),
        seed: 3,
        metrics: MetricChoice::All,
        also: vec![Extra::LogitLens, Extra::WithoutImage],
        intervals: true,
        ..MeasureSettings::default()
    };
    request
}

pub(super) fn request(measure: &MeasureRequest, number: u64, of: u64, file: &Path) -> ShardRequest {
    ShardRequest {
        measure: measure.clone(),
        shard: Shard { number, of },
        file: file.to_owned(),
        unread: Vec::new(),
        notes: Vec::new(),
        anew: false,
        save_seconds: None,
    }
}

#[track_caller]
pub(super) fn saved(session: &mut Session, request: ShardRequest) -> ShardSummary {
    match last(session, Command::Shard(Box::new(request))) {
        Event::Shard(summary) => *summary,
        other => panic!("expected a saved shard, found {other:?}"),
    }
}

pub(super) fn merge(files: &[&Path], memory_budget: Option<u64>) -> Command {
    Command::Merge(Box::new(MergeRequest {
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        device: DeviceSettings::default(),
        memory_budget,
        whole: true,
    }))
}

#[track_caller]
pub(super) fn merged(session: &mut Session, files: &[&Path], memory_budget: Option<u64>) -> Report {
    match last(session, merge(files, memory_budget)) {
        Event::Report(report) => *report,
        other => panic!("expected a report, found {other:?}"),
    }
}

/// The files of all shards.
fn shards(session: &mut Session, folder: &Path, measure: &MeasureRequest, of: u64) -> Vec<PathBuf> {
    let file = |number| folder.join(format!("{number}-of-{of}.safetensors"));
    let one = |number| {
        saved(session, request(measure, number, of, &file(number)));
        file(number)
    };
    (1..=of).map(one).collect()
}

/// All but what tells of the way.
pub(super) fn numbers(report: &Report) -> Report {
    Report {
        timings: Vec::new(),
        notes: Vec::new(),
        ..report.clone()
    }
}

#[test]
fn shards_in_any_order_give_the_bits_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    for (definition, text_mask) in [
        (Definition::Exact, TextMask::Content),
        (Definition::OfficialFast, TextMask::Official),
    ] {
        let mut request = whole();
        request.settings.definition = definition;
        request.settings.text_mask = text_mask;
        request.settings.also.push(Extra::Definitions);
        let one = report(&mut session, request.clone());
        let intervals = one.metrics.iter().any(|metric| metric.interval.is_some());
        assert!(intervals || definition != Definition::Exact);
        let files = shards(&mut session, folder.path(), &request, 3);
        let [a, b, c] = [0, 1, 2].map(|index| files[index].as_path());
        for order in [[a, b, c], [c, a, b]] {
            let found = merged(&mut session, &order, None);
            assert_eq!(numbers(&found), numbers(&one), "{definition}");
            assert!(found.contradiction().is_none());
            assert!(found.notes.contains(&"merged of 3 shards".to_owned()));
        }
        // One shard is the run itself.
        let file = shards(&mut session, folder.path(), &request, 1);
        let found = merged(&mut session, &[&file[0]], None);
        assert_eq!(numbers(&found), numbers(&one), "{definition}");
        for file in files {
            fs::remove_file(file).unwrap();
        }
        fs::remove_file(&file[0]).unwrap();
    }
}

/// With kernels for GPUs several pairs share a forward pass where nothing is exported, and in a shard none does.
#[test]
fn pairs_have_the_same_bits_whoever_runs_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    let mut request = whole();
    request.device.kernel = KernelChoice::Tiled;
    request.settings.also.push(Extra::Definitions);
    let one = report(&mut session, request.clone());
    let files = shards(&mut session, folder.path(), &request, 3);
    let command = Command::Merge(Box::new(MergeRequest {
        files,
        device: request.device.clone(),
        memory_budget: None,
        whole: true,
    }));
    let Event::Report(found) = last(&mut session, command) else {
        panic!("expected a report");
    };
    assert_eq!(numbers(&found), numbers(&one));
}

#[test]
fn states_that_do_not_fit_are_streamed_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = Session::default();
    let mut request = whole();
    request.pairs = super::pairs(24);
    request.settings.num_pairs = None;
    // A second forward pass takes memory in a run and none in a merge.
    request.settings.also = vec![Extra::LogitLens];
    let files = shards(&mut session, folder.path(), &request, 2);
    // The smallest budget that is enough.
    let found = (2 * 17..2 * 30).find_map(|half| {
        let budget = (f64::from(half) / 2.0).exp2() as u64;
        request.settings.memory_budget = Some(budget);
        match last(&mut session, Command::Measure(Box::new(request.clone()))) {
            Event::Report(report) => Some((budget, *report)),
            _ => None,
        }
    });
    let (budget, one) = found.unwrap();
    assert!(one.notes.iter().any(|note| note.starts_with("streamed")));
    let found = merged(&mut session, &[&files[1], &files[0]], Some(budget));
    assert!(found.notes.iter().any(|note| note.starts_with("streamed")));
    assert_eq!(numbers(&found), numbers(&one));
}

#[test]
fn what_is_no_whole_measurement_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(format!("{name}.safetensors"));
    let mut session = Session::default();
    let own = whole();
    let files = shards(&mut session, folder.path(), &own, 3);
    let [a, b, c] = [0, 1, 2].map(|index| files[index].as_path());
    let mut refused = |files: &[&Path], words: &[&str]| {
        let reason = refusal(&mut session, merge(files, None));
        for word in words {
            assert!(reason.contains(word), "{word}: {reason}");
        }
    };
    let name = |path: &Path| path.display().to_string();
    refused(&[a, c], &[&name(a), "none of shard 2", "2/3"]);
    refused(&[b], &["none of shard 1, 3"]);
    refused(
        &[a, b, c, b],
        &[&name(b), "shard 2 of 3", "name each shard once"],
    );
    refused(&[a, b, &at("nobody")], &["nobody", "nothing there"]);

    // What is no piece, or is damaged.
    let bytes = fs::read(b).unwrap();
    fs::write(at("short"), &bytes[..bytes.len() - 1]).unwrap();
    refused(&[a, &at("short"), c], &["short.safetensors", "expected"]);
    let edited = |from: &str, to: &str, name: &str| {
        assert_eq!(from.len(), to.len());
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let place = bytes.windows(from.len()).rposition(|part| part == from);
        let place = place.expect("the header says it");
        let mut bytes = bytes.clone();
        bytes[place..place + from.len()].copy_from_slice(to);
        fs::write(at(name), bytes).unwrap();
    };
    edited(r#"\"format\":1"#, r#"\"format\":9"#, "format");
    refused(&[a, &at("format"), c], &["`format`", "expected 1, found 9"]);
    edited(r#"\"shard\":2"#, r#"\"shard\":7"#, "number");
    refused(&[a, &at("number"), c], &["`shard`", "from 1 to 3, found 7"]);
    edited(r#"\"shard\":2"#, r#"\"shard\":3"#, "stray");
    refused(&[a, &at("stray")], &["`pair`", "shard 3 of 3", "found 1"]);
    edited(r#"\"seed\":3"#, r#"\"seed\":4"#, "seed");
    refused(
        &[a, &at("seed"), c],
        &[
            &name(a),
            "seed.safetensors",
            "`settings.seed`",
            "3, found 4",
        ],
    );
    edited(r#"\"pairs\":7"#, r#"\"pairs\":8"#, "pairs");
    refused(&[&at("pairs"), a, c], &["`pairs`", "8, found 7"]);
    edited(r#""piece""#, r#""PIECE""#, "none");
    refused(&[a, &at("none"), c], &["found no `piece`"]);
    edited(r#""checksums""#, r#""checksumz""#, "sums");
    refused(&[a, &at("sums"), c], &["found none", "`checksums`"]);
    // What metrics that need the model kept.
    edited(
        r#"image-effect-distance\":["#,
        r#"image-effect-distanze\":["#,
        "kept",
    );
    refused(
        &[a, &at("kept"), c],
        &["`kept`", "`kept.image-effect-distanze`", "found none"],
    );
    edited(r#""words":"["#, r#""words":"{"#, "words");
    refused(
        &[a, &at("words"), c],
        &["words.safetensors", "`words`", &name(a), "found others"],
    );
    let size = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..size]).unwrap();
    let begin = &header["kept.logit-lens-entropy"]["data_offsets"][0];
    let mut flipped = bytes.clone();
    flipped[size + begin.as_u64().unwrap() as usize] ^= 1;
    fs::write(at("lens"), flipped).unwrap();
    refused(
        &[a, &at("lens"), c],
        &["lens.safetensors", "pair 1", "`checksums`"],
    );
    // A number that is as good as the one that was there.
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(at("flipped"), flipped).unwrap();
    refused(
        &[a, &at("flipped"), c],
        &["flipped.safetensors", "pair ", "measure the shard again"],
    );

    // Another checkpoint, other pairs, other settings.
    let other = |change: &dyn Fn(&mut MeasureRequest)| {
        let mut request = whole();
        change(&mut request);
        request
    };
    let mut session = Session::default();
    for (field, changed) in [
        ("settings.seed", other(&|r| r.settings.seed = 4)),
        (
            "settings.num_pairs",
            other(&|r| r.settings.num_pairs = None),
        ),
        (
            "settings.intervals",
            other(&|r| r.settings.intervals = false),
        ),
        ("pairs_sum", other(&|r| r.pairs = super::pairs(12))),
        (
            "checkpoint",
            other(&|r| r.model = ModelSource::Demo { connector: None }),
        ),
    ] {
        let file = at("other");
        let changed = ShardRequest {
            anew: true,
            ..request(&changed, 2, 3, &file)
        };
        saved(&mut session, changed);
        let reason = refusal(&mut session, merge(&[a, &file, c], None));
        for word in [&*format!("`{field}`"), &name(a), &name(&file)] {
            assert!(reason.contains(word), "{word}: {reason}");
        }
    }
    let reason = refusal(
        &mut session,
        Command::Shard(Box::new(request(&own, 8, 8, &at("none")))),
    );
    assert!(reason.contains("there are 7 pairs"), "{reason}");
}

/// Begins a shard and stops it when `pairs` of its pairs have run.
pub(super) fn interrupted(session: &mut Session, request: ShardRequest, pairs: u64) {
    let cancel = Cancel::default();
    let mut last = None;
    let command = Command::Shard(Box::new(request));
    pollster::block_on(session.run(command, &cancel, &mut |event| {
        if let Event::Progress {
            stage: Stage::Forward,
            done,
            ..
        } = &event
            && *done >= pairs
        {
            cancel.cancel();
        }
        last = Some(event);
    }));
    assert!(matches!(last, Some(Event::Cancelled)), "{last:?}");
}

#[test]
fn an_interrupted_shard_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (file, partial) = (at("a.safetensors"), at("a.safetensors.partial"));
    let mut session = Session::default();
    let own = whole();
    let one = request(&own, 1, 1, &at("straight.safetensors"));
    assert_eq!(saved(&mut session, one).before, 0);
    let straight = fs::read(at("straight.safetensors")).unwrap();

    let again = || request(&own, 1, 1, &file);
    interrupted(&mut session, again(), 3);
    assert!(partial.is_file() && !file.exists());
    // Other settings are another run, which does not take away what this one left.
    let mut other = again();
    other.measure.settings.seed = 4;
    let reason = refusal(&mut session, Command::Shard(Box::new(other.clone())));
    for word in [
        "a.safetensors.partial",
        "`settings.seed` is 3, not 4",
        "--force",
    ] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
    let summary = saved(&mut session, again());
    assert!((1..7).contains(&summary.before), "{summary:?}");
    assert_eq!(summary.pairs, 7);
    assert!(!partial.exists());
    assert!(fs::read(&file).unwrap() == straight);
    // What is whole does not run again.
    assert_eq!(saved(&mut session, again()).before, 7);

    // A pair whose rows are not whole runs again, and those after it.
    fs::remove_file(&file).unwrap();
    interrupted(&mut session, again(), 4);
    let mut bytes = fs::read(&partial).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    // The sum of the second pair.
    bytes[header + 8] ^= 1;
    fs::write(&partial, &bytes).unwrap();
    let summary = saved(&mut session, again());
    assert_eq!(summary.before, 1);
    assert!(fs::read(&file).unwrap() == straight);

    // What another run left is given up only when that is asked for.
    fs::remove_file(&file).unwrap();
    interrupted(&mut session, again(), 2);
    other.anew = true;
    assert_eq!(saved(&mut session, other).before, 0);
    assert!(fs::read(&file).unwrap() != straight);

    // Neither is a whole file of another run replaced, nor one that is no such file at all.
    let reason = refusal(&mut session, Command::Shard(Box::new(again())));
    assert!(
        reason.contains("another run has written it") && reason.contains("--force"),
        "{reason}"
    );
    fs::write(&file, b"0123456789").unwrap();
    let reason = refusal(&mut session, Command::Shard(Box::new(again())));
    assert!(reason.contains("found another one"), "{reason}");
    assert_eq!(fs::read(&file).unwrap(), b"0123456789");
    fs::remove_file(&file).unwrap();
    fs::write(&partial, b"0123456789").unwrap();
    let reason = refusal(&mut session, Command::Shard(Box::new(again())));
    assert!(reason.contains("move it away"), "{reason}");
    assert_eq!(fs::read(&partial).unwrap(), b"0123456789");

    // A beginning that holds nothing is no obstacle.
    fs::write(&partial, b"nothing").unwrap();
    assert_eq!(saved(&mut session, again()).before, 0);
    assert!(fs::read(&file).unwrap() == straight);
}

#[test]
fn pairs_that_cannot_be_read_are_left_out_as_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.png");
    fs::write(&broken, b"no image").unwrap();
    let mut own = measure(7);
    own.keep = false;
    own.settings.skip_unreadable = true;
    let PairSource::Pairs { pairs, .. } = &mut own.pairs else {
        panic!("pairs");
    };
    for index in [1, 4] {
        pairs[index] = PairInput::new(ImageInput::Path(broken.clone()), "A dog.");
    }
    let mut session = Session::default();
    let one = report(&mut session, own.clone());
    assert_eq!((one.data.num_pairs, one.data.skipped.len()), (5, 2));
    // Of three shards the second has no other pairs.
    let files = shards(&mut session, folder.path(), &own, 3);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let found = merged(&mut session, &files, None);
    assert_eq!(numbers(&found), numbers(&one));
}
