//! What a hub or a proxy gets wrong ends in one sentence, soon, and nothing of it is used.

use std::time::{Duration, Instant};

use super::{
    check_cache, fetch, files,
    server::{Hub, Lie, SIGNATURE},
};

#[test]
fn each_ends_in_one_sentence() {
    const WEIGHTS: &str = "tiny/model: model.safetensors: ";
    const LIST: &str = "tiny/model: ";
    let cases = [
        (
            Lie::WrongLength,
            WEIGHTS,
            "expected 242,344 bytes by the repository's list",
        ),
        (Lie::ChangedEtag, WEIGHTS, "changed during the download"),
        (Lie::OtherCommit, LIST, "changed during the download"),
        (Lie::Truncated, WEIGHTS, "found the connection closed after"),
        (Lie::RedirectLoop, LIST, "more than 6 redirects"),
        (Lie::PageForList, LIST, "found a web page"),
        (Lie::PageForFile, WEIGHTS, "found a web page"),
        (Lie::PageForFileChunked, WEIGHTS, "found a web page"),
        (
            Lie::PointerForFile,
            WEIGHTS,
            "found a Git LFS pointer to a file of 242344 bytes",
        ),
        (Lie::WrongBytes, WEIGHTS, "expected the SHA-256"),
        (Lie::Status(401), LIST, "private or gated"),
        (Lie::Status(403), LIST, "ask for access"),
        (Lie::Status(404), LIST, "no such repository"),
        (Lie::Status(429), LIST, "try again in 7 seconds"),
        (Lie::Status(500), LIST, "trouble of its own"),
        (Lie::FileStatus(401), WEIGHTS, "status 401"),
        (Lie::FileStatus(403), WEIGHTS, "status 403"),
        (Lie::FileStatus(404), WEIGHTS, "no such file"),
        (Lie::FileStatus(429), WEIGHTS, "status 429"),
        (Lie::FileStatus(503), WEIGHTS, "status 503"),
        (Lie::Silent, LIST, "silent or too slow"),
        (Lie::SilentFile, WEIGHTS, "silent or too slow"),
        (Lie::Drip, LIST, "silent or too slow"),
        (Lie::DripFile, WEIGHTS, "silent or too slow"),
        (Lie::Endless, LIST, "an answer without end"),
    ];
    // Most of the time is spent waiting for what does not come.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = cases.map(|(lie, begin, part)| {
            scope.spawn(move || {
                let hub = Hub::new(files());
                hub.lie(lie);
                let folder = tempfile::tempdir().unwrap();
                let start = Instant::now();
                let sentence = match fetch(&hub, folder.path()) {
                    Ok(_) => return Some(format!("{lie:?}: nothing was noticed")),
                    Err(error) => error.to_string(),
                };
                assert!(!check_cache(&hub, folder.path()), "{lie:?}");
                let good = sentence.starts_with(begin)
                    && sentence.contains(part)
                    && sentence.lines().count() == 1
                    && !sentence.contains(SIGNATURE)
                    && !sentence.contains("hf_secret")
                    && start.elapsed() < Duration::from_secs(25);
                println!("{lie:?} after {:?}: {sentence}", start.elapsed());
                if !good {
                    return Some(format!("{lie:?} after {:?}: {sentence}", start.elapsed()));
                }
                // What was refused leaves nothing that a later run would trip over.
                hub.lie(Lie::None);
                fetch(&hub, folder.path())
                    .err()
                    .map(|error| format!("{lie:?}, then: {error}"))
            })
        });
        run.into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_passes_is_got_over() {
    for lie in [
        Lie::CutOnce(100_000),
        Lie::CutOnceWithoutRanges(100_000),
        Lie::CutOnceWithWrongRange(100_000),
        Lie::WrongBytesOnce,
        Lie::CutOnce(0),
    ] {
        let hub = Hub::new(files());
        hub.lie(lie);
        let folder = tempfile::tempdir().unwrap();
        let fetched = fetch(&hub, folder.path());
        assert!(fetched.is_ok(), "{lie:?}: {fetched:?}");
        assert!(check_cache(&hub, folder.path()), "{lie:?}");
        let ranges = hub.asked().into_iter().filter_map(|asked| asked.range);
        let ranges: Vec<String> = ranges.collect();
        let resumed = ranges.contains(&"bytes=100000-".to_owned());
        let cut = !matches!(lie, Lie::WrongBytesOnce | Lie::CutOnce(0));
        assert_eq!(resumed, cut, "{lie:?}: {ranges:?}");
    }
}
