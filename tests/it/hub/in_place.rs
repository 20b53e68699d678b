//! A repository that is looked at where it is: headers of weights by range, and nothing kept.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mirscope::{
    hub::native::RemoteSource,
    model::Checkpoint,
    platform::Cancel,
    weights::{ByteSource, WeightsError},
};

use super::{
    client, fetch, files, plan,
    server::{Hub, Lie, SIGNATURE},
};

const WEIGHTS: &str = "model.safetensors";

fn remote(hub: &Hub, folder: &std::path::Path) -> RemoteSource {
    let plan = plan(hub, folder).unwrap();
    client(hub, folder)
        .remote(&plan, &Cancel::default())
        .unwrap()
}

/// Opens the checkpoint in place.
fn look(hub: &Hub, folder: &std::path::Path) -> Result<Checkpoint, String> {
    let plan = plan(hub, folder).map_err(|error| error.to_string())?;
    let remote = client(hub, folder).remote(&plan, &Cancel::default());
    let remote = remote.map_err(|error| error.to_string())?;
    let described = remote.read_descriptions(&mut |_, _, _| {});
    described.map_err(|error| error.to_string())?;
    Checkpoint::open(Arc::new(remote)).map_err(|error: WeightsError| error.to_string())
}

/// Bytes of weights that were asked for.
fn asked_for(hub: &Hub) -> u64 {
    let asked = hub.asked().into_iter().filter(|asked| asked.of_network);
    let ranges = asked.map(|asked| {
        let range = asked.range.unwrap_or_default();
        let (first, last) = range
            .strip_prefix("bytes=")
            .unwrap()
            .split_once('-')
            .unwrap();
        last.parse::<u64>().unwrap() + 1 - first.parse::<u64>().unwrap()
    });
    ranges.sum()
}

#[test]
fn only_headers_are_read_and_nothing_is_kept() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let found = look(&hub, folder.path()).unwrap();
    let (asked, all) = (asked_for(&hub), hub.files()[WEIGHTS].len() as u64);
    assert!(asked > 0 && asked < all / 2, "{asked} of {all}");
    assert!(!folder.path().join("hub").exists(), "nothing is written");
    fetch(&hub, folder.path()).unwrap();
    let plan = plan(&hub, folder.path()).unwrap();
    hub.asked();
    let here = look(&hub, folder.path()).unwrap();
    assert_eq!(
        asked_for(&hub),
        0,
        "what is here is not asked for: {plan:?}"
    );
    let names = |checkpoint: &Checkpoint| -> Vec<String> {
        let tensors = checkpoint.iter();
        tensors
            .map(|(name, info)| format!("{name} {:?}", info.shape))
            .collect()
    };
    assert_eq!(names(&found), names(&here));
}

#[test]
fn parts_are_those_that_were_asked_for() {
    let hub = Hub::new(files());
    let folder = tempfile::tempdir().unwrap();
    let remote = remote(&hub, folder.path());
    let content = &hub.files()[WEIGHTS];
    let len = content.len() as u64;
    assert_eq!(remote.len(WEIGHTS).unwrap(), Some(len));
    assert_eq!(remote.len("README.md").unwrap(), None);
    for range in [
        0..8,
        3..9,
        len - 5..len,
        100_000..200_000,
        7..7,
        70_000..70_001,
    ] {
        let found = remote.read_range(WEIGHTS, range.clone()).unwrap();
        assert!(
            found == content[range.start as usize..range.end as usize],
            "{range:?}"
        );
    }
    let inverted = std::ops::Range { start: 9, end: 8 };
    for range in [len - 1..len + 1, inverted, 0..u64::MAX] {
        let error = remote.read_range(WEIGHTS, range).unwrap_err().to_string();
        assert!(error.contains("found only"), "{error}");
    }
    let config = remote.read("config.json").unwrap();
    assert!(config == hub.files()["config.json"]);
    let (came, missing) = remote.came();
    assert!(came > 100_000 && came < missing, "{came}, {missing}");
}

