//! What a hub or a proxy gets wrong ends in one sentence, soon, and nothing of it is used.

use std::time::{Duration, Instant};

use super::{
    check_cache, fetch, files,
    server::{Hub, Lie, SIGNATURE},
    shelf,
};
use mirscope::engine::SplitMix64;

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

#[test]
fn wherever_a_download_is_cut_the_cache_holds_the_file_or_nothing() {
    let len = files()["model.safetensors"].len();
    let mut random = SplitMix64::new(5);
    // Around what tells what came, the pieces that are read at once, the end; and anywhere.
    let mut places = vec![1, 511, 512, 513, 65_536, len - 1];
    places.extend((0..10).map(|_| random.next_u64() as usize % len));
    let cut = places
        .iter()
        .flat_map(|&at| [Lie::CutOnce(at), Lie::CutOnceWithoutRanges(at)]);
    let lengths = [1, 10, 100_000].into_iter();
    let lengths = lengths.flat_map(|by| [Lie::LengthAbove(by), Lie::LengthBelow(by)]);
    for lie in cut.chain(lengths) {
        let hub = Hub::new(files());
        hub.lie(lie);
        let folder = tempfile::tempdir().unwrap();
        let outcome = fetch(&hub, folder.path());
        assert_eq!(
            check_cache(&hub, folder.path()),
            outcome.is_ok(),
            "{lie:?}: {outcome:?}"
        );
        if let Err(error) = outcome {
            let sentence = error.to_string();
            assert!(
                sentence.starts_with("tiny/model: model.safetensors: ")
                    && sentence.lines().count() == 1,
                "{lie:?}: {sentence}"
            );
            hub.lie(Lie::None);
            let again = fetch(&hub, folder.path());
            assert!(
                again.is_ok() && check_cache(&hub, folder.path()),
                "{lie:?}: {again:?}"
            );
        }
        let blobs = std::fs::read_dir(shelf(folder.path()).join("blobs")).unwrap();
        let mut names = blobs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(names.all(|name| !name.ends_with(".incomplete")), "{lie:?}");
    }
}