#[test]
fn what_is_wrong_is_one_sentence() {
    const BEGIN: &str = "tiny/model: model.safetensors: ";
    const LIST: &str = "tiny/model: ";
    let cases = [
        (Lie::NoRanges, BEGIN, "knows no ranges"),
        (
            Lie::LongRange,
            BEGIN,
            "expected the bytes from 0 on, found others",
        ),
        (Lie::ChangedBetween, BEGIN, "changed during the download"),
        (Lie::GrownBetween, BEGIN, "found an answer of 242,354"),
        (Lie::ChangedEtag, BEGIN, "changed during the download"),
        (Lie::OtherCommit, LIST, "changed during the download"),
        (Lie::WrongLength, BEGIN, "found an answer of 242,354"),
        (Lie::Truncated, BEGIN, "found the connection closed after"),
        (Lie::PageForFile, BEGIN, "found a web page"),
        (Lie::PageForFileChunked, BEGIN, "found a web page"),
        (Lie::PointerForFile, BEGIN, "found a Git LFS pointer"),
        (Lie::Status(401), LIST, "private or gated"),
        (Lie::Status(404), LIST, "no such repository"),
        (Lie::Status(429), LIST, "try again in 7 seconds"),
        (Lie::FileStatus(401), BEGIN, "status 401"),
        (Lie::FileStatus(404), BEGIN, "no such file"),
        (Lie::FileStatus(429), BEGIN, "status 429"),
        (Lie::FileStatus(503), BEGIN, "status 503"),
        (Lie::RedirectLoop, LIST, "more than 6 redirects"),
        (Lie::SilentFile, BEGIN, "silent or too slow"),
        (Lie::DripFile, BEGIN, "silent or too slow"),
    ];
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = cases.map(|(lie, begin, part)| {
            scope.spawn(move || {
                let hub = Hub::new(files());
                hub.lie(lie);
                let folder = tempfile::tempdir().unwrap();
                let start = Instant::now();
                let between = matches!(lie, Lie::ChangedBetween | Lie::GrownBetween);
                let result = match between {
                    false => look(&hub, folder.path()).map(drop),
                    true => {
                        let remote = remote(&hub, folder.path());
                        remote.read_range(WEIGHTS, 0..8).unwrap();
                        let second = remote.read_range(WEIGHTS, 150_000..150_008);
                        second.map(drop).map_err(|error| error.to_string())
                    }
                };
                let sentence = match result {
                    Ok(()) => return Some(format!("{lie:?}: nothing was noticed")),
                    Err(sentence) => sentence,
                };
                let good = sentence.starts_with(begin)
                    && sentence.contains(part)
                    && sentence.lines().count() == 1
                    && !sentence.contains(SIGNATURE)
                    && !folder.path().join("hub").exists()
                    && start.elapsed() < Duration::from_secs(25);
                (!good).then(|| format!("{lie:?} after {:?}: {sentence}", start.elapsed()))
            })
        });
        let ended = run.into_iter().map(|thread| thread.join().unwrap());
        ended.flatten().collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_broken_connection_is_gone_on_with() {
    for lie in [Lie::CutOnce(1000), Lie::CutOnce(0)] {
        let hub = Hub::new(files());
        hub.lie(lie);
        let folder = tempfile::tempdir().unwrap();
        let found = look(&hub, folder.path());
        assert!(found.is_ok(), "{lie:?}: {found:?}");
        let ranges = hub.asked().into_iter().filter_map(|asked| asked.range);
        let ranges: Vec<String> = ranges.collect();
        let rest = ranges.iter().any(|range| range.starts_with("bytes=1000-"));
        assert_eq!(rest, lie == Lie::CutOnce(1000), "{ranges:?}");
    }
}

#[test]
fn a_wish_to_stop_is_heard_while_a_header_is_awaited() {
    let hub = Hub::new(files());
    hub.lie(Lie::SilentFile);
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&hub, folder.path()).unwrap();
    let cancel = Cancel::default();
    let remote = client(&hub, folder.path()).remote(&plan, &cancel).unwrap();
    let start = Instant::now();
    let error = std::thread::scope(|scope| {
        let reading = scope.spawn(|| remote.read_range(WEIGHTS, 0..8));
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
        reading.join().unwrap().unwrap_err()
    });
    assert!(error.to_string().ends_with("cancelled"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(900));
}
